// The peaks on a brain from three sides, drawn while they are typed. A canvas, so that it needs no WebGL and holds
// thousands of points; a click on a point selects its row. Thousands of arcs take a tenth of a second, so all points
// together are a picture of their own, which is made again a moment after they change; the active one is drawn over it.

import { element } from "../../shell/dom.js";
import { counted } from "../../shell/words.js";
import { OUTLINES } from "./outline.js";

/** Which axes each side shows, left to right and upwards, and their mm. */
export const SIDES = [
  { name: "sagittal", title: "From the right", axes: [1, 2], across: [-112, 80], up: [-74, 86], letters: ["P", "A"] },
  { name: "coronal", title: "From behind", axes: [0, 2], across: [-80, 80], up: [-74, 86], letters: ["L", "R"] },
  { name: "axial", title: "From above", axes: [0, 1], across: [-80, 80], up: [-112, 80], letters: ["L", "R"] },
];
const GAP = 10;
const POINT = 3.5;
const PICTURE_AFTER_MS = 120;
const NEAR_PX = 9;
const WIDEST = 640;
const LETTERS_PX = 16;
const TITLE_FROM_PX = 150;

/** Where things are: px per mm, and for each side its left edge and what turns mm into px. */
export function layout(width) {
  const total = SIDES.reduce((sum, { across }) => sum + across[1] - across[0], 0);
  const scale = (width - GAP * (SIDES.length - 1)) / total;
  const tallest = Math.max(...SIDES.map(({ up }) => up[1] - up[0]));
  let left = 0;
  const sides = SIDES.map((side) => {
    const start = left;
    left += (side.across[1] - side.across[0]) * scale + GAP;
    const top = ((tallest - (side.up[1] - side.up[0])) / 2) * scale;
    const place = (mm) => [
      start + (mm[side.axes[0]] - side.across[0]) * scale,
      top + (side.up[1] - mm[side.axes[1]]) * scale,
    ];
    return { ...side, start, top, scale, place };
  });
  return { scale, sides, height: tallest * scale + LETTERS_PX };
}

/** The row whose point is nearest to a place of the picture, or null where none is near. */
export function rowNear(points, sides, [x, y]) {
  let best = { distance: NEAR_PX, row: null };
  for (const { place } of sides) {
    for (const { row, mm } of points) {
      const [px, py] = place(mm);
      const distance = Math.hypot(px - x, py - y);
      if (distance < best.distance) best = { distance, row };
    }
  }
  return best.row;
}

const samePoint = (a, b) => a.row === b.row && a.sign === b.sign && a.mm.every((number, axis) => number === b.mm[axis]);
const samePoints = (a, b) => a.length === b.length && a.every((point, place) => samePoint(point, b[place]));

export class Brain {
  #frame = null;
  #timer = null;

