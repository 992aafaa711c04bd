// The table behind the grid: every change is one step that can be undone.
import assert from "node:assert/strict";
import test from "node:test";

import { Table, differingRows, filledRows } from "../../static/js/extraction/coordinate-grid/table.js";

const xs = (table) => table.rows.map((row) => row.x ?? "");
const table = (...values) => new Table(values.map((x) => ({ x })));

test("a cell beyond the end grows the table", () => {
  const peaks = table("1");
  peaks.setCell(2, "x", "3");
  assert.deepEqual(xs(peaks), ["1", "", "3"]);
});

test("a combined coordinate fills x, y and z, and one undo takes it back", () => {
  const peaks = table();
  peaks.setCell(0, "x", "(−12, −50, 32)");
  assert.deepEqual(peaks.rows[0], { x: "-12", y: "-50", z: "32" });
  peaks.undo();
  assert.deepEqual(peaks.rows, []);
});

test("undo and redo walk through every change; a new change ends redo", () => {
  const peaks = table("1");
  peaks.setCell(0, "x", "2");
  peaks.setCell(0, "x", "3");
  peaks.undo();
  peaks.undo();
  assert.deepEqual(xs(peaks), ["1"]);
  peaks.redo();
  assert.deepEqual(xs(peaks), ["2"]);
  peaks.setCell(0, "x", "9");
  assert.equal(peaks.canRedo, false);
});

test("setting a cell to what it holds is no step", () => {
  const peaks = table("1");
  assert.equal(peaks.setCell(0, "x", "1"), false);
  assert.equal(peaks.canUndo, false);
});

test("fill down copies the first row of the selection, or the row above a single one", () => {
  const peaks = table("1", "2", "3");
  peaks.fillDown(0, 2, ["x"]);
  assert.deepEqual(xs(peaks), ["1", "1", "1"]);
  peaks.setCell(0, "x", "7");
  peaks.fillDown(1, 1, ["x"]);
  assert.deepEqual(xs(peaks), ["7", "7", "1"]);
});

test("rows are inserted, removed and moved", () => {
  const peaks = table("1", "2", "3");
  peaks.insert(1);
  assert.deepEqual(xs(peaks), ["1", "", "2", "3"]);
  peaks.remove(1, 1);
  peaks.move(1, 2, -1);
  assert.deepEqual(xs(peaks), ["2", "3", "1"]);
  assert.equal(peaks.move(0, 0, -1), false);
});

test("merged cells go beside what the rows hold", () => {
  const peaks = new Table([{ label: "insula" }]);
  peaks.merge(0, [{ x: "5", y: "6", z: "7" }, { x: "8 9 10" }]);
  assert.deepEqual(peaks.rows, [{ label: "insula", x: "5", y: "6", z: "7" }, { x: "8", y: "9", z: "10" }]);
});

test("clearing empties only the cells named", () => {
  const peaks = new Table([{ x: "1", note: "a" }, { x: "2", note: "b" }]);
  peaks.clear(0, 1, ["note"]);
  assert.deepEqual(peaks.rows, [{ x: "1" }, { x: "2" }]);
});

test("empty rows at the end are not saved, those between are", () => {
  assert.equal(filledRows([{ x: "1" }, {}, { x: "2" }, {}, { confirmed: "yes" }]).length, 3);
});

test("rows that differ between two versions are found", () => {
  assert.deepEqual(differingRows([{ x: "1" }, { x: "2" }], [{ x: "1" }, { x: "3" }, { x: "4" }]), [1, 2]);
});
