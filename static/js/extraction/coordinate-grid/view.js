// Draws the rows that are in sight; the rest is empty space of the right height, so thousands of rows stay fluid. A row
// keeps its element, and its cells while it looks as it did: the browser styles, lays out and paints only what is new.

import { changedFields } from "./cells.js";
import { COLUMNS, shown } from "./columns.js";
import { element } from "../../shell/dom.js";

export const ROW_HEIGHT = 30;
const BEYOND_SIGHT = 12;
const NUMBER_WIDTH = 46;
const WIDTHS = [NUMBER_WIDTH, ...COLUMNS.map((column) => column.width)];
const WORST_FIRST = ["error", "confirm", "warning"];
const WORDS = { error: "error", confirm: "to confirm", warning: "warning" };

export class View {
  constructor({ readOnly }) {
    this.readOnly = readOnly;
    this.head = element("thead", {}, element("tr", { "aria-rowindex": 1 }, element("th", { class: "grid-number", scope: "col", role: "columnheader" }, "Row"),
      ...COLUMNS.map((column) => element("th", { scope: "col", role: "columnheader", class: cellClasses(column).join(" ") }, column.title))));
    [this.above, this.below] = [space(), space()];
    this.body = element("tbody", {}, this.above, this.below);
    this.drawn = new Map();
    this.table = element("table", {
      class: "grid-table tabular", role: "grid", tabindex: 0, "aria-label": "Peaks", "aria-multiselectable": "true",
      "aria-readonly": readOnly ? "true" : null, "aria-colcount": COLUMNS.length + 1,
    }, element("colgroup", {}, ...WIDTHS.map((width) => element("col", { width }))), this.head, this.body);
    this.table.style.width = `${WIDTHS.reduce((sum, width) => sum + width, 0)}px`;
    this.editor = element("input", { class: "grid-editor", type: "text", autocomplete: "off", spellcheck: "false", hidden: true, "aria-label": "Cell" });
    this.scroller = element("div", { class: "grid-scroller" }, this.table, this.editor);
  }

  /** Draw the rows in sight; `row(place)` gives {cells, row, problems, placed, isNew}. */
  draw({ count, row, selection, active }) {
    // After an undo the table may end above the place to which it is scrolled.
    const first = Math.max(0, Math.min(count, Math.floor(this.scroller.scrollTop / ROW_HEIGHT)) - BEYOND_SIGHT);
    const inSight = Math.ceil((this.scroller.clientHeight || 400) / ROW_HEIGHT) + 2 * BEYOND_SIGHT;
    const last = Math.min(count, first + inSight);
    const drawn = new Map();
    for (let place = first; place < last; place += 1) {
      const look = { ...row(place), ...marks(place, selection, active) };
      const known = this.drawn.get(place) ?? { element: element("tr", { role: "row", "aria-rowindex": place + 2 }) };
      if (!known.look || !sameLook(known.look, look)) this.#fill(known.element, place, look);
      drawn.set(place, { ...known, look });
    }
    this.#place([...drawn.values()].map(({ element: tr }) => tr));
    this.drawn = drawn;
    this.above.style.height = `${first * ROW_HEIGHT}px`;
    this.below.style.height = `${(count - last) * ROW_HEIGHT}px`;
    this.table.setAttribute("aria-rowcount", count + 1);
    if (drawn.has(active.row)) this.table.setAttribute("aria-activedescendant", cellId(active));
    else this.table.removeAttribute("aria-activedescendant");
  }

