// The values of one item of a quality score.
import assert from "node:assert/strict";
import test from "node:test";

import { itemDifferences, summary, tidyItem } from "../../static/js/quality/item-values.js";

test("an item is its points, quote, page and note, and no points are not 0 points", () => {
  assert.deepEqual(tidyItem({ points: null, quote: "ICD-10", version: 3 }), { points: null, quote: "ICD-10", page: "", note: "" });
  assert.equal(itemDifferences(tidyItem({ points: null }), tidyItem({ points: 0 })), 1);
  assert.equal(itemDifferences(tidyItem({ points: 2, page: "4" }), tidyItem({ points: 1.5, page: "5", note: "by phone" })), 3);
  assert.equal(itemDifferences(tidyItem({ points: 2, version: 1 }), tidyItem({ points: 2, version: 9 })), 0);
});

test("the page's one sentence tells the worst of its items", () => {
  assert.deepEqual(summary(["saved", "saved"]), { kind: "saved", text: "All saved" });
  assert.equal(summary(["saved", "offline", "unsaved"]).text, "Offline, 2 items kept");
  assert.equal(summary(["conflict", "offline"]).kind, "conflict");
  assert.equal(summary(["signed-out", "saved"]).text, "You are signed out, 1 item kept");
});
