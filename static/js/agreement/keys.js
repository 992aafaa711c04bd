// Keys -> what the compare page does. Off while a text is typed, which Escape leaves, and while an input method
// composes one.

const ACTS = {
  1: { name: "press", act: "1" }, 2: { name: "press", act: "2" }, 3: { name: "press", act: "3" },
  j: { name: "step", by: 1 }, n: { name: "step", by: 1 }, k: { name: "step", by: -1 }, z: { name: "undo" },
};

export function actionOf(event) {
  if (event.isComposing || event.key === "Process" || event.ctrlKey || event.metaKey || event.altKey) return null;
  if (isTyping(event.target)) return event.key === "Escape" ? { name: "leave" } : null;
  return ACTS[event.key.toLowerCase()] ?? null;
}

function isTyping(target) {
  if (!target?.tagName) return false;
  return ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName) || target.isContentEditable === true;
}

/** The place to go to: the next one that is not settled, or with `every` simply the next one. */
export function nextIndex(states, now, by, every = true) {
  for (let at = now + by; at >= 0 && at < states.length; at += by) if (every || states[at] !== "settled") return at;
  return now;
}
