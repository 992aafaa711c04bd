// Says aloud what a refreshed fragment means, and only when that has changed: the region itself is never replaced.
const region = document.getElementById("announce");

document.body.addEventListener("htmx:afterSwap", (event) => {
  const told = event.detail.target.querySelector("[data-announce]");
  if (region && told && region.textContent !== told.dataset.announce) {
    region.textContent = told.dataset.announce;
  }
});
