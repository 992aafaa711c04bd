// What people paste: Excel blocks, Word tables, lines out of a PDF. One oddity each.
import assert from "node:assert/strict";
import test from "node:test";

import { readRow } from "../../static/js/extraction/coordinate-grid/cells.js";
import { gatheredProblems, openDirections, pasteRows, readPaste, toTsv } from "../../static/js/extraction/coordinate-grid/paste.js";

const rows = (text) => pasteRows(readPaste(text));

test("an Excel block with its header is read by the names of its columns", () => {
  const paste = readPaste("Region\tBA\tx\ty\tz\tT\tVoxels\nL insula\t13\t-38\t12\t-4\t4.52\t120\n");
  assert.deepEqual(paste.headings, ["Region | BA | x | y | z | T | Voxels"]);
  assert.deepEqual(pasteRows(paste), [
    { label: "L insula", brodmann: "13", x: "-38", y: "12", z: "-4", statistic: "4.52", kind: "t", cluster_size: "120", cluster_unit: "voxels" },
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
    { hemisphere: "L", label: "Insula", x: "-38", y: "12", z: "-4", statistic: "4.52*", kind: "t" },
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
    [false, "column names, left out"], [false, "names a direction, left out"], [true, ""],
  ]);
});

const SECTIONS = "Region\tx\ty\tz\tT\nPHN > HC\nInsula\t-38\t12\t-4\t4.5\nHC > PHN\nPrecuneus\t-6\t-60\t42\t4.88\nSMA\t8\t-2\t58\t−4.1";

test("rows below a heading with a direction wait for the reader to say which sign they have", () => {
  const paste = readPaste(SECTIONS);
  const headings = openDirections(paste.lines);
  assert.deepEqual(headings.map(({ cells }) => cells[0]), ["PHN > HC", "HC > PHN"]);
  headings[0].sign = "";
  headings[1].sign = "-";
  assert.deepEqual(openDirections(paste.lines), []);
  assert.deepEqual(pasteRows(paste).map((row) => row.statistic), ["4.5", "4.88", "−4.1"]);
  assert.deepEqual(pasteRows(paste).map((row) => readRow(row, "mni").statistic), [4.5, -4.88, -4.1]);
  assert.deepEqual(pasteRows(paste).map((row) => row.direction), [undefined, "turned", undefined]);
});

test("a p value below such a heading gets its sign in a cell of its own", () => {
  const paste = readPaste("Region\tx\ty\tz\tp\n患者降低\nInsula\t-38\t12\t-4\t0.0004");
  openDirections(paste.lines)[0].sign = "-";
  assert.deepEqual(pasteRows(paste)[0], { label: "Insula", x: "-38", y: "12", z: "-4", statistic: "0.0004", kind: "p", sign: "-" });
});

test("a threshold in a footnote is no direction, and a direction without rows below it asks nothing", () => {
  const paste = readPaste("L insula\t-38\t12\t-4\t4.5\np < 0.05, AlphaSim\t\t\t\t\nIncreased ALFF\t\t\t\t");
  assert.deepEqual(openDirections(paste.lines), []);
  assert.equal(paste.lines[1].reason, "no number in it, left out");
});

test("a dash for an empty cell does not become the minus of the coordinate after it", () => {
  assert.equal(rows("Thalamus – 12 −18 8 4.01")[0].x, "12");
  assert.equal(rows("Thalamus − 12 − 18 8 4.01")[0].x, "-12");
  assert.match(rows("Thalamus −  12 −18 8 4.01")[0].x, /^±/);
});

test("of several statistics the one with a direction is taken", () => {
  const spm = "p(FWE-corr)\tkE\tp(unc)\tT\tZ\tx\ty\tz\tRegion\n0.001\t1204\t0.000\t5.52\t4.81\t-38\t12\t-4\tL insula";
  assert.deepEqual(rows(spm)[0], {
    cluster_size: "1204", statistic: "5.52", x: "-38", y: "12", z: "-4", label: "L insula", kind: "t", cluster_unit: "voxels",
  });
});

test("cluster sizes with thousands commas are no statistics", () => {
  assert.equal(rows("L insula -38 12 -4 4.52 1,204\nR insula 40 10 -6 4.1 980")[0].cluster_size, "1,204");
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

test("a problem that pasted rows share is told once, in the words of the page", () => {
  const paste = readPaste("x\ty\tz\tT\tCluster size\n1\t2\t3\t4.1\t20\n4\t5\t6\t4.2\t30\n7\tabc\t9\t4.3\t40\n");
  const problems = pasteRows(paste).flatMap((row, place) => readRow(row, "mni").problems.map((problem) => ({ ...problem, place })));
  assert.deepEqual(gatheredProblems(problems), [
    { level: "error", text: "3 pasted rows, first row 1, cluster unit: the unit of the cluster size is missing. Choose voxels or mm3, or “not stated” if the paper does not say." },
    { level: "error", text: "Pasted row 3, y: “abc” is not a number. Type one number, for example -12.5." },
  ]);
});
