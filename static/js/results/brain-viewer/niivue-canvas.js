/** Draws the brain and one overlay with NiiVue. Knows nothing of pages, tables or addresses. */

import { MULTIPLANAR_TYPE, NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from "../../../vendor/niivue/niivue.js";
import { PALETTES } from "./palettes.js";
import { encodeNifti, fetchVolume, halved } from "./volume.js";

const SLICE_TYPES = {
  all: SLICE_TYPE.MULTIPLANAR,
  slices: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
};
// A value at the threshold takes the first visible of 255 colours; the one before it is transparent.
const COLOURS = 254;
const SMALLEST_SHARE = 1e-6;

const OPTIONS = {
  backColor: [0, 0, 0, 1],
  crosshairColor: [0.35, 0.85, 0.55, 0.9],
  crosshairWidth: 0.6,
  crosshairWidthUnit: "mm",
  crosshairGap: 5,
  fontColor: [1, 1, 1, 1],
  fontMinPx: 15,
  show3Dcrosshair: true,
  showAllOrientationMarkers: true,
  isOrientCube: true,
  isRadiologicalConvention: false,
  isNearestInterpolation: true,
  multiplanarLayout: MULTIPLANAR_TYPE.GRID,
  multiplanarPadPixels: 10,
  dragAndDropEnabled: false,
  scrollRequiresFocus: true,
  isAntiAlias: false,
  loadingText: "",
  logLevel: "error",
};

const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

/** "none" without WebGL2; "software" where the processor draws, too slowly for turning a brain in 3D; else "hardware". */
export function graphics() {
  const context = document.createElement("canvas").getContext("webgl2");
  if (!context) return "none";
  const names = context.getExtension("WEBGL_debug_renderer_info");
  const renderer = context.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : context.RENDERER);
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE.test(renderer) ? "software" : "hardware";
}

/** NiiVue prepares the background anew (its 3D shading, mostly) whenever an overlay changes; once is enough. */
class OneBackground extends Niivue {
  updateGLVolume() {
    if (!this.backgroundStands) return super.updateGLVolume();
    this.refreshColormaps();
    this.volumes.slice(1).forEach((volume, i) => this.refreshLayers(volume, i + 1));
    this.drawScene();
  }
}

export class NiivueCanvas {
  constructor(canvas, onMove) {
    this.canvas = canvas;
    this.niivue = new OneBackground(OPTIONS);
    this.niivue.onLocationChange = ({ mm }) => this.listening && onMove([mm[0], mm[1], mm[2]]);
    this.listening = false;
  }

  /** background: address of the T1, shown at half its resolution where `coarse`; grid: a volume on the maps' grid. */
  async start(background, grid, view, coarse) {
    this.setView(view);
    for (const [name, palette] of Object.entries(PALETTES)) this.niivue.addColormap(name, palette);
    await this.niivue.attachToCanvas(this.canvas, false);
    // The stage around it takes the keys; a second stop for the Tab key would say nothing.
    this.canvas.tabIndex = -1;
    await this.add(coarse ? halved(await fetchVolume(background)) : await fetchVolume(background), "gray");
    this.niivue.backgroundStands = true;
    this.overlay = await this.add({ ...grid, values: new Float32Array(grid.values.length) }, "concord_warm");
  }

  async add(volume, colormap) {
    const url = new Uint8Array(encodeNifti(volume));
    const image = await NVImage.loadFromUrl({ url, name: `${colormap}.nii`, colormap });
    this.niivue.addVolume(image);
    return image;
  }

  /** values: 0 where nothing is shown; from, to and fromNegative, toNegative on the same scale. */
  show({ values, from, to, fromNegative, toNegative, palettes, opacity }) {
    const overlay = this.overlay;
    overlay.img.set(values);
    [overlay._colormap, overlay.colormapNegative] = palettes;
    // Never at or beyond 0, which is everywhere where nothing is shown.
    overlay.cal_min = Math.max(from - (to - from) / COLOURS, to * SMALLEST_SHARE);
    overlay.cal_max = to;
    overlay.cal_maxNeg = Math.min(fromNegative - (toNegative - fromNegative) / COLOURS, toNegative * SMALLEST_SHARE);
    overlay.cal_minNeg = toNegative;
    overlay._opacity = opacity;
    this.niivue.updateGLVolume();
  }

  moveTo(mm) {
    this.listening = false;
    this.niivue.scene.crosshairPos = this.niivue.mm2frac(mm);
    this.niivue.drawScene();
    this.listening = true;
  }

  setView(view) {
    this.niivue.opts.multiplanarShowRender = view === "all" ? SHOW_RENDER.ALWAYS : SHOW_RENDER.NEVER;
    this.niivue.opts.sliceType = SLICE_TYPES[view];
    if (this.overlay) this.niivue.drawScene();
  }

  setRadiological(radiological) {
    this.niivue.setRadiologicalConvention(radiological);
  }

  /** What is on the screen now, as something a 2D canvas can draw. */
  picture() {
    this.niivue.drawScene();
    return this.canvas;
  }
}
