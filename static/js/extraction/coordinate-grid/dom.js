// The dialogs of the grid.

import { button, element } from "../../shell/dom.js";

export { button, element };

/** A modal dialog that is removed when closed; Escape closes it. */
export function dialog(title, attributes, ...children) {
  const heading = element("h2", { id: "grid-dialog-title" }, title);
  const made = element("dialog", { class: "grid-dialog", "aria-labelledby": "grid-dialog-title", ...attributes }, heading, ...children);
  made.addEventListener("close", () => made.remove());
  return made;
}
