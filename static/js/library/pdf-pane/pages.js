// The pages of one PDF, one below the other. Only those in sight are drawn; the others are empty paper of their size.

import { element } from "../../shell/dom.js";
import { placesIn } from "./find.js";

const SHARPEST = 2;
const KEPT_PAGES = 8;
const NEAR = "600px 0px";
const SCALES = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3];

export class Pages {
  #generation = 0;

  constructor({ scroller, pdfjs, assets, onPage }) {
    Object.assign(this, { scroller, pdfjs, assets, onPage });
    this.papers = [];
    this.scale = null;
    scroller.addEventListener("scroll", () => this.#told(), { passive: true });
    new ResizeObserver(() => this.scale === null && this.#fitAgain()).observe(scroller);
  }

  /** Open a PDF; throws pdf.js's error, whose name tells what is wrong. */
  async open(url) {
    await this.close();
    const generation = this.#generation;
    this.task = this.pdfjs.getDocument({
      url, isEvalSupported: false, enableXfa: false, cMapUrl: `${this.assets}cmaps/`, cMapPacked: true,
      standardFontDataUrl: `${this.assets}standard_fonts/`, wasmUrl: `${this.assets}wasm/`,
    });
    const pdf = await this.task.promise;
    const first = await pdf.getPage(1);
    if (generation !== this.#generation) return null;
    this.pdf = pdf;
    this.size = first.getViewport({ scale: 1 });
    this.#layPapers();
    return pdf.numPages;
  }

  async close() {
    this.#generation += 1;
    this.observer?.disconnect();
    this.papers = [];
    this.drawn = [];
    this.texts = [];
    this.pdf = null;
    this.scroller.replaceChildren();
    await this.task?.destroy();
    this.task = null;
  }

  get count() {
    return this.papers.length;
  }

  get factor() {
    const fitting = (this.scroller.clientWidth - 24) / (this.size?.width ?? 600);
    return this.scale ?? Math.max(0.2, fitting);
  }

  /** The page that takes up the top of what is seen. */
  get current() {
    const middle = this.scroller.scrollTop + this.scroller.clientHeight / 3;
    const place = this.papers.findLastIndex((paper) => paper.offsetTop <= middle);
    return Math.max(place, 0) + 1;
  }

  show(number) {
    const paper = this.papers[Math.max(1, Math.min(number, this.count)) - 1];
    if (paper) this.scroller.scrollTop = paper.offsetTop - 8;
  }

  /** A number, or null to fit the width. */
  zoom(scale) {
    const { current } = this;
    this.scale = scale;
    this.#resize();
    this.show(current);
  }

  step(direction) {
    const now = this.factor;
    const next = direction > 0 ? SCALES.find((scale) => scale > now * 1.02) : SCALES.findLast((scale) => scale < now * 0.98);
    if (next) this.zoom(next);
  }

  #fitAgain() {
    if (this.pdf && this.fittedTo !== this.scroller.clientWidth) this.zoom(null);
  }

  #layPapers() {
    this.papers = Array.from({ length: this.pdf.numPages }, (_, place) =>
      element("div", { class: "pdf-page", "data-page": place + 1, role: "region", "aria-label": `Page ${place + 1}` }));
    this.scroller.replaceChildren(...this.papers);
    this.observer = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (isIntersecting) this.#draw(target);
    }, { root: this.scroller, rootMargin: NEAR });
    this.#resize();
    for (const paper of this.papers) this.observer.observe(paper);
    this.scroller.scrollTop = 0;
    this.#told();
  }

  #resize() {
    if (!this.pdf) return;
    this.fittedTo = this.scroller.clientWidth;
    this.scroller.style.setProperty("--total-scale-factor", this.factor);
    for (const paper of this.papers) {
      const size = paper.size ?? this.size;
      paper.style.width = `${Math.floor(size.width * this.factor)}px`;
      paper.style.height = `${Math.floor(size.height * this.factor)}px`;
    }
    for (const paper of this.drawn.splice(0)) this.#clear(paper);
    this.observer.disconnect();
    for (const paper of this.papers) this.observer.observe(paper);
  }

  #clear(paper) {
    paper.drawing?.cancel();
    paper.drawing = null;
    paper.replaceChildren();
  }

  async #draw(paper) {
    if (this.drawn.includes(paper)) return;
    const generation = this.#generation;
    this.drawn.push(paper);
    if (this.drawn.length > KEPT_PAGES) this.#clear(this.#farthest(paper));
    const page = await this.pdf.getPage(Number(paper.dataset.page));
    if (generation !== this.#generation || !this.drawn.includes(paper)) return;
    paper.size = page.getViewport({ scale: 1 });
    const viewport = page.getViewport({ scale: this.factor });
    Object.assign(paper.style, { width: `${Math.floor(viewport.width)}px`, height: `${Math.floor(viewport.height)}px` });
    const sharp = Math.min(globalThis.devicePixelRatio || 1, SHARPEST);
    const canvas = element("canvas", { width: Math.floor(viewport.width * sharp), height: Math.floor(viewport.height * sharp), "aria-hidden": "true" });
    const words = element("div", { class: "pdf-text textLayer" });
    paper.replaceChildren(canvas, words);
    paper.drawing = page.render({ canvas, viewport, transform: sharp === 1 ? null : [sharp, 0, 0, sharp, 0, 0] });
    const layer = new this.pdfjs.TextLayer({ textContentSource: page.streamTextContent(), container: words, viewport });
    await Promise.all([paper.drawing.promise, layer.render()]).catch((error) => {
      if (error?.name !== "RenderingCancelledException" && error?.name !== "AbortException") throw error;
    });
    // Selecting from the last line downwards shall not select the whole page.
    words.append(element("div", { class: "endOfContent" }));
    paper.dispatchEvent(new CustomEvent("pdf-drawn", { bubbles: true }));
  }

  #farthest(paper) {
    const here = Number(paper.dataset.page);
    const far = this.drawn.reduce((a, b) => (Math.abs(b.dataset.page - here) > Math.abs(a.dataset.page - here) ? b : a));
    this.drawn.splice(this.drawn.indexOf(far), 1);
    return far;
  }

  #told() {
    if (this.pdf) this.onPage(this.current);
  }

  /** The text of a page. */
  async text(number) {
    this.texts[number] ??= this.pdf.getPage(number)
      .then((page) => page.getTextContent())
      .then(({ items }) => items.map((item) => item.str + (item.hasEOL ? "\n" : "")).join(""));
    return this.texts[number];
  }

  /** Whether none of the first pages holds text. */
  async isScan() {
    const first = Array.from({ length: Math.min(this.count, 3) }, (_, place) => this.text(place + 1));
    return (await Promise.all(first)).every((text) => !text.trim());
  }

  /** How often each page holds the words: [{page, count}], only pages that do. */
  async find(words) {
    const found = [];
    for (let page = 1; page <= this.count; page += 1) {
      const { length } = placesIn(await this.text(page), words);
      if (length) found.push({ page, count: length });
    }
    return found;
  }

  /** Mark the words on the pages that are drawn; the one in order `chosen` of page `page` is brought into sight. */
  mark(words, page, chosen) {
    if (!globalThis.Highlight) return;
    const all = new Highlight();
    const current = new Highlight();
    for (const paper of this.drawn) {
      this.#ranges(paper, words).forEach((range, order) => {
        const isCurrent = Number(paper.dataset.page) === page && order === chosen;
        (isCurrent ? current : all).add(range);
        if (isCurrent) this.#reveal(range);
      });
    }
    CSS.highlights.set("pdf-found", all);
    CSS.highlights.set("pdf-current", current);
  }

  #reveal(range) {
    const { top, bottom } = range.getBoundingClientRect();
    const seen = this.scroller.getBoundingClientRect();
    if (top < seen.top || bottom > seen.bottom) this.scroller.scrollTop += top - seen.top - seen.height / 3;
  }

  #ranges(paper, words) {
    const nodes = [];
    const walker = document.createTreeWalker(paper, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    // Places count characters, offsets of a range count units of UTF-16.
    const units = nodes.flatMap((node) => [...node.data].map((sign, place, signs) =>
      ({ node, start: signs.slice(0, place).join("").length, end: signs.slice(0, place + 1).join("").length })));
    return placesIn(nodes.map((node) => node.data).join(""), words).map(({ start, end }) => {
      const range = new Range();
      range.setStart(units[start].node, units[start].start);
      range.setEnd(units[end - 1].node, units[end - 1].end);
      return range;
    });
  }
}
