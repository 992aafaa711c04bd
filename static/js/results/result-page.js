/** Joins the cluster table and the brain: a coordinate moves the crosshair, the crosshair marks the row it is in. */

import "./brain-viewer/brain-viewer.js";
import { nearestPeak } from "./brain-viewer/clusters.js";

const viewer = document.querySelector("brain-viewer");
const coordinates = [...document.querySelectorAll("[data-mm]")];
const rows = new Map([...document.querySelectorAll("[data-cluster]")].map((row) => [Number(row.dataset.cluster), row]));

function millimetres(element) {
  return element.dataset.mm.split(" ").map(Number);
}

for (const link of coordinates) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !viewer?.hasAttribute("data-ready")) return;
    event.preventDefault();
    viewer.moveTo(millimetres(link));
  });
}

for (const row of rows.values()) {
  row.addEventListener("click", (event) => {
    if (!event.target.closest("a, summary, details")) row.querySelector("[data-mm]").click();
  });
}

viewer?.addEventListener("crosshair", ({ detail: { mm, cluster } }) => {
  for (const [number, row] of rows) {
    row.classList.toggle("is-here", number === cluster);
    if (number === cluster) row.setAttribute("aria-current", "location");
    else row.removeAttribute("aria-current");
  }
  const peaks = cluster === null ? [] : coordinates.filter((link) => Number(link.dataset.of) === cluster);
  const here = peaks[nearestPeak(peaks.map(millimetres), mm)];
  for (const link of coordinates) link.classList.toggle("is-nearest", link === here);
});