  constructor({ onRow }) {
    this.points = [];
    this.active = null;
    this.picture = document.createElement("canvas");
    this.canvas = element("canvas", { role: "img", "aria-label": "No peak is placed yet", click: (event) => this.#click(event, onRow) });
    this.caption = element("p", { class: "form-hint", "aria-live": "off" });
    this.element = element("figure", { class: "grid-brain" }, this.canvas, this.caption);
    this.paths = Object.fromEntries(Object.entries(OUTLINES).map(([name, side]) => [name, [new Path2D(side.outline), new Path2D(side.inner)]]));
    // A frame later: a canvas that grows while sizes are told is an error to browsers.
    new ResizeObserver(() => requestAnimationFrame(() => this.#fit())).observe(this.element);
    new MutationObserver(() => this.#drawPicture()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme"] });
  }

  /** points: [{row, mm: [x, y, z], sign}]; `active` is the row that lights up. */
  show(points, active) {
    if (points !== this.points && !samePoints(points, this.points)) this.#timer ??= setTimeout(() => this.#drawPicture(), PICTURE_AFTER_MS);
    Object.assign(this, { points, active });
    this.#frame ??= requestAnimationFrame(() => this.#draw());
  }

  #click(event, onRow) {
    const box = this.canvas.getBoundingClientRect();
    const row = rowNear(this.points, this.layout.sides, [event.clientX - box.left, event.clientY - box.top]);
    if (row !== null) onRow(row);
  }

  #fit() {
    if (this.element.clientWidth !== this.width) this.#drawPicture();
  }

  #drawPicture() {
    clearTimeout(this.#timer);
    this.#timer = null;
    this.width = this.element.clientWidth;
    if (!this.width) return;
    const width = Math.min(this.width, WIDEST);
    this.layout = layout(width);
    this.sharp = globalThis.devicePixelRatio || 1;
    const { height } = this.layout;
    for (const canvas of [this.canvas, this.picture]) Object.assign(canvas, { width: width * this.sharp, height: height * this.sharp });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const style = getComputedStyle(this.element);
    this.colours = Object.fromEntries(["ink", "muted", "line-strong", "positive", "negative", "paper"].map((name) => [name, style.getPropertyValue(`--c-${name}`).trim()]));
    const draw = this.picture.getContext("2d");
    draw.scale(this.sharp, this.sharp);
    for (const side of this.layout.sides) this.#drawSide(draw, side);
    this.#draw();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    if (!this.layout) return;
    const draw = this.canvas.getContext("2d");
    draw.resetTransform();
    draw.clearRect(0, 0, this.canvas.width, this.canvas.height);
    draw.drawImage(this.picture, 0, 0);
    draw.scale(this.sharp, this.sharp);
    const active = this.points.filter(({ row }) => row === this.active);
    for (const side of this.layout.sides) for (const point of active) this.#drawPoint(draw, side, point, true);
    this.#tell();
  }

  #drawSide(draw, side) {
    draw.save();
    const [x, y] = side.place([0, 0, 0]);
    draw.translate(x, y);
    draw.scale(side.scale, -side.scale);
    const [outline, inner] = this.paths[side.name];
    for (const [path, colour, width] of [[inner, "line-strong", 0.7], [outline, "muted", 1.2]]) {
      draw.strokeStyle = this.colours[colour];
      draw.lineWidth = width / side.scale;
      draw.stroke(path);
    }
    draw.restore();
    this.#drawLetters(draw, side);
    for (const point of this.points) this.#drawPoint(draw, side, point);
  }

  #drawLetters(draw, { start, across, scale, letters, title }) {
    draw.fillStyle = this.colours.muted;
    draw.font = "600 12px system-ui, sans-serif";
    const bottom = this.layout.height - 3;
    draw.textAlign = "left";
    draw.fillText(letters[0], start + 2, bottom);
    draw.textAlign = "right";
    draw.fillText(letters[1], start + (across[1] - across[0]) * scale - 2, bottom);
    if ((across[1] - across[0]) * scale < TITLE_FROM_PX) return;
    draw.textAlign = "center";
    draw.font = "11px system-ui, sans-serif";
    draw.fillText(title, start + ((across[1] - across[0]) * scale) / 2, bottom);
  }

  // Signs differ by shape as well as by colour: a filled circle is positive, an open one negative.
  #drawPoint(draw, { place }, { mm, sign }, active = false) {
    const [x, y] = place(mm);
    draw.beginPath();
    draw.arc(x, y, active ? POINT * 1.9 : POINT, 0, 2 * Math.PI);
    const colour = this.colours[sign > 0 ? "positive" : sign < 0 ? "negative" : "ink"];
    draw.lineWidth = active ? 2.5 : 1.5;
    draw.strokeStyle = active ? this.colours.ink : colour;
    draw.fillStyle = sign < 0 ? (active ? colour : this.colours.paper) : colour;
    draw.globalAlpha = active || this.points.length < 200 ? 1 : 0.6;
    draw.fill();
    draw.stroke();
    draw.globalAlpha = 1;
  }

  #tell() {
    const count = this.points.length;
    const lit = this.points.find(({ row }) => row === this.active);
    const where = lit ? `; row ${lit.row + 1} at ${lit.mm.map((number) => Math.round(number)).join(", ").replaceAll("-", "−")} mm lights up` : "";
    const text = count ? `${counted(count, "peak")} in MNI space${where}. Filled: positive, open: negative.` : "No peak is placed yet: type x, y and z.";
    this.caption.textContent = text;
    this.canvas.setAttribute("aria-label", text);
  }
}
