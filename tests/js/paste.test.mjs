// What people paste: Excel blocks, Word tables, lines out of a PDF. One oddity each.
import assert from "node:assert/strict";
import test from "node:test";

import { pasteRows, readPaste, toTsv } from "../../static/js/extraction/coordinate-grid/paste.js";

const rows = (text) => pasteRows(readPaste(text));

test("an Excel block with its header is read by the names of its columns", () => {
  const paste = readPaste("Region\tBA\tx\ty\tz\tT\tVoxels\nL insula\t13\t-38\t12\t-4\t4.52\t120\n");
  assert.deepEqual(paste.headings, ["Region | BA | x | y | z | T | Voxels"]);
  assert.deepEqual(pasteRows(paste), [
    { label: "L insula BA 13", x: "-38", y: "12", z: "-4", statistic: "4.52", kind: "t", cluster_size: "120", cluster_unit: "voxels" },
  ]);
});

test("a header of two lines is recognised, and z after y is a coordinate while the other Z is the statistic", () => {
  const paste = readPaste("Brain region\tMNI coordinates\t\t\tPeak Z\n\tx\ty\tz\t\nThalamus\t−12\t−18\t8\t5.1");
  assert.equal(paste.headings.length, 2);
  assert.deepEqual(pasteRows(paste), [{ label: "Thalamus", x: "−12", y: "−18", z: "8", statistic: "5.1", kind: "z" }]);
});

test("a lone Z column is the statistic", () => {
  assert.deepEqual(rows("x\ty\tz\tZ\n1\t2\t3\t4.4"), [{ x: "1", y: "2", z: "3", statistic: "4.4", kind: "z" }]);
});

test("a column of sides and a combined column are understood", () => {
  assert.deepEqual(rows("Side\tRegion\tMNI (x, y, z)\tt value\nL\tInsula\t(−38, 12, −4)\t4.52*"), [
    { label: "L Insula", x: "-38", y: "12", z: "-4", statistic: "4.52*", kind: "t" },
  ]);
});

test("a Word table without header is guessed from its numbers", () => {
  assert.deepEqual(rows("L insula\t−38\t12\t−4\t4.52\t120\nR insula\t40\t10\t−6\t4.01\t88"), [
    { label: "L insula", x: "−38", y: "12", z: "−4", statistic: "4.52", cluster_size: "120" },
    { label: "R insula", x: "40", y: "10", z: "−6", statistic: "4.01", cluster_size: "88" },
  ]);
});

for (const [line, row] of [
  ["L insula −38 12 -4 4.52", { label: "L insula", x: "-38", y: "12", z: "-4", statistic: "4.52" }],
  ["L insula (−38, 12, −4) 4.52", { label: "L insula", x: "-38", y: "12", z: "-4", statistic: "4.52" }],
  ["L insula − 38 12 − 4 4.52 120", { label: "L insula", x: "-38", y: "12", z: "-4", statistic: "4.52", cluster_size: "120" }],
  ["L insula BA 13 −38 12 −4 4.52", { label: "L insula BA 13", x: "-38", y: "12", z: "-4", statistic: "4.52" }],
  ["L insula 13 −38 12 −4 4.52", { label: "L insula 13", x: "-38", y: "12", z: "-4", statistic: "4.52" }],
  ["左侧岛叶 −３８ １２ −４ ４．５２", { label: "左侧岛叶", x: "-38", y: "12", z: "-4", statistic: "4.52" }],
  ["-12, -50, 32", { x: "-12", y: "-50", z: "32" }],
  ["x=-12 y=-50 z=32", { x: "-12", y: "-50", z: "32" }],
  ["-12,-50,32", { x: "-12", y: "-50", z: "32" }],
]) {
  test(`a line of a PDF is taken apart: ${line}`, () => assert.deepEqual(rows(line), [row]));
}

test("lines separated by commas or semicolons are taken apart", () => {
  const row = { label: "L insula", x: "-38", y: "12", z: "-4", statistic: "4.52" };
  assert.deepEqual(rows("L insula,-38,12,-4,4.52"), [row]);
  assert.deepEqual(rows("L insula;-38;12;-4;4.52"), [row]);
});

test("a section heading inside the table is left out, and said so", () => {
  const paste = readPaste("Region\tx\ty\tz\tT\nPHN > HC\t\t\t\t\nThalamus\t-12\t-18\t8\t5.1");
  assert.deepEqual(paste.lines.map((line) => [line.take, line.reason]), [
    [false, "column names, left out"], [false, "no number in it, left out"], [true, ""],
  ]);
});

test("the reader may settle the columns otherwise", () => {
  const paste = readPaste("12\t-38\t-4");
  assert.deepEqual(pasteRows({ ...paste, targets: ["y", "x", "z"] }), [{ y: "12", x: "-38", z: "-4" }]);
});

test("a cell with a line break in quotes stays one cell", () => {
  assert.deepEqual(rows('"Left\nthalamus"\t-12\t-18\t8'), [{ label: "Left thalamus", x: "-12", y: "-18", z: "8" }]);
});

test("bad cells are kept as they are, for the reader to see", () => {
  assert.deepEqual(rows("Region\tx\ty\tz\tT\nThalamus\tl2\t-18\t8\t<0.001"), [
    { label: "Thalamus", x: "l2", y: "-18", z: "8", statistic: "<0.001", kind: "t" },
  ]);
});

test("what is copied out comes back in", () => {
  const copied = toTsv([{ label: 'the "left"\tone', x: "-1", y: "2", z: "3" }], ["label", "x", "y", "z"]);
  assert.deepEqual(rows(copied), [{ label: 'the "left" one', x: "-1", y: "2", z: "3" }].map((row) => ({ ...row, label: 'the "left"\tone' })));
});

test("2,000 lines are read at once", () => {
  const text = Array.from({ length: 2000 }, (_, place) => `Region ${place}\t-38\t12\t${place % 60}\t4.52`).join("\n");
  assert.equal(rows(text).length, 2000);
});
