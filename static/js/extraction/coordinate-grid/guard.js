// Asks the server, a moment after the last change, what may be wrong with the table and where its rows lie.

import { filledRows } from "./table.js";

const ASK_AFTER_MS = 350;

export class Guard {
  #timer = null;
  #asked = null;
  // The last question, where it got no answer; and whether saving got through while it waited for one.
  #missed = null;
  #reached = false;
  // Replaced whole. Rows as they were asked about: an answer counts for a row only while the row is the very same.
  answer = { rows: [], placed: [], byRow: [], general: [] };

  constructor({ ask, onChecked }) {
    Object.assign(this, { ask, onChecked });
  }

  get general() {
    return this.answer.general;
  }

  problems(place, row) {
    return this.answer.rows[place] === row ? this.answer.byRow[place] : null;
  }

  placed(place, row) {
    return row && this.answer.rows[place] === row ? this.answer.placed[place] : null;
  }

  check(rows, peaksState) {
    clearTimeout(this.#timer);
    this.#missed = null;
    this.#timer = setTimeout(() => this.#check(filledRows(rows), peaksState), ASK_AFTER_MS);
  }

  /** The server was reached by saving: a question that it did not answer is put again. */
  reached() {
    if (this.#missed) this.check(...this.#missed);
    else this.#reached = true;
  }

  async #check(rows, peaksState) {
    this.#asked?.abort();
    this.#asked = new AbortController();
    const { signal } = this.#asked;
    this.#reached = false;
    const answer = await this.ask({ peaks_state: peaksState, rows }, signal).catch(() => null);
    if (signal.aborted) return;
    if (answer?.status !== 200) {
      this.#missed = [rows, peaksState];
      if (this.#reached) this.reached();
      return;
    }
    const byRow = rows.map(() => []);
    const general = [];
    for (const problem of answer.body.problems) (problem.row === null ? general : byRow[problem.row - 1]).push(problem);
    this.answer = { rows, placed: answer.body.rows, byRow, general };
    this.onChecked();
  }
}
