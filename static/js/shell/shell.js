// What every page has: the theme menu, a warning when the server cannot be reached, questions before removing,
// forms that are sent once.

import { refusalText } from "./refusals.js";

const alertBox = document.getElementById("shell-alert");

function showAlert(text) {
  alertBox.textContent = text;
  alertBox.hidden = false;
}

function markTheme() {
  let choice = "auto";
  try {
    choice = localStorage.getItem("concord-theme") || "auto";
  } catch {
    // A browser that keeps nothing follows the system.
  }
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    const chosen = button.dataset.themeChoice === choice;
    button.classList.toggle("active", chosen);
    button.setAttribute("aria-pressed", String(chosen));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice]");
  if (button) document.dispatchEvent(new CustomEvent("concord:choose-theme", { detail: button.dataset.themeChoice }));
});
document.addEventListener("concord:theme", markTheme);
markTheme();

document.addEventListener("htmx:sendError", () =>
  showAlert("The server cannot be reached. What you typed is still here; try again in a moment."),
);
document.addEventListener("htmx:responseError", (event) => {
  showAlert(refusalText(event.detail.xhr.status));
});
// It is said after a refusal too, right after the refusal was told.
document.addEventListener("htmx:afterOnLoad", (event) => {
  if (event.detail.successful) alertBox.hidden = true;
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A second click on a slow form must not send it twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.dataset.sent || form.method !== "post" || form.hasAttribute("hx-post")) {
    if (form.dataset.sent) event.preventDefault();
    return;
  }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 4000);
});
