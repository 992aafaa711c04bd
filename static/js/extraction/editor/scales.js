// The scales of a group (VAS, NRS, ...) in a small dialog.

import { button, dialog, element } from "../../shell/dom.js";

const COLUMNS = [
  ["name", "Scale", "VAS"],
  ["when", "When", "before"],
  ["mean", "Mean", ""],
  ["sd", "SD", ""],
  ["lowest", "Lowest possible", "0"],
  ["highest", "Highest possible", "10"],
];

/** Answers by `done(rows)` what was typed; nothing is checked here, the server reads it. */
export function openScales(title, rows, done) {
  const body = element("tbody");
  const add = (row = {}) => body.append(element("tr", {}, ...COLUMNS.map(([key, label, hint]) =>
    element("td", {}, element("input", {
      class: "form-control form-control-sm", "data-key": key, "aria-label": `${label}, scale ${body.rows.length + 1}`,
      value: row[key] ?? "", placeholder: hint, autocomplete: "off", inputmode: key === "name" || key === "when" ? "text" : "decimal",
    })))));
  for (const row of rows ?? []) add(row);
  add();
  const read = () => [...body.rows].map((row) => Object.fromEntries(
    [...row.querySelectorAll("input")].map((input) => [input.dataset.key, input.value.trim() || null])));
  const save = () => {
    done(read().filter((row) => Object.values(row).some((value) => value !== null)));
    box.close();
  };
  const head = element("thead", {}, element("tr", {}, ...COLUMNS.map(([, label]) => element("th", { scope: "col" }, label))));
  const box = dialog(
    title, {}, element("p", { class: "form-hint" }, "One row a scale and time. Clear a row to remove it."),
    element("table", { class: "table table-sm" }, head, body),
    element("p", { class: "dialog-actions" },
      element("button", { type: "button", class: "btn btn-primary", click: save }, "Keep"),
      button("One more row", () => add()), button("Close", () => box.close())),
  );
  box.classList.add("editor-dialog");
  document.body.append(box);
  box.showModal();
  body.querySelector("input").focus();
}
