// The table of peaks as immutable rows of text, with undo and redo. Knows nothing of the page.

import { FIELDS, isBlankRow, splitCombined } from "./cells.js";

const UNDO_STEPS = 300;
export const EMPTY_ROW = Object.freeze({});

/** A row with only its filled cells, as it is stored. */
function tidyRow(cells) {
  const filled = FIELDS.filter((field) => cells[field]).map((field) => [field, String(cells[field])]);
  return Object.freeze(Object.fromEntries(filled));
}

const sameRow = (a, b) => FIELDS.every((field) => (a?.[field] ?? "") === (b?.[field] ?? ""));
const sameRows = (a, b) => a.length === b.length && a.every((row, place) => sameRow(row, b[place]));

/** Rows without the empty ones at the end: what is saved. */
export function filledRows(rows) {
  let end = rows.length;
  while (end && isBlankRow(rows[end - 1])) end -= 1;
  return rows.slice(0, end);
}

/** Places of rows that differ between two tables. */
export function differingRows(mine, theirs) {
  const places = Array.from({ length: Math.max(mine.length, theirs.length) }, (_, place) => place);
  return places.filter((place) => !mine[place] || !theirs[place] || !sameRow(mine[place], theirs[place]));
}

/** The table as it is saved. */
export const tidyTable = ({ rows, peaks_state }) => ({ rows: filledRows(rows), peaks_state });

/** How many rows (and the state) differ between two tables. */
export function tableDifferences(a, b) {
  return differingRows(a.rows, b.rows).length + (a.peaks_state === b.peaks_state ? 0 : 1);
}

/** A rectangle of cells: rows top..bottom and columns left..right, ends included. */
export function rectangle(anchor, active) {
  return {
    top: Math.min(anchor.row, active.row),
    bottom: Math.max(anchor.row, active.row),
    left: Math.min(anchor.column, active.column),
    right: Math.max(anchor.column, active.column),
  };
}

export class Table {
  #past = [];
  #future = [];
  rows = [];

  constructor(rows = []) {
    this.reset(rows);
  }

  reset(rows) {
    this.rows = rows.map(tidyRow);
    this.#past = [];
    this.#future = [];
  }

  get canUndo() {
    return this.#past.length > 0;
  }

  get canRedo() {
    return this.#future.length > 0;
  }

  /** Make `rows` the table, as one step that can be undone; answers whether anything changed. */
  replace(rows) {
    if (sameRows(rows, this.rows)) return false;
    this.#past.push(this.rows);
    if (this.#past.length > UNDO_STEPS) this.#past.shift();
    this.#future = [];
    this.rows = rows.map((row) => (Object.isFrozen(row) ? row : tidyRow(row)));
    return true;
  }

  undo() {
    return this.#step(this.#past, this.#future);
  }

  redo() {
    return this.#step(this.#future, this.#past);
  }

  #step(from, to) {
    if (!from.length) return false;
    to.push(this.rows);
    this.rows = from.pop();
    return true;
  }

  /** Set one cell; a combined coordinate fills x, y and z. The table grows to hold the row. */
  setCell(place, field, text) {
    const rows = this.#grown(place + 1);
    const cells = { ...rows[place], [field]: text };
    rows[place] = tidyRow(field === "x" ? { ...cells, ...splitCombined(cells) } : cells);
    return this.replace(rows);
  }

  /** Put cells into the rows from `place` on, beside what they hold. */
  merge(place, rows) {
    const grown = this.#grown(place + rows.length);
    rows.forEach((row, offset) => {
      const cells = { ...grown[place + offset], ...row };
      grown[place + offset] = tidyRow({ ...cells, ...("x" in row ? splitCombined(cells) : {}) });
    });
    return this.replace(grown);
  }

  clear(top, bottom, fields) {
    const cleared = Object.fromEntries(fields.map((field) => [field, ""]));
    return this.#mapRows(top, bottom, (row) => ({ ...row, ...cleared }));
  }

  /** Copy the cells of the first row down to the others; a single row takes those of the row above it. */
  fillDown(top, bottom, fields) {
    const source = this.rows[top === bottom ? top - 1 : top];
    if (!source) return false;
    const copied = Object.fromEntries(fields.map((field) => [field, source[field] ?? ""]));
    return this.#mapRows(top, bottom, (row) => ({ ...row, ...copied }));
  }

  /** Turn the direction of the rows: turned rows back, the others over. The cells stay as they were typed. */
  turn(top, bottom) {
    const turned = (row) => (isBlankRow(row) ? row : { ...row, direction: row.direction ? "" : "turned" });
    return this.#mapRows(top, bottom, turned);
  }

  insert(place, rows = [EMPTY_ROW]) {
    return this.replace([...this.#grown(place).slice(0, place), ...rows.map(tidyRow), ...this.rows.slice(place)]);
  }

  remove(top, bottom) {
    return this.replace(this.rows.filter((_, place) => place < top || place > bottom));
  }

  /** Move rows top..bottom by `step` places; answers whether they could move. */
  move(top, bottom, step) {
    const target = top + step;
    if (target < 0 || bottom + step >= this.rows.length) return false;
    const rows = [...this.rows];
    const moved = rows.splice(top, bottom - top + 1);
    rows.splice(target, 0, ...moved);
    return this.replace(rows);
  }

  #grown(length) {
    const rows = [...this.rows];
    while (rows.length < length) rows.push(EMPTY_ROW);
    return rows;
  }

  #mapRows(top, bottom, change) {
    const rows = this.#grown(bottom + 1);
    for (let place = top; place <= bottom; place += 1) rows[place] = tidyRow(change(rows[place]));
    return this.replace(rows);
  }
}
