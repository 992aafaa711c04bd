// Runs before the first paint, so that a dark screen never flashes white; a module would run too late.
(() => {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const stored = () => {
    try {
      return localStorage.getItem("concord-theme") || "auto";
    } catch {
      return "auto";
    }
  };

  const apply = () => {
    const choice = stored();
    const theme = choice === "auto" ? (dark.matches ? "dark" : "light") : choice;
    document.documentElement.setAttribute("data-bs-theme", theme);
    document.dispatchEvent(new CustomEvent("concord:theme", { detail: { choice, theme } }));
  };

  dark.addEventListener("change", apply);
  window.addEventListener("storage", apply);
  document.addEventListener("concord:choose-theme", (event) => {
    try {
      localStorage.setItem("concord-theme", event.detail);
    } finally {
      apply();
    }
  });
  apply();
})();
