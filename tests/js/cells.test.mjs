// The browser's rules for cells, held to the same file as the server's (tests/meta_app/extraction/test_parsers.py).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import * as cells from "../../static/js/extraction/coordinate-grid/cells.js";

const CASES = JSON.parse(readFileSync(new URL("../fixtures/cells.json", import.meta.url), "utf8"));
const READERS = {
  kind: cells.readKind, sign: cells.readSign, space: cells.readSpace, cluster_unit: cells.readUnit, hemisphere: cells.readSide,
  p_kind: cells.readPKind, direction: cells.readDirection, sub_peak: cells.readSubPeak,
};

for (const { field, raw, value, text, message } of CASES.numbers) {
  test(`a number cell is read or refused with its reason: ${field} ${JSON.stringify(raw)}`, () => {
    const cell = cells.readNumber(raw, field);
    assert.deepEqual([cell.value, cell.text, cell.problem?.message], [value, text, message]);
  });
}

for (const { raw, parts } of CASES.triples) {
  test(`a combined cell is split only when it holds three numbers: ${JSON.stringify(raw)}`, () => {
    assert.deepEqual(cells.readTriple(raw), parts);
  });
}

for (const { field, raw, value, message } of CASES.words) {
  test(`a word cell knows the words of the field: ${field} ${JSON.stringify(raw)}`, () => {
    const cell = READERS[field](raw);
    assert.deepEqual([cell.value, cell.problem?.message], [value, message]);
  });
}

for (const { raw, value, unit } of CASES.sizes) {
  test(`a cluster size may carry its unit: ${JSON.stringify(raw)}`, () => {
    const cell = cells.readSize(raw);
    assert.deepEqual([cell.value, cell.unit], [value, unit]);
  });
}

for (const { name, cells: given, space, expected, problems } of CASES.rows) {
  test(`a row is read with every problem at its cell: ${name}`, () => {
    const row = cells.readRow(given, space);
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((key) => [key, row[key]])), expected);
    assert.deepEqual(row.problems.map(({ field, level, message }) => [field, level, message]), problems);
  });
}
