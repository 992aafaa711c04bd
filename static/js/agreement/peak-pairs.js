// <peak-pairs data-source="id of its JSON"> draws the peaks of both reviewers; a click leads to the difference.

import { shapesOf, VIEWS, wordsOf } from "./drawing.js";
import { SILHOUETTES } from "./silhouettes.js";

const SVG = "http://www.w3.org/2000/svg";

export class PeakPairs extends HTMLElement {
  connectedCallback() {
    this.pairs = JSON.parse(document.getElementById(this.dataset.source).textContent);
    const views = document.createElement("div");
    views.className = "brain-views";
    views.setAttribute("role", "img");
    views.setAttribute("aria-label", wordsOf(this.dataset.title, this.pairs));
    views.append(...VIEWS.map((view) => this.#view(view)));
    this.replaceChildren(views, legend());
    this.addEventListener("click", ({ target }) => {
      const path = target.dataset?.path;
      if (path) this.dispatchEvent(new CustomEvent("peak-chosen", { bubbles: true, detail: { path } }));
    });
  }

  /** Dims all peaks but those of one difference; with none, none. */
  point(path) {
    const known = this.pairs.some((pair) => pair.path === path);
    for (const shape of this.querySelectorAll("[data-path]"))
      shape.classList.toggle("brain-dim", known && shape.dataset.path !== path);
    return known;
  }

  #view(view) {
    const svg = element("svg", { viewBox: view.box.join(" ") });
    const outline = element("path", { d: SILHOUETTES[view.name], class: "brain-outline" });
    const title = element("title", {});
    title.textContent = view.title;
    const letters = view.letters.map(([letter, x]) => {
      const text = element("text", { x, y: view.box[1] + 14, class: "brain-letter" });
      text.textContent = letter;
      return text;
    });
    const shapes = shapesOf(this.pairs, view).map(({ kind, path, ...attributes }) => {
      const shape = element(kind, attributes);
      shape.dataset.path = path;
      return shape;
    });
    svg.append(title, outline, ...letters, ...shapes);
    return svg;
  }
}

function legend() {
  const line = document.createElement("p");
  line.className = "brain-legend";
  const entries = [["circle", { cx: 6, cy: 6, r: 5, class: "brain-a" }, "A"], ["rect", { x: 2, y: 2, width: 8, height: 8, class: "brain-b" }, "B"]];
  for (const [kind, attributes, words] of entries) {
    const svg = element("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" });
    svg.append(element(kind, attributes));
    const entry = document.createElement("span");
    entry.append(svg, ` ${words}`);
    line.append(entry);
  }
  line.append("a line joins a pair · MNI, right is right");
  return line;
}

function element(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
