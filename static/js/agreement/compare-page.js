// The compare page: keys, the difference in focus, its peaks on the brain, and its place in the paper.

import { actionOf, nextIndex } from "./keys.js";
import { PeakPairs } from "./peak-pairs.js";

if (!customElements.get("peak-pairs")) customElements.define("peak-pairs", PeakPairs);

const cards = () => [...document.querySelectorAll(".difference")];
const decided = [];
let current = null;

function choose(id) {
  current = id;
  for (const card of cards()) card.classList.toggle("is-current", card.id === id);
  const card = document.getElementById(id);
  for (const brain of document.querySelectorAll("peak-pairs")) brain.point(card?.dataset.peak);
}

function goTo(card) {
  if (!card) return;
  choose(card.id);
  card.focus({ preventScroll: true });
  card.scrollIntoView({ block: "nearest" });
}

function step(by, every) {
  const all = cards();
  const states = all.map((card) => card.dataset.state);
  const now = all.findIndex((card) => card.id === current);
  if (now < 0) return goTo(all[Math.max(0, states.findIndex((state) => state !== "settled"))]);
  goTo(all[nextIndex(states, now, by, every)]);
}

function press(act) {
  const card = document.getElementById(current);
  const control = card?.querySelector(`[data-act="${act}"]`);
  if (!control) return;
  control.click();
  if (act === "3") card.querySelector(".other input:not([type=hidden]), .other select, .other textarea")?.focus();
}

function undo() {
  const id = decided.pop();
  const card = document.getElementById(id);
  if (!card) return;
  goTo(card);
  card.querySelector('[data-act="undo"]')?.click();
}

/** Closes what was opened to type there, with the text kept in it, and goes back to the difference. */
function leave(event) {
  const card = event.target.closest(".difference");
  const opened = event.target.closest("details[open]");
  if (!card || !card.contains(opened)) return;
  event.preventDefault();
  opened.open = false;
  card.focus({ preventScroll: true });
}

document.addEventListener("keydown", (event) => {
  const action = actionOf(event);
  if (!action) return;
  if (action.name === "leave") return leave(event);
  event.preventDefault();
  if (action.name === "step") step(action.by, true);
  else if (action.name === "press") press(action.act);
  else undo();
});

document.addEventListener("focusin", ({ target }) => {
  const card = target.closest?.(".difference");
  if (card && card.id !== current) choose(card.id);
});

// Settled, because htmx gives the new card the classes of the old one until then.
document.addEventListener("htmx:afterSettle", ({ target: card, detail }) => {
  if (!card.classList?.contains("difference") || card.id !== detail.target?.id) return;
  const settled = detail.requestConfig?.path.endsWith("/decide/") && card.dataset.state === "settled";
  if (settled) decided.push(card.id);
  choose(card.id);
  if (settled) step(1, false);
  else card.focus({ preventScroll: true });
});

document.addEventListener("peak-chosen", ({ detail }) => {
  goTo(cards().find((card) => card.dataset.peak === detail.path));
});

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("[data-show-page]");
  if (!button) return;
  const { showPage: page, file, quote } = button.dataset;
  document.dispatchEvent(new CustomEvent("concord:show-page", { detail: { page, file: Number(file) || null, quote } }));
});

if (location.hash.startsWith("#d")) goTo(document.getElementById(location.hash.slice(1)));
