// The three dialogs of the grid: what a paste would bring, two versions of one table, and the keys.

import { button, dialog, element } from "../../shell/dom.js";
import { counted } from "../../shell/words.js";
import { changedFields, readRow } from "./cells.js";
import { COLUMNS } from "./columns.js";
import { TARGETS, TARGET_NAMES, gatheredProblems, openDirections, pasteRows, readPaste } from "./paste.js";
import { differingRows } from "./table.js";

const SHOWN_LINES = 150;
const SHOWN_PROBLEMS = 40;
const KINDS = ["", "t", "z", "p", "r", "F"];
const UNITS = ["", "voxels", "mm3"];
const DIRECTIONS = [
  ["?", "Choose …"], ["+", "higher in group A: +"], ["-", "lower in group A: −"], ["", "signed as printed"],
];
const PLACES = { merge: "over the rows from row", insert: "as new rows before row", append: "after the last row" };

/** Ask for text where the clipboard cannot be read by key. */
export function askForText(host, onText) {
  const area = element("textarea", { class: "form-control tabular", rows: 10, id: "grid-paste-text", spellcheck: "false" });
  const made = dialog("Paste a table", {},
    element("label", { for: "grid-paste-text", class: "form-hint" }, "Cells from Excel or Word, or lines from a PDF. Nothing is saved before you have seen it."),
    area,
    element("div", { class: "form-actions" },
      element("button", { type: "button", class: "btn btn-primary", click: () => { made.close(); onText(area.value); } }, "Preview"),
      button("Cancel", () => made.close())));
  host.append(made);
  made.showModal();
  area.focus();
}

/** Show what a paste would bring, let the columns be settled, and hand over the rows. */
export class PastePreview {
  constructor({ host, text, positional, place, mode, space, onRows }) {
    Object.assign(this, { place, mode, space, onRows });
    this.paste = readPaste(text);
    if (positional && !this.paste.headings.length) {
      this.paste.targets = this.paste.targets.map((_, column) => positional[column] ?? "");
    }
    this.summary = element("p", { "aria-live": "polite" });
    this.table = element("div", { class: "grid-preview", tabindex: 0, role: "region", "aria-label": "Pasted lines" });
    this.problems = element("ul", { class: "grid-preview-problems" });
    this.insertButton = element("button", { type: "button", class: "btn btn-primary", click: () => this.#hand() }, "Insert");
    this.dialog = dialog("Check before it goes into the grid", { "data-preview": true },
      this.summary, this.#settings(), this.table, this.problems,
      element("div", { class: "form-actions" }, this.insertButton, button("Cancel", () => this.dialog.close())));
    host.append(this.dialog);
    this.#draw();
    this.dialog.showModal();
    // The choice of a direction is in the last column; the table still begins at its left.
    (this.table.querySelector("[data-direction]") ?? this.insertButton).focus({ preventScroll: true });
  }

  #settings() {
    return element("div", { class: "grid-preview-settings" },
      this.#choice("Statistic is", KINDS, this.paste.kind, (kind) => (this.paste.kind = kind), "not said"),
      this.#choice("Cluster unit", UNITS, this.paste.unit, (unit) => (this.paste.unit = unit), "not said"),
      this.#choice("Goes", Object.keys(PLACES), this.mode, (mode) => (this.mode = mode), "",
        (mode) => (mode === "append" ? PLACES[mode] : `${PLACES[mode]} ${this.place + 1}`)));
  }

