// Builds elements; text is never taken for markup.

/** element("td", {class: "number", "aria-label": "x"}, "text", otherElement) */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(text, work, attributes = {}) {
  return element("button", { type: "button", class: "btn btn-sm btn-outline-secondary", click: work, ...attributes }, text);
}

/** A modal dialog that is removed when closed; Escape closes it. */
export function dialog(title, attributes, ...children) {
  const heading = element("h2", { id: "dialog-title" }, title);
  const made = element("dialog", { class: "grid-dialog", "aria-labelledby": "dialog-title", ...attributes }, heading, ...children);
  made.addEventListener("close", () => made.remove());
  return made;
}
