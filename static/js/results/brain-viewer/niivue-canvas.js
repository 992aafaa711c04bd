/** Draws the brain and one overlay with NiiVue. Knows nothing of pages, tables or addresses. */

import { MULTIPLANAR_TYPE, NVImage, Niivue, SHOW_RENDER, SLICE_TYPE } from "../../../vendor/niivue/niivue.js";
import { PALETTES } from "./palettes.js";
import { encodeNifti } from "./volume.js";

const SLICE_TYPES = {
  all: SLICE_TYPE.MULTIPLANAR,
  axial: SLICE_TYPE.AXIAL,
  coronal: SLICE_TYPE.CORONAL,
  sagittal: SLICE_TYPE.SAGITTAL,
  render: SLICE_TYPE.RENDER,
};
// A value at the threshold takes the first visible of 255 colours; the one before it is transparent.
const COLOURS = 254;

const OPTIONS = {
  backColor: [0, 0, 0, 1],
  crosshairColor: [0.35, 0.85, 0.55, 0.9],
  crosshairWidth: 1,
  crosshairGap: 4,
  fontColor: [1, 1, 1, 1],
  fontMinPx: 15,
  show3Dcrosshair: true,
  showAllOrientationMarkers: true,
  isOrientCube: true,
  isRadiologicalConvention: false,
  isNearestInterpolation: true,
  multiplanarLayout: MULTIPLANAR_TYPE.GRID,
  multiplanarShowRender: SHOW_RENDER.ALWAYS,
  multiplanarPadPixels: 4,
  dragAndDropEnabled: false,
  scrollRequiresFocus: true,
  isAntiAlias: false,
  loadingText: "",
  logLevel: "error",
};

export function webglWorks() {
  const context = document.createElement("canvas").getContext("webgl2");
  context?.getExtension("WEBGL_lose_context")?.loseContext();
  return context !== null;
}

export class NiivueCanvas {
  constructor(canvas, onMove) {
    this.canvas = canvas;
    this.niivue = new Niivue(OPTIONS);
    this.niivue.onLocationChange = ({ mm }) => this.listening && onMove([mm[0], mm[1], mm[2]]);
    this.listening = false;
  }

  async start(background, grid) {
    for (const [name, palette] of Object.entries(PALETTES)) this.niivue.addColormap(name, palette);
    await this.niivue.attachToCanvas(this.canvas, false);
    await this.niivue.loadVolumes([{ url: background, colormap: "gray" }]);
    const empty = new Float32Array(grid.values.length);
    const url = new Uint8Array(encodeNifti(grid, empty));
    this.overlay = await NVImage.loadFromUrl({ url, name: "overlay.nii", colormap: "concord_warm" });
    this.niivue.addVolume(this.overlay);
  }

  /** values: 0 where nothing is shown; from, to and fromNegative, toNegative on the same scale. */
  show({ values, from, to, fromNegative, toNegative, palettes, opacity }) {
    const overlay = this.overlay;
    overlay.img.set(values);
    [overlay._colormap, overlay.colormapNegative] = palettes;
    overlay.cal_min = from - (to - from) / COLOURS;
    overlay.cal_max = to;
    overlay.cal_maxNeg = fromNegative - (toNegative - fromNegative) / COLOURS;
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
    this.niivue.setSliceType(SLICE_TYPES[view]);
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