  #choice(title, values, value, set, empty, name = (word) => word || empty) {
    const select = element("select", { class: "form-select form-select-sm", change: () => { set(select.value); this.#draw(); } },
      ...values.map((word) => element("option", { value: word, selected: word === value }, name(word))));
    return element("label", {}, `${title} `, select);
  }

  #draw() {
    const rows = pasteRows(this.paste);
    const read = rows.map((row) => readRow(row, this.space));
    const bad = read.flatMap((row, place) => row.problems.map((problem) => ({ ...problem, place })));
    const changed = read.reduce((sum, row, place) => sum + changedFields(rows[place], row).length, 0);
    const left = this.paste.lines.length - rows.length;
    const errors = bad.filter((problem) => problem.level === "error").length;
    const open = openDirections(this.paste.lines).length;
    this.summary.textContent = [
      counted(rows.length, "row"), `${counted(changed, "cell")} tidied (underlined)`, `${counted(errors, "bad cell")}`,
      left ? `${counted(left, "line")} left out` : "", open ? `${counted(open, "direction")} to settle` : "", this.paste.headings.length ? "header recognised" : "no header",
    ].filter(Boolean).join(" · ");
    this.insertButton.textContent = `Insert ${counted(rows.length, "row")}`;
    this.insertButton.disabled = rows.length === 0 || open > 0;
    const { scrollLeft, scrollTop } = this.table;
    this.table.replaceChildren(this.#lines(read));
    Object.assign(this.table, { scrollLeft, scrollTop });
    const told = gatheredProblems(bad);
    this.problems.replaceChildren(...told.slice(0, SHOWN_PROBLEMS).map(({ level, text }) =>
      element("li", { class: level === "error" ? "problem-error" : "problem-warning" }, text)));
    const more = told.length - SHOWN_PROBLEMS;
    if (more > 0) this.problems.append(element("li", {}, `and ${more} more, all marked in the grid`));
  }

  #lines(read) {
    const heads = this.paste.targets.map((target, column) => {
      const select = element("select", {
        class: "form-select form-select-sm", "aria-label": `Column ${column + 1} becomes`,
        change: () => this.#retarget(column, select.value),
      }, ...TARGETS.map((name) => element("option", { value: name, selected: name === target }, TARGET_NAMES[name])));
      return element("th", { scope: "col" }, select);
    });
    let taken = 0;
    const body = this.paste.lines.map((line, place) => this.#line(line, place, line.take ? read[taken++] : null)).slice(0, SHOWN_LINES);
    const more = this.paste.lines.length - SHOWN_LINES;
    const caption = more > 0 ? element("caption", {}, `The first ${SHOWN_LINES} lines; ${more} more are read the same way.`) : null;
    return element("table", { class: "table table-sm" }, caption,
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Take"), ...heads, element("th", { scope: "col" }, "Remark"))),
      element("tbody", {}, ...body));
  }

  #line(line, place, row) {
    const tick = element("input", {
      type: "checkbox", class: "form-check-input", "aria-label": `Take line ${place + 1}`,
      change: () => { line.take = tick.checked; this.#draw(); },
    });
    tick.checked = line.take;
    const cells = line.cells.map((text, column) => this.#cell(text, this.paste.targets[column], row));
    return element("tr", { class: line.take ? "" : "grid-left-out" }, element("td", {}, tick), ...cells,
      element("td", { class: "text-body-secondary" }, ...this.#remark(line, place)));
  }

  // Rows below "HC > PHN" are often printed without their minus.
  #remark(line, place) {
    if (line.take) return [""];
    if (!line.direction) return [line.reason];
    const select = element("select", {
      class: `form-select form-select-sm${line.sign === undefined ? " is-invalid" : ""}`,
      "aria-label": `Sign of the rows below line ${place + 1}`, "data-direction": true,
      change: () => { line.sign = select.value; this.#draw(); this.table.querySelectorAll("[data-direction]")[nth]?.focus({ preventScroll: true }); },
    }, ...DIRECTIONS.filter(([value]) => value !== "?" || line.sign === undefined).map(([value, name]) =>
      element("option", { value, selected: value === (line.sign ?? "?"), disabled: value === "?" }, name)));
    const nth = this.paste.lines.slice(0, place).filter((other) => !other.take && other.direction).length;
    return ["names a direction; the rows below are", select];
  }

  #cell(text, target, row) {
    const problem = row?.problems.find(({ field }) => field === target || (target === "xyz" && "xyz".includes(field)));
    const tidied = row && target in row.texts ? row.texts[target] : text;
    const changed = row && target in row.texts && !problem && tidied !== text.trim();
    const classes = [problem && `is-${problem.level}`, changed && "is-tidied", !target && "grid-left-out"].filter(Boolean);
    const title = problem ? `${problem.message} ${problem.mend}` : changed ? `Pasted as “${text}”` : null;
    return element("td", { class: classes.join(" "), title }, changed ? tidied || "(empty)" : text);
  }

  #retarget(column, target) {
    const single = target && target !== "label";
    this.paste.targets = this.paste.targets.map((name, place) => (place === column ? target : single && name === target ? "" : name));
    this.#draw();
    this.table.querySelectorAll("select")[column]?.focus({ preventScroll: true });
  }

  #hand() {
    const rows = pasteRows(this.paste);
    this.dialog.close();
    this.onRows({ rows, mode: this.mode, place: this.place });
  }
}

/** Both versions of a table that was saved elsewhere; the choice is the reader's. */
export function showConflict({ host, mine, theirs, onMine, onTheirs }) {
  const places = differingRows(mine.rows, theirs.rows);
  const made = dialog("This table was also saved in another tab", { "data-conflict": true },
    element("p", {}, `${counted(places.length, "row")} ${places.length === 1 ? "differs" : "differ"}. Yours is kept on this computer until you choose; taking theirs can be undone with Ctrl+Z.`),
    mine.peaks_state === theirs.peaks_state ? null : element("p", {}, `State: yours “${mine.peaks_state.replace("_", " ")}”, theirs “${theirs.peaks_state.replace("_", " ")}”.`),
    element("div", { class: "grid-preview", tabindex: 0, role: "region", "aria-label": "Rows that differ" }, versionsTable(places, mine.rows, theirs.rows)),
    element("div", { class: "form-actions" },
      element("button", { type: "button", class: "btn btn-primary", click: () => { made.close(); onMine(); } }, "Take mine"),
      button("Take theirs", () => { made.close(); onTheirs(); }),
      button("Decide later", () => made.close())));
  host.append(made);
  made.showModal();
}

function versionsTable(places, mine, theirs) {
  const fields = COLUMNS.filter(({ field }) => field && places.some((place) => mine[place]?.[field] || theirs[place]?.[field]));
  const cells = (row, other) => row
    ? fields.map(({ field }) => element("td", { class: (row[field] ?? "") === (other?.[field] ?? "") ? "" : "is-different" }, row[field] ?? ""))
    : [element("td", { colspan: fields.length, class: "text-body-secondary" }, "no such row")];
  const rows = places.slice(0, SHOWN_LINES).flatMap((place) => [
    element("tr", {}, element("th", { rowspan: 2, scope: "rowgroup" }, `${place + 1}`), element("th", { scope: "row" }, "mine"), ...cells(mine[place], theirs[place])),
    element("tr", {}, element("th", { scope: "row" }, "theirs"), ...cells(theirs[place], mine[place])),
  ]);
  return element("table", { class: "table table-sm" },
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Row"), element("th", { scope: "col" }, "Version"),
      ...fields.map(({ title }) => element("th", { scope: "col" }, title)))),
    element("tbody", {}, ...rows));
}

const KEYS = [
  ["Arrows, Tab, Enter", "move; Enter or F2 edits the cell, typing replaces it"],
  ["Shift + arrows, Ctrl+A", "select a block, or everything"],
  ["Ctrl+C, Ctrl+X, Ctrl+V", "copy, cut, paste (a block is shown before it goes in)"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["Ctrl+D", "fill down"],
  ["Delete", "empty the selected cells"],
  ["Insert, Ctrl+Delete", "add a row above, delete the selected rows"],
  ["Alt+↑, Alt+↓", "move the selected rows"],
  ["Space", "tick “confirmed”"],
  ["Esc, then Tab", "leave the grid"],
];

export function showKeys(host) {
  const made = dialog("Keys of the grid", {},
    element("dl", { class: "facts" }, ...KEYS.flatMap(([keys, what]) => [element("dt", {}, keys), element("dd", {}, what)])),
    element("div", { class: "form-actions" }, button("Close", () => made.close())));
  host.append(made);
  made.showModal();
}
