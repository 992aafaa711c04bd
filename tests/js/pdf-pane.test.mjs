import assert from "node:assert/strict";
import test from "node:test";

import { placesIn } from "../../static/js/library/pdf-pane/find.js";
import { LONGEST_QUOTE, tidyQuote } from "../../static/js/library/pdf-pane/quote.js";
import { alreadyThere, refusal } from "../../static/js/library/pdf-pane/upload.js";

test("a quote is one line, and Chinese has no blanks where the paper broke its lines", () => {
  assert.equal(tidyQuote("  higher in\n patients \t than"), "higher in patients than");
  assert.equal(tidyQuote("左侧\n岛叶 ALFF 增高 ，\n右侧"), "左侧岛叶 ALFF 增高，右侧");
  assert.equal(tidyQuote("neu\u00adral"), "neural");
});

test("a quote has an end", () => {
  const quote = tidyQuote("a".repeat(3000));
  assert.equal(quote.length, LONGEST_QUOTE);
  assert.ok(quote.endsWith("…"));
});

test("words are found whatever the case, the line breaks and the kind of minus", () => {
  const text = "the Left\ninsula (−38, 12, −4)";
  assert.deepEqual(placesIn(text, "left insula"), [{ start: 4, end: 15 }]);
  assert.deepEqual(placesIn(text, "-38,12,-4"), [{ start: 17, end: 28 }]);
  assert.deepEqual(placesIn("ALFF, fALFF", "alff"), [{ start: 0, end: 4 }, { start: 7, end: 11 }]);
  assert.deepEqual(placesIn(text, "  "), []);
  assert.deepEqual(placesIn(text, "amygdala"), []);
});

test("places count characters, also where one of them is two units of UTF-16", () => {
  assert.deepEqual(placesIn("𝑥 = 12", "12"), [{ start: 4, end: 6 }]);
});

test("a file that would be refused is not sent", () => {
  assert.match(refusal({ name: "a.pdf", size: 0 }, 100), /empty/);
  assert.match(refusal({ name: "a.pdf", size: 3e8 }, 100), /300 MB; up to 100 MB/);
  assert.equal(refusal({ name: "a.pdf", size: 5e6 }, 100), "");
});

test("a file that is there already is no mistake: it is told under the name it has", () => {
  assert.equal(alreadyThere("a.pdf", "a.pdf"), "“a.pdf” is already with this report. It is shown here; nothing was added.");
  assert.match(alreadyThere("copy.pdf", "a.pdf"), /as “a.pdf”/);
});
