// What the cells of the grid show.
import assert from "node:assert/strict";
import test from "node:test";

import { readRow } from "../../static/js/extraction/coordinate-grid/cells.js";
import { COLUMNS, columnOf, shown } from "../../static/js/extraction/coordinate-grid/columns.js";

const box = (confirmed, about) => {
  const row = readRow({ x: "-38", y: "12", z: "-4", sign: "+", confirmed }, "mni");
  return shown(COLUMNS[columnOf("confirmed")], row, null, about).text;
};

test("a row has a box to tick only if it is asked about or was confirmed", () => {
  assert.equal(box("", {}), "");
  assert.equal(box("", { asked: true }), "☐");
  assert.equal(box("yes", {}), "☑ yes");
});

test("a locked page tells the confirmation as text", () => {
  assert.equal(box("yes", { readOnly: true }), "yes");
  assert.equal(box("", { readOnly: true, asked: true }), "not confirmed");
  assert.equal(box("", { readOnly: true }), "");
});
