// The brain viewer's arithmetic: addresses, coordinates, volumes, labels, clusters and what is coloured.
import assert from "node:assert/strict";
import test from "node:test";

import { clusterAt, clusterNumbers, nearestPeak } from "../../static/js/results/brain-viewer/clusters.js";
import { labelAt } from "../../static/js/results/brain-viewer/labels.js";
import * as maps from "../../static/js/results/brain-viewer/maps.js";
import * as state from "../../static/js/results/brain-viewer/state.js";
import * as volumes from "../../static/js/results/brain-viewer/volume.js";

const START = { map: "z", correction: "tfce", mm: [0, 0, 0], clustersOnly: true, opacity: 0.9, colours: "warm-cool", view: "all" };
const KEYS = ["z", "g", "p"];
const CORRECTIONS = ["tfce", "voxel", "uncorrected"];
const SIGNED = { scale: "signed", symbol: "SDM-Z", unit: "" };
const P = { scale: "p", symbol: "p", unit: "" };

/** A small volume on the 2 mm grid whose x axis runs to the left, as in the maps. */
function small(shape, fill = () => 0) {
  const volume = { shape, origin: [4, -4, -4], step: [-2, 2, 2], values: new Float32Array(shape[0] * shape[1] * shape[2]) };
  for (let place = 0; place < volume.values.length; place++) volume.values[place] = fill(volumes.voxelAt(volume, place));
  return volume;
}

test("an address leads back to the same state", () => {
  const query = "map=g&x=-34&y=14&z=2&correction=voxel&threshold=0.3&threshold_neg=-0.5&clusters=0&opacity=0.5&colours=warm-winter&view=axial&side=radiological";
  const seen = state.stateFromQuery(`?${query}`, START, KEYS, CORRECTIONS);
  assert.deepEqual(seen.mm, [-34, 14, 2]);
  assert.equal(seen.radiological, true);
  assert.equal(state.queryOf(seen, START), query);
});

test("an address without or with strange values starts as the page does", () => {
  const seen = state.stateFromQuery("?map=nonsense&correction=fdr&x=abc&view=7&opacity=9", START, KEYS, CORRECTIONS);
  assert.deepEqual(seen, { ...START, mm: [0, 0, 0], opacity: 1, threshold: null, thresholdNegative: null, radiological: false });
});

test("a coordinate outside the volume is brought to its edge, and any onto the grid", () => {
  assert.deepEqual(state.onGrid([-200, 13.2, 400]), [-90, 14, 108]);
});

for (const [typed, expected] of [
  ["-34 14 2", [-34, 14, 2]],
  ["−34, 14, 2", [-34, 14, 2]],
  ["(–34; 14; 2)", [-34, 14, 2]],
  ["x=-34 y=14 z=2.5", [-34, 14, 2.5]],
  ["－34　14　2", [-34, 14, 2]],
  ["-34 14", null],
  ["insula", null],
])
  test(`a typed coordinate is read: ${typed}`, () => assert.deepEqual(state.parseCoordinate(typed), expected));

test("arrow keys step one voxel, with Shift five, and left is the left of the screen", () => {
  assert.deepEqual(state.stepped([0, 0, 0], { key: "ArrowLeft" }, false), [-2, 0, 0]);
  assert.deepEqual(state.stepped([0, 0, 0], { key: "ArrowLeft" }, true), [2, 0, 0]);
  assert.deepEqual(state.stepped([0, 0, 0], { key: "PageUp", shiftKey: true }, false), [0, 0, 10]);
  assert.equal(state.stepped([0, 0, 0], { key: "Enter" }, false), null);
});

test("a volume written is the volume read, in place and value", () => {
  const volume = small([3, 4, 5], ([i, j, k]) => i + 10 * j + 100 * k);
  const again = volumes.parseNifti(volumes.encodeNifti(volume));
  assert.deepEqual(again, volume);
  assert.equal(volumes.valueAt(again, [4 - 2 * 2, -4 + 2 * 3, -4 + 2 * 4]), 432);
  assert.ok(Number.isNaN(volumes.valueAt(again, [40, 0, 0])));
});

test("what is not a NIfTI file is refused", () => {
  assert.throws(() => volumes.parseNifti(new ArrayBuffer(400)), /not a NIfTI/);
});

test("scaled integers are read with slope and intercept", () => {
  const buffer = volumes.encodeNifti(small([1, 1, 2]));
  const view = new DataView(buffer);
  view.setInt16(70, 4, true);
  view.setInt16(72, 16, true);
  view.setFloat32(112, 0.5, true);
  view.setFloat32(116, 1, true);
  view.setInt16(352, 10, true);
  view.setInt16(354, -4, true);
  assert.deepEqual([...volumes.parseNifti(buffer).values], [6, -1]);
});

