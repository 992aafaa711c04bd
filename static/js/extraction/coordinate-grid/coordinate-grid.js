// <coordinate-grid>: the peaks of one dataset. Light DOM; what is inside before is shown until the data has come.
//
// cells.js     text -> value or reason            paste.js    pasted text -> rows
// table.js     rows, undo, redo                    guard.js    asks the server what may be wrong
// view.js      draws the rows in sight             keyboard.js keys -> actions
// dialogs.js   paste preview, versions, keys       brain.js    the peaks from three sides

import { answeredInTime, askJson } from "../../shell/ask.js";
import { Autosave } from "../../shell/autosave.js";
import { button, element } from "../../shell/dom.js";
import { counted } from "../../shell/words.js";
import { Brain } from "./brain.js";
import { readRow } from "./cells.js";
import { COLUMNS, columnOf, fieldsBetween } from "./columns.js";
import { PastePreview, askForText, showConflict, showKeys } from "./dialogs.js";
import { Guard } from "./guard.js";
import { keyAction } from "./keyboard.js";
import { readPaste, toTsv } from "./paste.js";
import { EMPTY_ROW, Table, filledRows, rectangle, tableDifferences, tidyTable } from "./table.js";
import { ROW_HEIGHT, View } from "./view.js";

const STATE_CLASSES = { saved: "state-saved", saving: "state-saving" };
const LEVELS = [["error", "error", "errors"], ["confirm", "to confirm", "to confirm"], ["warning", "warning", "warnings"]];
const SHOWN_PROBLEMS = 200;
const NO_PROBLEMS = [];
const WITH_ROWS = ["peaks", "sign_only", "threshold_only"];
const STATE_HINTS = {
  sign_only: "Coordinates and a sign for each peak; the paper gives no statistic. A statistic in a row is refused.",
  threshold_only: "Coordinates and a sign for each peak; of its height only the threshold is known, which the dataset names.",
};

class CoordinateGrid extends HTMLElement {
  async connectedCallback() {
    if (this.table) return;
    const answer = await askJson(this.dataset.url).catch(() => null);
    if (answer?.status !== 200) {
      this.prepend(element("p", { class: "alert alert-warning", role: "alert" },
        "The grid could not load its rows; below they are as last saved. Reload the page to edit."));
      return;
    }
    this.#begin(answer.body);
  }

