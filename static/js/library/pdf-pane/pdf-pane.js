// <pdf-pane>: the papers of a page, beside its form. Light DOM; without JavaScript it is a list of downloads.
//
// pages.js   draws the pages in sight      find.js    words in pages
// quote.js   selection -> quote            upload.js  file -> server
//
// It says `concord:quote` {text, page, file} on the document, and hears `concord:show-page` {file, page}.

import { askJson, csrfToken } from "../../shell/ask.js";
import { button, element } from "../../shell/dom.js";
import { Pages } from "./pages.js";
import { tidyQuote } from "./quote.js";
import { alreadyThere, refusal, upload } from "./upload.js";

const BROKEN = {
  PasswordException: "This PDF asks for a password. Upload a copy without one, and withdraw this one.",
  InvalidPDFException: "This PDF is damaged and cannot be shown. Download it to look at it elsewhere, or upload another copy.",
};
const GONE = "This PDF could not be fetched. Reload the page; if it stays so, the server has lost the file: upload it again.";

class PdfPane extends HTMLElement {
  async connectedCallback() {
    if (this.pages) return;
    this.pages = "being made";
    this.files = [...this.querySelectorAll("[data-file]")].map(({ dataset, textContent, href }) =>
      ({ id: Number(dataset.file), report: Number(dataset.report), name: textContent.trim(), notice: dataset.notice, url: href }));
    this.reports = [...this.querySelectorAll("[data-upload]")].map(({ dataset, textContent }) => ({ url: dataset.upload, name: textContent.trim() }));
    this.mayUpload = "mayUpload" in this.dataset;
    this.#build();
    const pdfjs = await import(this.dataset.pdfjs);
    pdfjs.GlobalWorkerOptions.workerSrc = this.dataset.worker;
    this.pages = new Pages({ scroller: this.scroller, pdfjs, assets: this.dataset.assets, onPage: (page) => this.#showPage(page) });
    this.#listen();
    await this.#choose(this.files[0]?.id);
    this.setAttribute("data-ready", "");
  }

  #build() {
    this.choice = element("select", { class: "form-select form-select-sm pdf-choice", "aria-label": "PDF", change: () => this.#choose(Number(this.choice.value)) });
    this.page = element("input", { class: "form-control form-control-sm pdf-number", inputmode: "numeric", "aria-label": "Page", change: () => this.pages.show(Number(this.page.value) || 1) });
    this.count = element("span", { class: "pdf-count" });
    this.words = element("input", { class: "form-control form-control-sm pdf-find", type: "search", placeholder: "Find", "aria-label": "Find in this PDF" });
    this.found = element("span", { class: "pdf-count", role: "status" });
    this.status = element("p", { class: "pdf-status", role: "status", hidden: true });
    this.notice = element("p", { class: "pdf-notice", hidden: true });
    this.scroller = element("div", { class: "pdf-scroller", tabindex: 0, role: "region", "aria-label": "Pages" });
    this.quoteButton = element("button", { type: "button", class: "btn btn-sm btn-primary pdf-quote", hidden: true, click: () => this.#quote() }, "Use as quote ", element("kbd", {}, "Q"));
    this.body = element("div", { class: "pdf-body" }, this.scroller, this.quoteButton);
    this.empty = element("div", { class: "empty-state pdf-empty" }, element("h2", {}, "No PDF yet"),
      element("p", {}, this.mayUpload ? "Drag the paper here, or choose it with “Upload…”. It is then read beside what you enter; selected text becomes the quote of a value." : "Nobody has uploaded the paper yet."));
    this.tools = element("div", { class: "pdf-tools", role: "toolbar", "aria-label": "Page, zoom and search" },
      element("span", { class: "pdf-group" }, this.page, this.count),
      element("span", { class: "pdf-group" }, button("−", () => this.pages.step(-1), { "aria-label": "Smaller" }), button("+", () => this.pages.step(1), { "aria-label": "Larger" }),
        button("Fit", () => this.pages.zoom(null), { title: "Fit the width" })),
      element("span", { class: "pdf-group" }, this.words, this.found));
    this.replaceChildren(element("div", { class: "pdf-head" }, this.choice, ...this.#fileActions()), this.tools, this.status, this.notice, this.empty, this.body);
  }

  #fileActions() {
    this.download = element("a", { class: "btn btn-sm btn-outline-secondary" }, "Download");
    if (!this.mayUpload) return [this.download];
    this.picker = element("input", { type: "file", accept: ".pdf,application/pdf", multiple: true, hidden: true, "aria-label": "PDF to upload", change: () => this.#send([...this.picker.files]) });
    this.report = element("select", { class: "form-select form-select-sm pdf-report", "aria-label": "Report that new files belong to", hidden: this.reports.length < 2 },
      ...this.reports.map(({ url, name }) => element("option", { value: url }, name)));
    this.withdrawal = button("Withdraw…", () => this.#askReason());
    return [this.download, this.withdrawal, this.report, button("Upload…", () => this.picker.click()), this.picker];
  }

  #listen() {
    document.addEventListener("selectionchange", () => this.#offerQuote());
    document.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("concord:show-page", ({ detail }) => this.showPage(detail));
    this.quoteButton.addEventListener("pointerdown", (event) => event.preventDefault());
    this.scroller.addEventListener("pdf-drawn", () => this.#mark());
    this.words.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.#find(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape") this.#forget();
    });
    this.words.addEventListener("input", () => this.words.value || this.#forget());
    if (!this.mayUpload) return;
    this.addEventListener("dragover", (event) => { event.preventDefault(); this.classList.add("is-dropping"); });
    this.addEventListener("dragleave", (event) => this.contains(event.relatedTarget) || this.classList.remove("is-dropping"));
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.classList.remove("is-dropping");
      this.#send([...event.dataTransfer.files]);
    });
  }

  // Files

  async #choose(id) {
    const file = this.files.find((item) => item.id === id) ?? this.files[0];
    this.file = file;
    this.#forget();
    this.choice.replaceChildren(...this.files.map(({ id: value, name }) => element("option", { value, selected: value === file?.id }, name)));
    for (const part of [this.choice, this.tools, this.body, this.download, this.withdrawal]) if (part) part.hidden = !file;
    this.empty.hidden = Boolean(file);
    this.#say(this.notice, file?.notice ?? "");
    if (!file) return;
    this.download.href = file.url;
    await this.#open(file);
  }

  async #open(file) {
    this.body.dataset.state = "opening";
    try {
      const count = await this.pages.open(file.url);
      if (count === null) return;
      this.count.textContent = `/ ${count}`;
      this.body.dataset.state = "open";
      if (!file.notice && (await this.pages.isScan())) this.#say(this.notice, "No text was found in this PDF: it seems to be a scan. Type quotes by hand.");
    } catch (error) {
      if (this.file !== file) return;
      this.body.dataset.state = "broken";
      this.body.hidden = this.tools.hidden = true;
      this.#say(this.notice, BROKEN[error?.name] ?? GONE);
    }
  }

  async #send(files) {
    for (const file of files) {
      const told = refusal(file, Number(this.dataset.limit));
      if (told) {
        this.#say(this.status, told, true);
        continue;
      }
      this.#say(this.status, `Uploading ${file.name} …`);
      const onProgress = (part) => this.#say(this.status, `Uploading ${file.name}: ${Math.round(part * 100)} %`);
      const { status, body } = await upload({ url: this.report.value, file, csrf: csrfToken(), onProgress });
      if (status !== 201 && status !== 200) {
        this.#say(this.status, `“${file.name}” was not taken. ${body?.error ?? "The server did not answer: check the network and try again."}`, true);
        continue;
      }
      if (!this.files.some(({ id }) => id === body.id)) this.files.push(body);
      this.#say(this.status, status === 200 ? alreadyThere(file.name, body.name) : "");
      await this.#choose(body.id);
    }
    this.picker.value = "";
  }

  #askReason() {
    const reason = element("input", { class: "form-control form-control-sm", "aria-label": "Why is it withdrawn?", placeholder: "Why? For example: wrong paper", maxlength: 500 });
    const asked = element("form", { class: "pdf-withdraw", submit: (event) => { event.preventDefault(); this.#withdraw(reason.value, asked); } },
      reason, element("button", { class: "btn btn-sm btn-outline-danger" }, "Withdraw"), button("Cancel", () => asked.remove()));
    this.querySelector(".pdf-withdraw")?.remove();
    this.tools.before(asked);
    reason.focus();
  }

  async #withdraw(reason, asked) {
    const { file } = this;
    const answer = await askJson(this.dataset.withdraw.replace("/0/", `/${file.id}/`), "POST", { reason }).catch(() => null);
    if (answer?.status !== 200) {
      const body = answer?.body;
      this.#say(this.status, body?.details?.reason?.[0] ?? body?.error ?? "Nothing was withdrawn: check the network and try again.", true);
      return;
    }
    asked.remove();
    this.files = this.files.filter((item) => item !== file);
    await this.pages.close();
    await this.#choose();
    this.#say(this.status, `“${file.name}” is withdrawn. Quotes from it stay.`);
  }

  // Pages

  #showPage(page) {
    if (document.activeElement !== this.page) this.page.value = page;
  }

  /** Show a page of a file, as a quote names it. */
  async showPage({ file, page }) {
    if (file && file !== this.file?.id && this.files.some(({ id }) => id === file)) await this.#choose(file);
    this.pages.show(Number(page) || 1);
    this.scrollIntoView({ block: "nearest" });
  }

  // Quotes

  #selected() {
    const selection = getSelection();
    if (!selection?.rangeCount || selection.isCollapsed || !this.scroller.contains(selection.anchorNode)) return null;
    const range = selection.getRangeAt(0);
    const start = range.startContainer.parentElement?.closest("[data-page]") ?? range.startContainer;
    const text = tidyQuote(selection.toString());
    return text && start.dataset?.page ? { text, page: Number(start.dataset.page), range } : null;
  }

  #offerQuote() {
    const selected = this.#selected();
    this.quoteButton.hidden = !selected;
    if (!selected) return;
    const frame = this.body.getBoundingClientRect();
    const box = [...selected.range.getClientRects()].at(-1) ?? frame;
    const top = Math.max(4, Math.min(box.bottom - frame.top + 6, frame.height - 40));
    const left = Math.max(4, Math.min(box.right - frame.left - 60, frame.width - 140));
    Object.assign(this.quoteButton.style, { top: `${top}px`, left: `${left}px` });
  }

  #key(event) {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (typing || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.key.toLowerCase() !== "q") return;
    if (!this.#selected()) return;
    event.preventDefault();
    this.#quote();
  }

  #quote() {
    const selected = this.#selected();
    if (!selected) return;
    const { text, page } = selected;
    document.dispatchEvent(new CustomEvent("concord:quote", { detail: { text, page, file: this.file.id } }));
    getSelection().removeAllRanges();
  }

  // Finding

  async #find(direction) {
    const words = this.words.value.trim();
    if (!words) return;
    if (words !== this.hits?.words) {
      this.found.textContent = "…";
      const pages = await this.pages.find(words);
      this.hits = { words, at: -1, all: pages.flatMap(({ page, count }) => Array.from({ length: count }, (_, order) => ({ page, order }))) };
      direction = 1;
    }
    const { all } = this.hits;
    this.found.textContent = all.length ? "" : "not found";
    if (!all.length) return;
    this.hits.at = (this.hits.at + direction + all.length) % all.length;
    this.found.textContent = `${this.hits.at + 1} of ${all.length}`;
    const { page } = all[this.hits.at];
    if (page !== this.pages.current) this.pages.show(page);
    this.#mark();
  }

  #mark() {
    if (!this.hits) return;
    const hit = this.hits.all[this.hits.at];
    this.pages.mark(this.hits.words, hit?.page, hit?.order);
  }

  #forget() {
    this.hits = null;
    this.found.textContent = "";
    globalThis.CSS?.highlights?.clear();
  }

  #say(part, text, isError = false) {
    part.textContent = text;
    part.hidden = !text;
    part.classList.toggle("is-error", isError);
  }
}

customElements.define("pdf-pane", PdfPane);
