/** <brain-viewer>: a map on a brain with its controls. The server writes the controls; this brings them to life.
 *
 * Attributes: config, the id of a JSON script ({maps, corrections, background, labels, slices, captions, start}).
 * Events: "crosshair" with detail {mm, cluster}, after each move. Methods: moveTo(mm), choose(correction).
 * `data-ready` is set once the first picture stands; `data-drawn-by` says whether browser or server drew it.
 */

import { clusterAt, clusterNumbers } from "./clusters.js";
import { labelAt } from "./labels.js";
import { displayTop, numberText, scaleOf, shownValues, signedLogP, typedOf, valueText } from "./maps.js";
import { palettesOf } from "./palettes.js";
import { pictureWithCaption, savePng } from "./screenshot.js";
import { SliceImage } from "./slice-image.js";
import { coordinateText, onGrid, parseCoordinate, queryOf, stateFromQuery, stepped } from "./state.js";
import { fetchVolume, valueAt } from "./volume.js";

class BrainViewer extends HTMLElement {
  async connectedCallback() {
    this.config = JSON.parse(document.getElementById(this.getAttribute("config")).textContent);
    this.kinds = new Map(this.config.maps.map((kind) => [kind.key, kind]));
    this.corrections = new Map(this.config.corrections.map((correction) => [correction.key, correction]));
    this.state = this.stateOfAddress();
    this.volumes = new Map();
    this.files = new Map();
    this.numbered = new Map();
    this.control = (name) => this.querySelector(`[data-part="${name}"]`);
    this.hidden = false;
    try {
      await this.start();
      await this.slices?.settled();
      this.setAttribute("data-ready", "");
    } catch (error) {
      this.control("problem").hidden = false;
      this.control("problem-text").textContent = error.message;
      this.setAttribute("data-failed", "");
    }
  }

  async start() {
    this.listen();
    const [z] = await Promise.all([this.mapVolume("z"), this.loadLabels()]);
    this.grid = z;
    await this.startDrawing();
    await this.refresh();
    this.moved();
  }

  async loadLabels() {
    const { regions, brodmann, names } = this.config.labels;
    const [regionVolume, brodmannVolume, answer] = await Promise.all([fetchVolume(regions), fetchVolume(brodmann), fetch(names)]);
    this.atlas = { regions: regionVolume, brodmann: brodmannVolume, names: await answer.json() };
  }

  stateOfAddress() {
    return stateFromQuery(location.search, this.config.start, [...this.kinds.keys()], [...this.corrections.keys()]);
  }

  get correction() {
    return this.corrections.get(this.state.correction);
  }

  /** A file, fetched once. */
  file(address) {
    if (!this.files.has(address)) this.files.set(address, fetchVolume(address));
    return this.files.get(address);
  }

  /** The number of the reported cluster of each voxel, for the chosen correction. */
  async clusterNumbers() {
    const { key, pMap, clusters, p } = this.correction;
    if (!this.numbered.has(key)) {
      const files = clusters.length ? this.kinds.get(pMap)?.files : null;
      const sides = files ? await Promise.all(files.map((address) => this.file(address))) : null;
      const none = () => new Uint16Array(this.grid.values.length);
      this.numbered.set(key, sides ? clusterNumbers(clusters, this.grid, { positive: sides[0], negative: sides[1] }, p) : none());
    }
    return this.numbered.get(key);
  }

  /** The volume of a map as shown: p as signed -log10 p, everything else as it is. */
  async mapVolume(key) {
    if (!this.volumes.has(key)) {
      const kind = this.kinds.get(key);
      const files = await Promise.all(kind.files.map((address) => this.file(address)));
      const values = kind.scale === "p" ? signedLogP(files[0].values, files[1].values) : files[0].values;
      this.volumes.set(key, { ...files[0], values, top: displayTop(kind.scale, values) });
    }
    return this.volumes.get(key);
  }

  async startDrawing() {
    const { NiivueCanvas, graphics } = await import("./niivue-canvas.js");
    const drawn = graphics();
    if (drawn === "none") return this.startServerDrawing();
    if (drawn === "software") this.withoutTurning();
    this.brain = new NiivueCanvas(this.control("canvas"), (mm) => this.moveTo(mm, { follow: false }));
    await this.brain.start(this.config.background, this.grid, this.state.view, drawn === "software");
    this.brain.setRadiological(this.state.radiological);
    this.dataset.drawnBy = "browser";
  }

  /** Start with the slices alone, unless the address asks for 3D. */
  withoutTurning() {
    this.config.start.view = "slices";
    this.state = this.stateOfAddress();
  }

