// Draws the rows that are in sight; the rest is empty space of the right height, so thousands of rows stay fluid.

import { changedFields } from "./cells.js";
import { COLUMNS, shown } from "./columns.js";
import { element } from "../../shell/dom.js";

export const ROW_HEIGHT = 30;
const BEYOND_SIGHT = 12;
const WORST_FIRST = ["error", "confirm", "warning"];
const WORDS = { error: "error", confirm: "to confirm", warning: "warning" };

export class View {
  constructor({ readOnly }) {
    this.readOnly = readOnly;
    this.head = element("thead", {}, element("tr", { "aria-rowindex": 1 }, element("th", { class: "grid-number", scope: "col", role: "columnheader" }, "Row"),
      ...COLUMNS.map((column) => element("th", { scope: "col", role: "columnheader", class: cellClasses(column).join(" ") }, column.title))));
    this.body = element("tbody");
    this.table = element("table", {
      class: "grid-table tabular", role: "grid", tabindex: 0, "aria-label": "Peaks", "aria-multiselectable": "true",
      "aria-readonly": readOnly ? "true" : null, "aria-colcount": COLUMNS.length + 1,
    }, this.#columnWidths(), this.head, this.body);
    this.editor = element("input", { class: "grid-editor", type: "text", autocomplete: "off", spellcheck: "false", hidden: true, "aria-label": "Cell" });
    this.scroller = element("div", { class: "grid-scroller" }, this.table, this.editor);
  }

  #columnWidths() {
    const widths = [46, ...COLUMNS.map((column) => column.width)];
    this.total = widths.reduce((sum, width) => sum + width, 0);
    return element("colgroup", {}, ...widths.map((width) => element("col", { width })));
  }

  /** Draw the rows in sight. `model` gives count, row(place), problems(place), placed(place), selection and active. */
  draw(model) {
    this.model = model;
    const { count, active } = model;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - BEYOND_SIGHT);
    const inSight = Math.ceil((this.scroller.clientHeight || 400) / ROW_HEIGHT) + 2 * BEYOND_SIGHT;
    const last = Math.min(count, first + inSight);
    const rows = [];
    for (let place = first; place < last; place += 1) rows.push(this.#row(place));
    this.body.replaceChildren(this.#space(first), ...rows, this.#space(count - last));
    this.table.setAttribute("aria-rowcount", count + 1);
    this.table.style.width = `${this.total}px`;
    const id = cellId(active);
    if (this.body.querySelector(`#${id}`)) this.table.setAttribute("aria-activedescendant", id);
    else this.table.removeAttribute("aria-activedescendant");
  }

  #space(rows) {
    const space = element("tr", { class: "grid-space", "aria-hidden": "true" });
    space.style.height = `${rows * ROW_HEIGHT}px`;
    return space;
  }

  #row(place) {
    const { cells, row, problems, placed, isNew } = this.model.row(place);
    const worst = WORST_FIRST.find((level) => problems.some((problem) => problem.level === level));
    const changed = new Set(row.blank ? [] : changedFields(cells, row));
    const number = element("th", {
      class: `grid-number ${worst ? `is-${worst}` : ""}`, scope: "row", role: "rowheader", "data-row": place,
      title: worst ? `${problems.length} problem(s), worst: ${WORDS[worst]}` : null,
    }, isNew ? "+" : String(place + 1));
    const drawn = COLUMNS.map((column, index) => this.#cell(place, index, column, { cells, row, problems, placed, changed }));
    return element("tr", { role: "row", "aria-rowindex": place + 2, class: isNew ? "grid-new" : "" }, number, ...drawn);
  }

  #cell(place, index, column, { cells, row, problems, placed, changed }) {
    const asked = problems.some((problem) => problem.level === "confirm");
    const { text, muted } = shown(column, row, placed, { asked, readOnly: this.readOnly });
    const mine = problems.filter((problem) => column.field && problem.field === column.field);
    const level = WORST_FIRST.find((word) => mine.some((problem) => problem.level === word));
    const { selection, active } = this.model;
    const selected = place >= selection.top && place <= selection.bottom && index >= selection.left && index <= selection.right;
    const isActive = place === active.row && index === active.column;
    const classes = [
      ...cellClasses(column), level && `is-${level}`, muted && "is-muted", changed.has(column.field) && "is-tidied", row.turned && ["statistic", "sign", "direction"].includes(column.field) && "is-turned",
      selected && "is-selected", isActive && "is-active", column.field === "sign" && row.sign && (row.sign > 0 ? "positive" : "negative"),
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
    const left = 46 + COLUMNS.slice(0, column).reduce((sum, { width }) => sum + width, 0);
    const sticky = clientWidth > 600 ? 46 + COLUMNS[0].width : 46;
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

const cellId = ({ row, column }) => `grid-cell-${row}-${column}`;
const cellClasses = (column) => [column.number && "is-number", column.key && "is-computed", column.field === "label" && "is-label"].filter(Boolean);