  #begin(server) {
    this.space = server.space;
    this.readOnly = Boolean(server.read_only_because);
    this.active = { row: 0, column: 0 };
    this.anchor = this.active;
    this.read = new WeakMap();
    this.view = new View({ readOnly: this.readOnly });
    this.brain = new Brain({ onRow: (row) => this.#jump(row, this.active.column) });
    this.guard = new Guard({
      ask: (body, signal) => askJson(this.dataset.checkUrl, "POST", body, AbortSignal.any([signal, answeredInTime()])),
      onChecked: () => this.#draw(),
    });
    this.sync = new Autosave({
      put: (body) => askJson(this.dataset.url, "PUT", body),
      tidy: tidyTable,
      differences: tableDifferences,
      key: `concord-grid:${this.dataset.user}:${this.dataset.dataset}`,
      onState: (state) => this.#showState(state),
      onConflict: (versions) => this.#showConflict(versions),
    });
    this.#build();
    const table = this.readOnly ? server : this.sync.start(server);
    this.table = new Table(table.rows);
    this.peaksState = table.peaks_state;
    this.#listen();
    this.#changed({ save: false });
    this.setAttribute("data-ready", "");
  }

  // Parts

  #build() {
    this.stateText = element("span", { class: "grid-state", role: "status" });
    this.hint = element("p", { class: "grid-hint", "aria-live": "polite" });
    this.rail = element("section", { class: "grid-rail", "aria-label": "Problems" });
    this.gridArea = element("div", { class: "grid-area" }, this.#toolbar(), this.view.scroller, this.hint, this.brain.element);
    this.empty = element("div", { class: "empty-state grid-empty" });
    const top = element("div", { class: "grid-top" }, this.#stateChoice(), this.stateText);
    this.stateHint = element("p", { class: "form-hint", hidden: true });
    this.replaceChildren(top, this.stateHint, this.empty, element("div", { class: "grid-with-rail" }, this.gridArea, this.rail));
  }

  #toolbar() {
    const act = (name) => () => { this.#do(name); this.view.table.focus({ preventScroll: true }); };
    this.buttons = Object.fromEntries([
      ["undo", "Undo"], ["redo", "Redo"], ["insert", "Add row"], ["removeRows", "Delete row"], ["moveUp", "Move up"], ["moveDown", "Move down"],
      ["fillDown", "Fill down"], ["turn", "Turn direction"],
    ].map(([name, text]) => [name, button(text, act(name), { "data-action": name })]));
    const edits = this.readOnly ? [] : [
      ...Object.values(this.buttons),
      button("Paste…", () => askForText(this, (text) => this.#preview(text)), { "data-action": "paste" }),
    ];
    return element("div", { class: "grid-toolbar", role: "toolbar", "aria-label": "Grid" }, ...edits,
      button("Copy all", () => this.#copyAll(), { "data-action": "copyAll" }),
      button("Keys", () => showKeys(this), { "data-action": "keys" }));
  }

  #stateChoice() {
    const radios = JSON.parse(this.dataset.states).map(([value, text]) => {
      const radio = element("input", { type: "radio", class: "form-check-input", name: "peaks_state", value, disabled: this.readOnly, change: () => this.#chooseState(value) });
      return element("label", { class: "form-check-label" }, radio, ` ${text}`);
    });
    this.radios = radios.map((label) => label.querySelector("input"));
    return element("fieldset", { class: "grid-states" }, element("legend", { class: "visually-hidden" }, "State of the peaks"), ...radios);
  }

  #chooseState(value) {
    const rows = filledRows(this.table.rows).length;
    if (rows && !WITH_ROWS.includes(value)) {
      this.#showStateChoice();
      this.hint.textContent = `The table holds ${counted(rows, "row")}. Select all (Ctrl+A) and delete them first (Ctrl+Delete); undo brings them back.`;
      return;
    }
    this.peaksState = value;
    this.#changed();
    if (WITH_ROWS.includes(value)) this.view.table.focus();
  }

  #showStateChoice() {
    for (const radio of this.radios) radio.checked = radio.value === this.peaksState;
    const empty = !WITH_ROWS.includes(this.peaksState);
    this.gridArea.hidden = empty;
    this.stateHint.textContent = STATE_HINTS[this.peaksState] ?? "";
    this.stateHint.hidden = !this.stateHint.textContent;
    this.empty.hidden = !empty;
    if (!empty) return;
    const [title, text] = this.peaksState === "no_peaks"
      ? ["No peaks", "The study searched the whole brain and nothing survived its threshold. It goes into the analysis as such."]
      : ["Peaks not extracted yet", "Choose “Peaks” to enter or paste them, or “No peaks” if nothing survived the threshold. Until then this dataset stays out of every analysis."];
    this.empty.replaceChildren(element("h2", {}, title), element("p", {}, text), this.readOnly ? "" : this.#startButton());
  }

  #startButton() {
    return button("Enter peaks", () => this.#chooseState("peaks"), { class: "btn btn-outline-primary" });
  }

  #showState({ kind, text }) {
    this.stateText.className = `grid-state ${STATE_CLASSES[kind] ?? "state-unsaved"}`;
    const again = kind === "conflict" ? button("Show both versions", () => this.sync.reopenConflict()) : "";
    this.stateText.replaceChildren(text, " ", again);
    this.dataset.saving = kind;
    if (kind === "saved") this.guard.reached();
  }

  #showConflict({ mine, theirs }) {
    showConflict({
      host: this, mine, theirs,
      onMine: () => this.sync.takeMine(),
      onTheirs: () => {
        const taken = this.sync.takeTheirs();
        this.peaksState = taken.peaks_state;
        this.table.replace(taken.rows);
        this.#changed({ save: false });
      },
    });
  }

  // Changes

  #changed({ save = true, said = "" } = {}) {
    if (save && this.readOnly) return;
    this.said = said;
    this.#keepInside();
    if (save && filledRows(this.table.rows).length && !WITH_ROWS.includes(this.peaksState)) this.peaksState = "peaks";
    if (save) this.sync.changed({ rows: this.table.rows, peaks_state: this.peaksState });
    this.guard.check(this.table.rows, this.peaksState);
    this.#showStateChoice();
    this.#draw();
  }

  // Undo, or the rows of another tab, may take away the row in which one is.
  #keepInside() {
    const inside = ({ row, column }) => ({ row: Math.max(0, Math.min(row, this.rowCount - 1)), column });
    [this.active, this.anchor] = [inside(this.active), inside(this.anchor)];
  }

  #do(name) {
    const { top, bottom, left, right } = this.selection;
    const fields = fieldsBetween(left, right);
    const step = { moveUp: -1, moveDown: 1 }[name];
    const changed = {
      undo: () => this.table.undo(),
      redo: () => this.table.redo(),
      insert: () => this.table.insert(top),
      removeRows: () => this.table.remove(top, bottom),
      moveUp: () => this.table.move(top, bottom, -1),
      moveDown: () => this.table.move(top, bottom, 1),
      fillDown: () => this.table.fillDown(top, Math.min(bottom, this.table.rows.length), fields),
      turn: () => this.table.turn(top, Math.min(bottom, this.table.rows.length - 1)),
      clear: () => this.table.clear(top, Math.min(bottom, this.table.rows.length - 1), fields),
    }[name]();
    if (!changed) return;
    if (step) this.#shift(step);
    if (name === "removeRows") this.#select({ row: Math.min(top, this.table.rows.length), column: left });
    this.#changed({ said: name === "turn" ? this.#turnedWords(top, bottom) : "" });
  }

