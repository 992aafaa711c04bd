// The values of one item of a score, and the state of all items in one sentence.

import { counted } from "../shell/words.js";

const NOTHING = { points: null, quote: "", page: "", note: "" };
const FIELDS = Object.keys(NOTHING);

export const tidyItem = (values) => Object.fromEntries(FIELDS.map((field) => [field, values[field] ?? NOTHING[field]]));

/** How many of its fields differ. */
export const itemDifferences = (a, b) => FIELDS.filter((field) => (a[field] ?? null) !== (b[field] ?? null)).length;

const WORST_FIRST = ["conflict", "refused", "signed-out", "offline", "saving", "unsaved"];

/** One sentence for the states of all items. */
export function summary(kinds) {
  const worst = WORST_FIRST.find((kind) => kinds.includes(kind));
  if (!worst) return { kind: "saved", text: "All saved" };
  const items = counted(kinds.filter((kind) => kind !== "saved").length, "item");
  return {
    kind: worst,
    text: {
      conflict: `${items} not saved: choose a version`, refused: `${items} not saved`,
      "signed-out": `You are signed out, ${items} kept`, offline: `Offline, ${items} kept`,
      saving: "Saving…", unsaved: `${items} not saved yet`,
    }[worst],
  };
}
