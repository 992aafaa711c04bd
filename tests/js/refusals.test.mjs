// What people are told when the server does not answer as wished.
import assert from "node:assert/strict";
import test from "node:test";

import { refusalText } from "../../static/js/shell/refusals.js";

test("a busy server asks for another try, not for a reload that would lose what was typed", () => {
  assert.match(refusalText(503), /busy.*still here.*try again/);
  assert.doesNotMatch(refusalText(503), /reload/i);
});

test("a refusal and a failure say what was kept and what to do", () => {
  assert.match(refusalText(403), /signed out.*Reload/);
  assert.match(refusalText(500), /kept.*reload/);
});