test("a halved volume keeps its mean and its place", () => {
  const half = volumes.halved(small([4, 4, 4], ([i]) => i));
  assert.deepEqual(half.shape, [2, 2, 2]);
  assert.deepEqual(half.origin, [3, -3, -3]);
  assert.deepEqual([...half.values.slice(0, 2)], [0.5, 2.5]);
});

const NAMES = { regions: ["", "Left insula", "Right insula"], undefined: "(undefined)" };

test("the label is that of the voxel, else of the nearest labelled voxel within 4 mm, else undefined", () => {
  const labelled = ([i, j, k]) => (i === 0 && j === 0 && k === 0 ? 1 : 0);
  const atlas = { regions: small([9, 3, 3], labelled), brodmann: small([9, 3, 3], (voxel) => 48 * labelled(voxel)), names: NAMES };
  assert.equal(labelAt(atlas, [4, -4, -4]), "Left insula, BA 48");
  assert.equal(labelAt(atlas, [0, -4, -4]), "Left insula, BA 48");
  assert.equal(labelAt(atlas, [-2, -4, -4]), "(undefined)");
});

test("a voxel belongs to the reported cluster it touches through passing voxels, by a corner too", () => {
  const z = small([5, 1, 5], ([i, , k]) => ((i === 0 && k === 0) || (i === 1 && k === 1) || (i === 4 && k === 4) ? 3 : 0.1));
  const p = { positive: small([5, 1, 5], ([i, , k]) => (z.values[i + 5 * k] > 1 ? 0.001 : 0.5)), negative: small([5, 1, 5], () => 0.5) };
  const numbers = clusterNumbers([{ number: 7, sign: 1, mm: [4, -4, -4] }], z, p, 0.005);
  assert.equal(clusterAt(numbers, z, [2, -4, -2]), 7);
  assert.equal(clusterAt(numbers, z, [-4, -4, 4]), null, "another, unreported cluster");
  assert.equal(clusterAt(numbers, z, [99, 0, 0]), null);
});

test("a p that equals the threshold belongs and is shown, though single precision holds it a little higher", () => {
  const equal = Float32Array.of(0.05);
  assert.ok(equal[0] > 0.05);
  const z = small([1, 1, 1], () => 4);
  const p = { positive: { ...z, values: equal }, negative: { ...z, values: Float32Array.of(1) } };
  assert.equal(clusterAt(clusterNumbers([{ number: 1, sign: 1, mm: z.origin }], z, p, 0.05), z, z.origin), 1);
  const threshold = maps.scaleOf(P, 0.05);
  const shown = maps.shownValues(maps.signedLogP(equal, Float32Array.of(1)), { threshold, thresholdNegative: -threshold });
  assert.ok(shown[0] > 0);
});

test("the nearest peak is found, and none among none", () => {
  assert.equal(nearestPeak([[0, 0, 0], [10, 0, 0]], [7, 0, 0]), 1);
  assert.equal(nearestPeak([], [7, 0, 0]), -1);
});

test("only values at or beyond either threshold are shown, of kept voxels where asked", () => {
  const values = Float32Array.of(3, 2, 1, 0, -1, -2, -3);
  const limits = { threshold: 2, thresholdNegative: -3 };
  assert.deepEqual([...maps.shownValues(values, limits)], [3, 2, 0, 0, 0, 0, -3]);
  assert.deepEqual([...maps.shownValues(values, limits, [0, 1, 1, 1, 1, 1, 1])], [0, 2, 0, 0, 0, 0, -3]);
});

test("p of both directions becomes one signed map on which more is stronger", () => {
  const signed = maps.signedLogP(Float32Array.of(0.01, 0.9, 0), Float32Array.of(0.99, 0.1, 0));
  assert.deepEqual([...signed].map((value) => Math.round(value)), [2, -1, 0]);
  assert.ok(Math.abs(maps.scaleOf(P, 0.001) - 3) < 1e-6);
  assert.ok(Math.abs(maps.typedOf(P, 3) - 0.001) < 1e-12);
});

test("a reading has its unit, a true minus, and says where there is no value", () => {
  assert.equal(maps.valueText(SIGNED, -3.2141), "SDM-Z −3.214");
  assert.equal(maps.valueText({ scale: "positive", symbol: "I²", unit: "%" }, 41.26), "I² 41.260 %");
  assert.equal(maps.valueText(P, -2), "p 0.0100 (negative)");
  assert.equal(maps.valueText(SIGNED, NaN), "SDM-Z: outside the mask");
  assert.equal(maps.valueText(P, 0), "p 1 (either direction)");
});

test("the top of the colours is the largest z, p 10^-6 at most, and ignores the outermost thousandth of other maps", () => {
  const values = Float32Array.from({ length: 10000 }, (_, i) => (i === 0 ? -1000 : i / 10000));
  assert.equal(maps.displayTop("signed", values), 1000);
  assert.equal(maps.displayTop("p", values), 6);
  assert.ok(maps.displayTop("positive", values) < 1.01);
  assert.equal(maps.displayTop("signed", new Float32Array(4)), 1);
});
