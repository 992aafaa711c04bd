// <quality-item>: one item of a score, saved as it is filled in. A quote chosen in the paper beside it (the event
// concord:quote) goes to the item that was touched last.

import { askJson } from "../shell/ask.js";
import { Autosave } from "../shell/autosave.js";
import { isTrouble } from "../shell/saving.js";
import { counted } from "../shell/words.js";
import { itemDifferences, summary, tidyItem } from "./item-values.js";

const items = () => [...document.querySelectorAll("quality-item")];
let touched = null;

class QualityItem extends HTMLElement {
  connectedCallback() {
    if (this.sync) return;
    this.stateText = this.querySelector(".item-state");
    this.conflictBox = this.querySelector(".item-conflict");
    this.sync = new Autosave({
      put: (body) => askJson(this.dataset.url, "PUT", body),
      tidy: tidyItem,
      differences: itemDifferences,
      key: this.dataset.key,
      onState: (state) => this.#showState(state),
      onConflict: (versions) => this.#showConflict(versions),
      onSaved: (body) => showTotal(body),
      untouched: "",
    });
    const version = Number(this.dataset.version);
    if (this.sync.isOutdated(version)) {
      location.reload();
      return;
    }
    this.values = this.sync.start({ ...this.values, version });
    this.addEventListener("input", () => this.sync.changed(this.values));
    this.addEventListener("change", () => this.sync.save());
    this.addEventListener("focusin", () => { touched = this; });
    this.addEventListener("pointerdown", () => { touched = this; });
    this.querySelector("fieldset").disabled = false;
  }

  get values() {
    const chosen = this.querySelector("input[type=radio]:checked");
    const text = (name) => this.querySelector(`[name=${name}]`).value;
    return { points: chosen ? Number(chosen.value) : null, quote: text("quote"), page: text("page"), note: text("note") };
  }

  set values(values) {
    for (const radio of this.querySelectorAll("input[type=radio]")) {
      radio.checked = values.points !== null && Number(radio.value) === values.points;
    }
    for (const name of ["quote", "page", "note"]) this.querySelector(`[name=${name}]`).value = values[name] ?? "";
  }

  takeQuote({ text, page }) {
    const { quote, ...rest } = this.values;
    this.values = { ...rest, quote: quote ? `${quote} […] ${text}` : text, page: page ? String(page) : rest.page };
    this.sync.changed(this.values);
    this.scrollIntoView({ block: "nearest" });
  }

  #showState({ kind, text }) {
    this.stateText.textContent = text;
    this.stateText.classList.toggle("is-trouble", isTrouble(kind));
    this.dataset.saving = kind;
    if (kind !== "conflict") this.conflictBox.hidden = true;
    showSummary();
  }

  #showConflict({ mine, theirs }) {
    const words = (values) => `${values.points === null ? "no points" : counted(values.points, "point")}${values.page ? `, page ${values.page}` : ""}${values.quote ? `, “${values.quote}”` : ""}`;
    const line = (name, values) => Object.assign(document.createElement("p"), { textContent: `${name}: ${words(values)}`, className: "mb-1" });
    const choice = (text, work) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: text, className: "btn btn-sm btn-outline-secondary me-2" });
      button.addEventListener("click", work);
      return button;
    };
    this.conflictBox.replaceChildren(
      line("Here", mine), line("Saved in the other tab", theirs),
      choice("Keep mine", () => this.sync.takeMine()),
      choice("Take the other", () => { this.values = this.sync.takeTheirs(); }),
    );
    this.conflictBox.hidden = false;
  }
}

function showTotal({ total, open_items: open }) {
  document.getElementById("score-total").textContent = String(total);
  document.getElementById("score-open").textContent = String(open);
}

function showSummary() {
  const { kind, text } = summary(items().map((item) => item.sync?.state ?? "saved"));
  const place = document.getElementById("score-state");
  place.textContent = text;
  place.classList.toggle("is-trouble", isTrouble(kind));
}

customElements.define("quality-item", QualityItem);

document.addEventListener("concord:quote", (event) => {
  (touched ?? items().find((item) => item.values.points === null))?.takeQuote(event.detail);
});
window.addEventListener("online", () => items().forEach((item) => item.sync.save()));
window.addEventListener("beforeunload", (event) => {
  if (items().some((item) => item.sync.dirty)) event.preventDefault();
});

// What is still on its way is saved before the score is locked.
document.getElementById("complete-form")?.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!items().some((item) => item.sync.dirty)) return;
  event.preventDefault();
  await Promise.all(items().map((item) => item.sync.save()));
  if (!items().some((item) => item.sync.dirty)) form.submit();
});
