// Keys -> actions of the grid: {name, ...}. `edits` marks what a read-only grid does not do.

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const edit = (name) => ({ name, edits: true });

export function keyAction(event, { confirming = false } = {}) {
  if (event.isComposing) return null;
  const { key, shiftKey: extend } = event;
  if (event.ctrlKey || event.metaKey) return withControl(key, extend);
  if (event.altKey) return { ArrowUp: edit("moveUp"), ArrowDown: edit("moveDown") }[key] ?? null;
  if (ARROWS[key]) return { name: "step", rows: ARROWS[key][0], columns: ARROWS[key][1], extend };
  if (key === " " && confirming) return edit("tick");
  // "Process" opens an input method, such as for Chinese; the editor takes its text.
  return named(key, extend) ?? (key.length === 1 || key === "Process" ? edit("type") : null);
}

function withControl(key, extend) {
  const letter = key.length === 1 ? key.toLowerCase() : key;
  return {
    z: edit(extend ? "redo" : "undo"), y: edit("redo"), d: edit("fillDown"), a: { name: "all" }, Delete: edit("removeRows"),
    Home: { name: "tableStart", extend }, End: { name: "tableEnd", extend },
  }[letter] ?? null;
}

function named(key, extend) {
  return {
    Tab: { name: "tab", back: extend }, Escape: { name: "leave" }, Enter: edit("edit"), F2: edit("edit"),
    Delete: edit("clear"), Backspace: edit("clear"), Insert: edit("insert"), Home: { name: "rowStart", extend },
    End: { name: "rowEnd", extend }, PageUp: { name: "page", rows: -1, extend }, PageDown: { name: "page", rows: 1, extend },
    "?": { name: "keys" },
  }[key];
}
