/** Joins the cluster tables and the brain: a coordinate moves the crosshair, the crosshair marks the row it is in, and
 * the choice of a correction changes both. */

import "./brain-viewer/brain-viewer.js";
import { nearestPeak } from "./brain-viewer/clusters.js";

const viewer = document.querySelector("brain-viewer");
const parts = [...document.querySelectorAll("[data-correction-part]")];
const choices = [...document.querySelectorAll("[data-correction-choice]")];

function millimetres(element) {
  return element.dataset.mm.split(" ").map(Number);
}

function isPlainClick(event) {
  return !(event.ctrlKey || event.metaKey || event.shiftKey) && viewer?.hasAttribute("data-ready");
}

/** Coordinates and rows of the table that is shown. */
function shown(selector) {
  return [...document.querySelectorAll(selector)].filter((element) => !element.closest("[hidden]"));
}

for (const link of document.querySelectorAll("[data-mm]")) {
  link.addEventListener("click", (event) => {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    viewer.moveTo(millimetres(link));
  });
}

for (const row of document.querySelectorAll("[data-cluster]")) {
  row.addEventListener("click", (event) => {
    if (!event.target.closest("a, summary, details")) row.querySelector("[data-mm]").click();
  });
}

for (const link of choices) {
  link.addEventListener("click", (event) => {
    if (!isPlainClick(event)) return;
    event.preventDefault();
    const correction = link.dataset.correctionChoice;
    for (const part of parts) part.hidden = part.dataset.correctionPart !== correction;
    for (const other of choices.filter((one) => one.closest("nav"))) {
      if (other.dataset.correctionChoice === correction) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
    viewer.choose(correction);
  });
}

viewer?.addEventListener("crosshair", ({ detail: { mm, cluster } }) => {
  const coordinates = shown("[data-mm]");
  for (const row of shown("[data-cluster]")) {
    const here = Number(row.dataset.cluster) === cluster;
    row.classList.toggle("is-here", here);
    if (here) row.setAttribute("aria-current", "location");
    else row.removeAttribute("aria-current");
  }
  const peaks = cluster === null ? [] : coordinates.filter((link) => Number(link.dataset.of) === cluster);
  const here = peaks[nearestPeak(peaks.map(millimetres), mm)];
  for (const link of coordinates) link.classList.toggle("is-nearest", link === here);
});

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const paragraphs = [...document.querySelectorAll(`[data-part="${button.dataset.copy}"] p`)];
    await navigator.clipboard.writeText(paragraphs.map((paragraph) => paragraph.textContent).join("\n\n"));
    button.textContent = "Copied";
  });
}