  #turnedWords(top, bottom) {
    const turned = this.#rowAt(top).turned;
    const positive = turned ? this.dataset.negative : this.dataset.positive;
    const [first, last] = [top + 1, Math.min(bottom, this.table.rows.length - 1) + 1];
    return `${first === last ? `Row ${first}` : `Rows ${first} to ${last}`}: a positive number now means ${positive}. Ctrl+Z takes it back.`;
  }

  #shift(step) {
    this.active = { ...this.active, row: this.active.row + step };
    this.anchor = { ...this.anchor, row: this.anchor.row + step };
  }

  #tick() {
    const row = this.#rowAt(this.active.row);
    const asked = this.#problemsAt(this.active.row).some((problem) => problem.level === "confirm");
    if (row.blank || !(asked || row.confirmed)) return;
    this.table.setCell(this.active.row, "confirmed", row.confirmed ? "" : "yes");
    this.#changed();
  }

  // Selection

  get selection() {
    return rectangle(this.anchor, this.active);
  }

  get rowCount() {
    return this.table.rows.length + (this.readOnly ? 0 : 1);
  }

  #select(place, { extend = false } = {}) {
    const row = Math.max(0, Math.min(place.row, this.rowCount - 1));
    const column = Math.max(0, Math.min(place.column, COLUMNS.length - 1));
    this.active = { row, column };
    if (!extend) this.anchor = this.active;
    this.said = "";
    this.view.reveal(this.active);
    this.#draw();
  }

  #step(rows, columns, extend) {
    this.#select({ row: this.active.row + rows, column: this.active.column + columns }, { extend });
  }

  // Tab walks through the cells and leaves the grid after the last one.
  #tab(back) {
    const count = COLUMNS.length;
    const next = this.active.row * count + this.active.column + (back ? -1 : 1);
    if (next < 0 || next >= this.rowCount * count) return false;
    this.#select({ row: Math.floor(next / count), column: next % count });
    return true;
  }

  // Drawing

  #rowAt(place) {
    const cells = this.table.rows[place] ?? EMPTY_ROW;
    if (!this.read.has(cells)) this.read.set(cells, readRow(cells, this.space));
    return this.read.get(cells);
  }

  #problemsAt(place) {
    const cells = this.table.rows[place];
    if (!cells || place >= this.filledCount) return NO_PROBLEMS;
    return this.guard.problems(place, cells) ?? this.#rowAt(place).problems;
  }

  // Scrolling asks for the rows in sight alone, a moved selection also for its hint and its light on the brain; what
  // every row has a part in is drawn where rows or answers are new.
  #draw() {
    if (this.drawnRows !== this.table.rows || this.drawnAnswer !== this.guard.answer) {
      [this.drawnRows, this.drawnAnswer] = [this.table.rows, this.guard.answer];
      this.filledCount = filledRows(this.table.rows).length;
      this.points = this.#placed();
      this.#drawRail();
      this.buttons.undo.disabled = !this.table.canUndo;
      this.buttons.redo.disabled = !this.table.canRedo;
    }
    this.#drawRows();
    this.#drawHint();
    this.brain.show(this.points, this.active.row);
  }

  #drawRows() {
    this.view.draw({
      count: this.rowCount, active: this.active, selection: this.selection,
      row: (place) => ({
        cells: this.table.rows[place] ?? EMPTY_ROW, row: this.#rowAt(place), problems: this.#problemsAt(place),
        placed: this.guard.placed(place, this.table.rows[place]), isNew: place >= this.table.rows.length,
      }),
    });
  }

  // What the server computed, and until it answers MNI coordinates as they are typed.
  #placed() {
    const points = [];
    for (let place = 0; place < this.filledCount; place += 1) {
      const row = this.#rowAt(place);
      const typed = row.space === "mni" && row.x !== null && row.y !== null && row.z !== null ? [row.x, row.y, row.z] : null;
      const mm = this.guard.placed(place, this.table.rows[place])?.mni ?? typed;
      if (mm) points.push({ row: place, mm, sign: row.sign });
    }
    return points;
  }

  #drawHint() {
    const column = COLUMNS[this.active.column];
    const problems = this.#problemsAt(this.active.row).filter((problem) => problem.field === column.field);
    const told = problems.map((problem) => `${problem.message} ${problem.mend}`).join(" ");
    const text = this.said || `Row ${this.active.row + 1}, ${column.title}${told ? `: ${told}` : column.key ? ": computed, cannot be edited." : ""}`;
    if (this.hint.textContent !== text) this.hint.textContent = text;
  }

  #drawRail() {
    const found = this.guard.general.map((problem) => ({ ...problem, row: null }));
    for (let place = 0; place < this.filledCount; place += 1) {
      for (const problem of this.#problemsAt(place)) found.push({ ...problem, row: place });
    }
    const signature = JSON.stringify([this.filledCount, found]);
    if (signature === this.railSignature) return;
    this.railSignature = signature;
    const counts = LEVELS.map(([level, one, many]) => [found.filter((problem) => problem.level === level).length, one, many]);
    const summary = counts.filter(([count]) => count).map(([count, one, many]) => `${count} ${count === 1 ? one : many}`).join(" · ");
    const rows = counted(this.filledCount, "peak");
    const items = LEVELS.flatMap(([level]) => found.filter((problem) => problem.level === level)).slice(0, SHOWN_PROBLEMS);
    const more = found.length - items.length;
    this.rail.replaceChildren(
      element("h2", {}, "Problems ", element("span", { class: "grid-rail-count" }, summary ? `${rows}: ${summary}` : `${rows}: none`)),
      element("ul", {}, ...items.map((problem) => this.#problemItem(problem))),
      more > 0 ? element("p", { class: "form-hint" }, `and ${more} more; mend these first.`) : "",
    );
  }

  #problemItem(problem) {
    const { row, field, level, message, mend } = problem;
    const column = columnOf(field);
    const place = row === null ? "Dataset" : `Row ${row + 1}${column >= 0 ? `, ${COLUMNS[column].title}` : ""}`;
    const text = [element("strong", {}, place), ` ${message} `, element("span", { class: "grid-mend" }, mend)];
    const content = row === null ? element("span", {}, ...text)
      : element("button", { type: "button", class: "grid-jump", click: () => this.#jump(row, Math.max(column, 0)) }, ...text);
    const confirm = level === "confirm" && !this.readOnly ? button("Confirm", () => this.#confirm(row), { "aria-label": `Confirm row ${row + 1}` }) : null;
    return element("li", { class: level === "error" ? "problem-error" : `problem-warning ${confirm ? "is-confirm" : ""}` }, content, confirm);
  }

  #confirm(row) {
    this.table.setCell(row, "confirmed", "yes");
    this.#changed();
    this.view.table.focus({ preventScroll: true });
  }

  #jump(row, column) {
    this.#select({ row, column });
    this.view.table.focus();
    this.view.table.scrollIntoView({ block: "nearest" });
  }

  // Editing

  #edit(text) {
    const { field, title, choices } = COLUMNS[this.active.column];
    if (this.readOnly || !field) return;
    if (field === "confirmed") {
      this.#tick();
      return;
    }
    this.view.reveal(this.active);
    this.#draw();
    this.editing = { ...this.active, field };
    this.view.openEditor(this.active, text ?? this.table.rows[this.active.row]?.[field] ?? "", `${title}, row ${this.active.row + 1}`, choices);
  }

  #commit() {
    if (!this.editing) return;
    const { row, field } = this.editing;
    this.editing = null;
    const changed = this.table.setCell(row, field, this.view.editor.value.trim());
    this.view.closeEditor();
    if (changed) this.#changed();
  }

  #cancel() {
    this.editing = null;
    this.view.closeEditor();
  }

  // Clipboard

  #selectedTsv() {
    const { top, bottom, left, right } = this.selection;
    const rows = Array.from({ length: bottom - top + 1 }, (_, step) => this.#texts(top + step));
    return toTsv(rows, fieldsBetween(left, right));
  }

  #texts(place) {
    const row = this.#rowAt(place);
    return { ...row.texts, sign: row.sign ? (row.sign > 0 ? "+" : "-") : "", confirmed: row.confirmed ? "yes" : "" };
  }

  async #copyAll() {
    const fields = COLUMNS.map((column) => column.field).filter(Boolean);
    const head = COLUMNS.filter((column) => column.field).map((column) => column.title).join("\t");
    const rows = filledRows(this.table.rows).map((_, place) => this.#texts(place));
    await navigator.clipboard.writeText(`${head}\n${toTsv(rows, fields)}`);
    this.hint.textContent = `Copied ${counted(rows.length, "row")} with column names.`;
  }

  #pasteText(text) {
    const { field } = COLUMNS[this.active.column];
    const block = /[\t\n]/.test(text.trim());
    const wholeRow = field === "label" && readPaste(text).targets.includes("x");
    if (block || wholeRow) this.#preview(text);
    else if (field && field !== "confirmed" && this.table.setCell(this.active.row, field, text.trim())) this.#changed();
  }

  #preview(text) {
    const { row, column } = this.active;
    const positional = column > 0 ? COLUMNS.slice(column).map((each) => each.field).filter(Boolean) : null;
    const isFree = filledRows(this.table.rows.slice(row)).length === 0;
    new PastePreview({
      host: this, text, positional, place: row, space: this.space, mode: positional || isFree ? "merge" : "append",
      onRows: (pasted) => this.#insertPasted(pasted),
    });
  }

  #insertPasted({ rows, mode, place }) {
    const end = filledRows(this.table.rows).length;
    if (mode === "merge") this.table.merge(place, rows);
    else this.table.insert(mode === "append" ? end : place, rows);
    this.#select({ row: mode === "append" ? end : place, column: 0 });
    this.#changed();
    this.view.table.focus();
  }

  // Events

  #listen() {
    const { table, editor, scroller } = this.view;
    table.addEventListener("keydown", (event) => this.#key(event));
    table.addEventListener("mousedown", (event) => this.#point(event));
    table.addEventListener("mousemove", (event) => event.buttons === 1 && this.#drag(event));
    table.addEventListener("dblclick", () => this.#edit());
    table.addEventListener("copy", (event) => this.#copy(event));
    table.addEventListener("cut", (event) => { this.#copy(event); if (!this.readOnly) this.#do("clear"); });
    table.addEventListener("paste", (event) => {
      event.preventDefault();
      if (!this.readOnly) this.#pasteText(event.clipboardData.getData("text/plain"));
    });
    editor.addEventListener("keydown", (event) => this.#editorKey(event));
    editor.addEventListener("blur", () => this.#commit());
    editor.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text/plain");
      if (!/[\t\n]/.test(text.trim())) return;
      event.preventDefault();
      this.#cancel();
      this.#preview(text);
    });
    let frame = null;
    scroller.addEventListener("scroll", () => { frame ??= requestAnimationFrame(() => { frame = null; this.#drawRows(); }); });
    if (this.readOnly) return;
    globalThis.addEventListener("online", () => this.sync.save());
    document.addEventListener("visibilitychange", () => document.hidden && this.sync.save());
    globalThis.addEventListener("beforeunload", (event) => { this.#commit(); if (this.sync.dirty) event.preventDefault(); });
  }

  #copy(event) {
    event.preventDefault();
    event.clipboardData.setData("text/plain", this.#selectedTsv());
  }

  #point(event) {
    const cell = event.target.closest("[data-row]");
    if (!cell || event.button !== 0) return;
    event.preventDefault();
    this.view.table.focus({ preventScroll: true });
    const row = Number(cell.dataset.row);
    if (cell.dataset.column === undefined) {
      this.#selectRow(row, event.shiftKey);
      return;
    }
    this.#select({ row, column: Number(cell.dataset.column) }, { extend: event.shiftKey });
    if (COLUMNS[this.active.column].field === "confirmed" && !this.readOnly && !event.shiftKey) this.#tick();
  }

  #selectRow(row, extend) {
    this.anchor = { row: extend ? this.anchor.row : row, column: 0 };
    this.active = { row, column: COLUMNS.length - 1 };
    this.said = "";
    this.#draw();
  }

  #drag(event) {
    const cell = event.target.closest("[data-column]");
    if (!cell) return;
    const place = { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
    if (place.row !== this.active.row || place.column !== this.active.column) this.#select(place, { extend: true });
  }

  #key(event) {
    const action = keyAction(event, { confirming: COLUMNS[this.active.column].field === "confirmed" });
    if (!action) return;
    if (action.name === "tab") {
      if (!this.leaving && this.#tab(action.back)) event.preventDefault();
      this.leaving = false;
      return;
    }
    this.leaving = action.name === "leave";
    if (action.name === "leave" || (action.edits && this.readOnly)) return;
    // A typed sign goes into the editor by itself, once that has the focus.
    if (action.name !== "type") event.preventDefault();
    this.#act(action);
  }

  #act({ name, rows, columns, extend }) {
    const last = { row: this.table.rows.length - 1, column: COLUMNS.length - 1 };
    const page = Math.max(1, Math.floor(this.view.scroller.clientHeight / ROW_HEIGHT) - 2);
    const moves = {
      step: () => this.#step(rows, columns, extend),
      page: () => this.#step(rows * page, 0, extend),
      rowStart: () => this.#select({ ...this.active, column: 0 }, { extend }),
      rowEnd: () => this.#select({ ...this.active, column: last.column }, { extend }),
      tableStart: () => this.#select({ row: 0, column: 0 }, { extend }),
      tableEnd: () => this.#select(last, { extend }),
      all: () => { this.anchor = { row: 0, column: 0 }; this.#select(last, { extend: true }); },
      edit: () => this.#edit(),
      type: () => this.#edit(""),
      tick: () => this.#tick(),
      keys: () => showKeys(this),
    };
    if (moves[name]) moves[name]();
    else this.#do(name);
  }

  #editorKey(event) {
    if (event.isComposing) return;
    const moves = { Enter: [event.shiftKey ? -1 : 1, 0], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const hasList = this.view.editor.hasAttribute("list");
    if (event.key === "Escape") this.#cancel();
    else if (event.key === "Tab") { this.#commit(); this.#tab(event.shiftKey); }
    else if (moves[event.key] && !(hasList && event.key !== "Enter")) { this.#commit(); this.#step(...moves[event.key], false); }
    else return;
    event.preventDefault();
  }
}

customElements.define("coordinate-grid", CoordinateGrid);