  async startServerDrawing() {
    this.dataset.drawnBy = "server";
    this.control("stage").classList.add("is-server-drawn");
    this.control("canvas").hidden = true;
    this.control("slices").hidden = false;
    this.control("no-webgl").hidden = false;
    for (const part of this.querySelectorAll("[data-needs-webgl]")) part.hidden = true;
    this.slices = new SliceImage(this.control("slices"), this.config.slices);
  }

  listen() {
    this.addEventListener("keydown", (event) => this.keyed(event), { capture: true });
    this.control("coordinate-form").addEventListener("submit", (event) => this.coordinateTyped(event));
    this.control("map").addEventListener("change", (event) => this.mapChosen(event.target.value));
    this.control("view").addEventListener("change", (event) => this.viewChosen(event.target.value));
    this.control("side").addEventListener("change", (event) => this.sideChosen(event.target.value));
    this.control("threshold").addEventListener("change", () => this.thresholdTyped("threshold"));
    this.control("threshold-negative").addEventListener("change", () => this.thresholdTyped("thresholdNegative"));
    this.control("linked").addEventListener("change", () => this.thresholdTyped("threshold"));
    this.control("clusters-only").addEventListener("change", (event) => this.changed({ clustersOnly: event.target.checked }));
    this.control("colours").addEventListener("change", (event) => this.changed({ colours: event.target.value }));
    this.control("opacity").addEventListener("input", (event) => this.changed({ opacity: Number(event.target.value) / 100 }));
    this.control("origin").addEventListener("click", () => this.moveTo([0, 0, 0]));
    this.control("screenshot").addEventListener("click", () => this.screenshot());
  }

  get kind() {
    return this.kinds.get(this.state.map);
  }

  /** Thresholds as typed: those of the state or, where it has none, those of the map. */
  thresholds() {
    const start = this.state.map === "z" ? this.correction.zThreshold : this.kind.threshold;
    const threshold = this.state.threshold ?? start;
    const mirrored = this.kind.scale === "p" ? threshold : -threshold;
    return { threshold, thresholdNegative: this.state.thresholdNegative ?? mirrored };
  }

  changed(change) {
    Object.assign(this.state, change);
    return this.refresh();
  }

  mapChosen(map) {
    return this.changed({ map, threshold: null, thresholdNegative: null }).then(() => this.moved());
  }

  /** Shows the clusters of another correction; what was typed for the one before does not hold for it. */
  choose(correction) {
    if (!this.corrections.has(correction)) return Promise.resolve();
    return this.changed({ correction, threshold: null, thresholdNegative: null }).then(() => this.moved());
  }

  viewChosen(view) {
    this.state.view = view;
    this.brain?.setView(view);
    this.remember();
  }

  sideChosen(side) {
    this.state.radiological = side === "radiological";
    this.brain?.setRadiological(this.state.radiological);
    this.remember();
  }

  thresholdTyped(which) {
    const linked = this.control("linked").checked;
    const signOfNegative = this.kind.scale === "p" ? 1 : -1;
    const value = (part, sign) => sign * Math.abs(Number.parseFloat(this.control(part).value) || 0);
    const positive = value("threshold", 1);
    const negative = value("threshold-negative", signOfNegative);
    if (!linked) return this.changed({ threshold: positive, thresholdNegative: negative });
    return this.changed({ threshold: which === "threshold" ? positive : Math.abs(negative), thresholdNegative: null });
  }

  async refresh() {
    const [kind, correction] = [this.kind, this.correction];
    const [volume, numbers] = await Promise.all([this.mapVolume(kind.key), this.clusterNumbers()]);
    if (kind !== this.kind || correction !== this.correction) return;
    this.numbers = numbers;
    const typed = this.thresholds();
    const from = scaleOf(kind, typed.threshold);
    const fromNegative = kind.scale === "p" ? -scaleOf(kind, typed.thresholdNegative) : typed.thresholdNegative;
    const to = Math.max(volume.top, from * 1.001 + 1e-6);
    const toNegative = Math.min(-volume.top, fromNegative * 1.001 - 1e-6);
    const kept = this.state.clustersOnly ? this.numbers : null;
    const values = shownValues(volume.values, { threshold: from, thresholdNegative: fromNegative }, kept);
    const palettes = palettesOf(kind, this.state.colours);
    this.brain?.show({ values, from, to, fromNegative, toNegative, palettes, opacity: this.state.opacity });
    const shown = values.reduce((count, value) => count + (value !== 0), 0);
    this.dataset.shownVoxels = shown;
    this.control("nothing").hidden = shown > 0 || !this.state.clustersOnly;
    this.writeControls(typed, { to, toNegative });
    this.remember();
  }