  // Rows that stay are not moved: taking an element out and in again costs as much as making it.
  #place(rows) {
    const wanted = new Set(rows);
    for (const { element: tr } of this.drawn.values()) if (!wanted.has(tr)) tr.remove();
    let next = this.above.nextSibling;
    for (const tr of rows) {
      if (tr === next) next = next.nextSibling;
      else this.body.insertBefore(tr, next);
    }
  }

  #fill(tr, place, look) {
    const { cells, row, problems, isNew } = look;
    const worst = WORST_FIRST.find((level) => problems.some((problem) => problem.level === level));
    const changed = new Set(row.blank ? [] : changedFields(cells, row));
    const number = element("th", {
      class: `grid-number ${worst ? `is-${worst}` : ""}`, scope: "row", role: "rowheader", "data-row": place,
      title: worst ? `${problems.length} problem(s), worst: ${WORDS[worst]}` : null,
    }, isNew ? "+" : String(place + 1));
    const drawn = COLUMNS.map((column, index) => this.#cell(place, index, column, { ...look, changed }));
    tr.classList.toggle("grid-new", isNew);
    tr.replaceChildren(number, ...drawn);
  }

  #cell(place, index, column, { cells, row, problems, placed, changed, left, right, activeColumn }) {
    const asked = problems.some((problem) => problem.level === "confirm");
    const { text, muted } = shown(column, row, placed, { asked, readOnly: this.readOnly });
    const mine = problems.filter((problem) => column.field && problem.field === column.field);
    const level = WORST_FIRST.find((word) => mine.some((problem) => problem.level === word));
    const selected = left !== null && index >= left && index <= right;
    const classes = [
      ...cellClasses(column), level && `is-${level}`, muted && "is-muted", changed.has(column.field) && "is-tidied", row.turned && ["statistic", "sign", "direction"].includes(column.field) && "is-turned",
      selected && "is-selected", index === activeColumn && "is-active", column.field === "sign" && row.sign && (row.sign > 0 ? "positive" : "negative"),
    ].filter(Boolean);
    const turned = row.turned && column.field === "statistic" && row.statistic !== null ? `As printed; it counts as ${row.statistic}, because its direction is turned` : null;
    const reported = changed.has(column.field) ? `Reported as “${cells[column.field]}”` : null;
    return element("td", {
      id: cellId({ row: place, column: index }), role: "gridcell", class: classes.join(" "), "data-row": place, "data-column": index,
      "aria-selected": selected ? "true" : "false", "aria-invalid": level === "error" ? "true" : null, "aria-colindex": index + 2,
      "aria-readonly": column.key ? "true" : null,
      "aria-label": column.field === "confirmed" && text ? (row.confirmed ? "confirmed" : "not confirmed") : null,
      title: [...mine.map((problem) => `${problem.message} ${problem.mend}`), reported, turned].filter(Boolean).join("\n") || null,
    }, text);
  }

  /** Bring a cell into sight. */
  reveal({ row, column }) {
    const top = row * ROW_HEIGHT;
    const head = this.head.offsetHeight;
    const { scrollTop, clientHeight, scrollLeft, clientWidth } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT * 2 + head > scrollTop + clientHeight) this.scroller.scrollTop = top + ROW_HEIGHT * 2 + head - clientHeight;
    const left = NUMBER_WIDTH + COLUMNS.slice(0, column).reduce((sum, { width }) => sum + width, 0);
    const sticky = clientWidth > 600 ? NUMBER_WIDTH + COLUMNS[0].width : NUMBER_WIDTH;
    if (column > 0 && left - sticky < scrollLeft) this.scroller.scrollLeft = left - sticky;
    else if (left + COLUMNS[column].width > scrollLeft + clientWidth) this.scroller.scrollLeft = left + COLUMNS[column].width - clientWidth + 8;
    if (column === 0) this.scroller.scrollLeft = 0;
  }

  /** Lay the editor over a cell. */
  openEditor(place, text, label, choices) {
    const cell = this.body.querySelector(`#${cellId(place)}`);
    if (!cell) return;
    Object.assign(this.editor.style, {
      left: `${cell.offsetLeft}px`, top: `${cell.offsetTop}px`, width: `${Math.max(cell.offsetWidth, 70)}px`, height: `${cell.offsetHeight}px`,
    });
    this.editor.value = text;
    this.editor.setAttribute("aria-label", label);
    this.#offer(choices);
    this.editor.hidden = false;
    this.editor.focus();
  }

  #offer(choices) {
    this.scroller.querySelector("datalist")?.remove();
    this.editor.removeAttribute("list");
    if (!choices) return;
    this.scroller.append(element("datalist", { id: "grid-choices" }, ...choices.map((value) => element("option", { value }))));
    this.editor.setAttribute("list", "grid-choices");
  }

  closeEditor() {
    this.editor.hidden = true;
    this.table.focus({ preventScroll: true });
  }
}

const space = () => element("tr", { class: "grid-space", "aria-hidden": "true" });
const sameLook = (a, b) => Object.keys(b).every((key) => a[key] === b[key]);

/** What of the selection and the active cell lies in a row: columns, or none. */
function marks(place, { top, bottom, left, right }, active) {
  const selected = place >= top && place <= bottom;
  return { left: selected ? left : null, right: selected ? right : null, activeColumn: place === active.row ? active.column : null };
}

const cellId = ({ row, column }) => `grid-cell-${row}-${column}`;
const cellClasses = (column) => [column.number && "is-number", column.key && "is-computed", column.field === "label" && "is-label"].filter(Boolean);
