// Where a value stands in the paper: the answer in focus takes the quote and page of what is selected in the PDF.

import { dialog, element } from "../../shell/dom.js";
import { baseOf } from "./controls.js";
import { showSource } from "./marks.js";

let inFocus = null;

export const currentSource = (answer) => JSON.parse(answer.dataset.typedSource ?? answer.dataset.source);

/** `edit(answer, {source})` queues a change. */
export function followSources(root, edit) {
  const change = (answer, source) => {
    answer.dataset.typedSource = JSON.stringify(source);
    showSource(answer, source);
    edit(answer, { source });
  };
  root.addEventListener("focusin", (event) => focusAnswer(event.target.closest(".answer")));
  root.addEventListener("click", (event) => {
    if (event.target.matches(".source-marker")) openSource(event.target.closest(".answer"), change);
  });
  document.addEventListener("concord:quote", ({ detail: { text, page, file } }) => {
    if (!inFocus?.isConnected) return;
    const { reported, formula } = currentSource(inFocus) ?? {};
    const kept = formula ? { reported, formula } : {};
    change(inFocus, { quote: text, page: String(page), file, ...kept });
  });
}

function focusAnswer(answer) {
  if (!answer || answer === inFocus || answer.dataset.key === "peaks_state") return;
  const before = inFocus;
  inFocus = answer;
  answer.classList.add("is-in-focus");
  showSource(answer, currentSource(answer));
  if (before?.isConnected) {
    before.classList.remove("is-in-focus");
    showSource(before, currentSource(before));
  }
}

function openSource(answer, change) {
  const source = currentSource(answer);
  if (source?.page) showPage(source);
  const page = element("input", { class: "form-control", id: "source-page", value: source?.page ?? "", maxlength: 20 });
  const quote = element("textarea", { class: "form-control", id: "source-quote", rows: 3, maxlength: 2000 }, source?.quote ?? "");
  const save = () => {
    const { file, reported, formula } = source ?? {};
    const parts = { quote: quote.value.trim(), page: page.value.trim(), file, reported, formula };
    const said = Object.fromEntries(Object.entries(parts).filter(([, value]) => value));
    change(answer, said.quote || said.page || said.formula ? said : null);
    box.close();
  };
  const button = (text, work, look) => element("button", { type: "button", class: `btn ${look}`, click: work }, text);
  const box = dialog(
    `Source: ${answer.dataset.name}`, {},
    element("p", { class: "form-hint" }, "Selecting text in the PDF fills both in."),
    element("label", { for: "source-page", class: "form-label" }, "Page"), page,
    element("label", { for: "source-quote", class: "form-label" }, "Quote"), quote,
    source?.formula ? element("p", { class: "form-hint" }, `Reported: ${source.reported}. ${source.formula}`) : null,
    element("p", { class: "dialog-actions" },
      button("Keep", save, "btn-primary"), button("Close", () => box.close(), "btn-outline-secondary")),
  );
  box.classList.add("editor-dialog");
  box.addEventListener("close", () => answer.querySelector("input, select, textarea, button")?.focus());
  document.body.append(box);
  box.showModal();
}

function showPage({ file, page }) {
  document.dispatchEvent(new CustomEvent("concord:show-page", { detail: { file, page } }));
}

/** Markers of a page that only shows: a click leads to the page of the PDF. */
export function showSourcesOnly(root) {
  for (const answer of root.querySelectorAll(".answer")) showSource(answer, baseOf(answer).source);
  root.addEventListener("click", (event) => {
    if (event.target.matches(".source-marker")) showPage(baseOf(event.target.closest(".answer")).source);
  });
}
