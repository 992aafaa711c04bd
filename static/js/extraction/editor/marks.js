// What stands beside an answer: why it was not saved, the choice between two versions, and its source.

import { element } from "../../shell/dom.js";
import { inWords } from "./controls.js";

function mark(answer, ...children) {
  answer.querySelector(".answer-mark")?.remove();
  const made = element("span", { class: "answer-mark", role: "alert", id: `${answer.id}-mark` }, ...children);
  answer.append(made);
  for (const input of answer.querySelectorAll("input, select, textarea")) {
    input.setAttribute("aria-invalid", "true");
    input.setAttribute("aria-describedby", made.id);
  }
}

export function clearMark(answer) {
  answer.querySelector(".answer-mark")?.remove();
  for (const input of answer.querySelectorAll("[aria-invalid]")) {
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

export function markRefused(answer, message) {
  mark(answer, message);
}

/** Both versions in the place of the field; nothing is saved before one is chosen. */
export function markConflict(answer, { mine, theirs }, takeMine, takeTheirs) {
  const quotes = !("value" in mine);
  const words = (version) => (quotes ? sourceInWords(version.source) : inWords(answer, version.value));
  const button = (text, work) => element("button", { type: "button", class: "btn btn-sm btn-outline-secondary", click: work }, text);
  mark(
    answer,
    quotes ? "Its source was saved differently in another tab. " : "Another tab saved something else. ",
    button(`Keep mine: ${words(mine)}`, takeMine),
    " ",
    button(`Take what is saved: ${words(theirs)}`, takeTheirs),
  );
}

function sourceInWords(source) {
  if (!source) return "no source";
  const parts = [];
  if (source.page) parts.push(`page ${source.page}`);
  if (source.quote) parts.push(`“${source.quote}”`);
  if (source.formula) parts.push(`reported: ${source.reported}; ${source.formula}`);
  return parts.join(" · ") || "no source";
}

export function showSource(answer, source) {
  const marker = answer.querySelector(".source-marker");
  marker.hidden = !source && !answer.classList.contains("is-in-focus");
  marker.classList.toggle("is-set", Boolean(source));
  marker.textContent = source?.page ? `p. ${source.page}` : source ? "¶" : "+ page";
  marker.title = source ? sourceInWords(source) : "Say on which page this stands, or select its text in the PDF";
  answer.querySelector(".conversion")?.remove();
  if (source?.formula) marker.after(element("span", { class: "conversion", title: source.formula }, `from ${source.reported}`));
}
