/** What is seen, and its way into the address bar and back. */

const STEP_MM = 2;
const LOW = [-90, -126, -72];
const HIGH = [90, 90, 108];
const KEYS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

export const VIEWS = ["all", "slices", "axial", "coronal", "sagittal", "render"];

/** Within the volume and on the grid of its voxels. */
export function onGrid(mm) {
  return mm.map((value, axis) => {
    const inside = Math.min(HIGH[axis], Math.max(LOW[axis], value));
    return LOW[axis] + STEP_MM * Math.round((inside - LOW[axis]) / STEP_MM);
  });
}

/** Where a key leads: left and right are those of the screen; with Shift five voxels. Null for any other key. */
export function stepped(mm, { key, shiftKey }, radiological) {
  const step = KEYS[key];
  if (!step) return null;
  const size = STEP_MM * (shiftKey ? 5 : 1);
  return onGrid(mm.map((value, axis) => value + size * step[axis] * (axis === 0 && radiological ? -1 : 1)));
}

/** Three numbers out of what people type or paste: "-34, 14, 2", "(−34 14 2)", "x=-34 y=14 z=2". Null if not three. */
export function parseCoordinate(text) {
  const plain = text.normalize("NFKC").replace(/[\u2212\u2012-\u2015]/g, "-");
  const numbers = plain.match(/-?\d+(?:\.\d+)?/g);
  return numbers?.length === 3 ? numbers.map(Number) : null;
}

export function coordinateText(mm) {
  return mm.map((value) => String(value).replace("-", "−")).join(" ");
}

function number(query, name, otherwise) {
  const value = Number.parseFloat(query.get(name));
  return Number.isFinite(value) ? value : otherwise;
}

function choice(query, name, allowed, otherwise) {
  return allowed.includes(query.get(name)) ? query.get(name) : otherwise;
}

/** State from an address; anything missing or strange takes the value of `start`. */
export function stateFromQuery(search, start, mapKeys, correctionKeys) {
  const query = new URLSearchParams(search);
  const mm = ["x", "y", "z"].map((name, axis) => number(query, name, start.mm[axis]));
  return {
    map: choice(query, "map", mapKeys, start.map),
    correction: choice(query, "correction", correctionKeys, start.correction),
    mm: onGrid(mm),
    threshold: number(query, "threshold", null),
    thresholdNegative: number(query, "threshold_neg", null),
    clustersOnly: choice(query, "clusters", ["1", "0"], start.clustersOnly ? "1" : "0") === "1",
    opacity: Math.min(1, Math.max(0, number(query, "opacity", start.opacity))),
    colours: choice(query, "colours", ["warm-cool", "warm-winter"], start.colours),
    view: choice(query, "view", VIEWS, start.view),
    radiological: choice(query, "side", ["radiological", "neurological"], "neurological") === "radiological",
  };
}

/** The query of a state: always map and crosshair, the rest where it differs from `start`. */
export function queryOf(state, start) {
  const query = new URLSearchParams({ map: state.map, x: state.mm[0], y: state.mm[1], z: state.mm[2] });
  if (state.correction !== start.correction) query.set("correction", state.correction);
  if (state.threshold !== null) query.set("threshold", state.threshold);
  if (state.thresholdNegative !== null) query.set("threshold_neg", state.thresholdNegative);
  if (state.clustersOnly !== start.clustersOnly) query.set("clusters", state.clustersOnly ? "1" : "0");
  if (state.opacity !== start.opacity) query.set("opacity", state.opacity);
  if (state.colours !== start.colours) query.set("colours", state.colours);
  if (state.view !== start.view) query.set("view", state.view);
  if (state.radiological) query.set("side", "radiological");
  return query.toString();
}