  writeControls({ threshold, thresholdNegative }, { to, toNegative }) {
    const [kind, state] = [this.kind, this.state];
    const rounded = (value) => Number(value.toPrecision(4));
    this.control("map").value = state.map;
    this.control("view").value = state.view;
    this.control("side").value = state.radiological ? "radiological" : "neurological";
    this.control("colours").value = state.colours;
    this.control("opacity").value = Math.round(state.opacity * 100);
    this.control("clusters-only").checked = state.clustersOnly;
    this.control("threshold").value = rounded(threshold);
    this.control("threshold-negative").value = rounded(thresholdNegative);
    this.control("linked").checked = state.thresholdNegative === null;
    this.control("threshold-sign").textContent = kind.scale === "p" ? "Positive, p ≤" : `${kind.symbol} ≥`;
    this.control("threshold-negative-sign").textContent = kind.scale === "p" ? "Negative, p ≤" : `${kind.symbol} ≤`;
    for (const part of this.querySelectorAll("[data-signed-only]")) part.hidden = kind.scale === "positive";
    this.dataset.scale = kind.scale;
    this.dataset.colours = state.colours;
    const ends = { from: threshold, to: typedOf(kind, to), "from-negative": thresholdNegative, "to-negative": typedOf(kind, kind.scale === "p" ? -toNegative : toNegative) };
    for (const [end, value] of Object.entries(ends)) this.control(`bar-${end}`).textContent = numberText(value);
    this.control("about").textContent = kind.about;
  }

  /** Moves the crosshair; `follow` is false where the brain itself was clicked and has already moved. */
  moveTo(mm, { follow = true } = {}) {
    this.state.mm = onGrid(mm);
    this.moved(follow);
  }

  moved(follow = true) {
    if (follow) this.brain?.moveTo(this.state.mm);
    this.writeReading();
    this.remember();
    const cluster = clusterAt(this.numbers, this.grid, this.state.mm);
    this.dispatchEvent(new CustomEvent("crosshair", { detail: { mm: this.state.mm, cluster }, bubbles: true }));
  }

  async writeReading() {
    const volume = await this.mapVolume(this.state.map);
    const value = valueAt(volume, this.state.mm);
    this.dataset.value = value;
    this.control("coordinate").value = coordinateText(this.state.mm);
    const inside = Boolean(valueAt(this.grid, this.state.mm));
    this.control("value").textContent = valueText(this.kind, inside ? value : NaN);
    this.control("label").textContent = labelAt(this.atlas, this.state.mm);
  }

  remember() {
    const query = queryOf(this.state, this.config.start);
    history.replaceState(null, "", `?${query}${location.hash}`);
    this.slices?.draw(query);
  }

  keyed(event) {
    if (event.key === "Escape") return this.toCoordinate(event);
    if (event.target.closest("input, select, button, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = event.key.toLowerCase() === "o" ? [0, 0, 0] : stepped(this.state.mm, event, this.state.radiological);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.moveTo(next);
  }

  toCoordinate(event) {
    event.preventDefault();
    const field = this.control("coordinate");
    if (event.target === field) return this.control("stage").focus();
    field.focus();
    field.select();
  }

  coordinateTyped(event) {
    event.preventDefault();
    const mm = parseCoordinate(this.control("coordinate").value);
    this.control("coordinate").classList.toggle("is-invalid", mm === null);
    this.control("coordinate-problem").hidden = mm !== null;
    if (mm) {
      this.moveTo(mm);
      this.control("stage").focus();
    }
  }

  screenshot() {
    const where = `${this.kind.title} at ${coordinateText(this.state.mm)} mm (MNI): ${this.control("value").textContent}, ${this.control("label").textContent}.`;
    const shown = this.state.clustersOnly ? "Reported clusters only." : `Shown beyond ${this.control("threshold").value}.`;
    const picture = (this.brain ?? this.slices).picture();
    const side = this.state.radiological ? "Left of the picture is the right of the brain." : "Left is left.";
    const sheet = pictureWithCaption(picture, [`${where} ${shown} ${side}`, this.correction.caption, ...this.config.captions]);
    savePng(sheet, `${this.config.fileName}-${this.state.map}-${this.state.mm.join("_")}.png`);
  }
}

customElements.define("brain-viewer", BrainViewer);
