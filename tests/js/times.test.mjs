// Times of the server in the words of the reader.
import assert from "node:assert/strict";
import test from "node:test";

import { localText } from "../../static/js/shell/times.js";

test("a moment is written in the reader's zone and manner", () => {
  const late = "2026-11-22T20:50:00+00:00";
  assert.equal(localText(late, "moment", "en-GB", "Asia/Shanghai"), "23 Nov 2026, 04:50");
  assert.equal(localText(late, "moment", "zh-CN", "Asia/Shanghai"), "2026年11月23日 04:50");
  assert.equal(localText(late, "day", "en-GB", "UTC"), "22 Nov 2026");
  assert.equal(localText("2026-11-22T20:50:07+00:00", "clock", "en-GB", "America/New_York"), "15:50:07");
});

test("a date without a time is the same date wherever it is read", () => {
  assert.equal(localText("2026-11-02", "date", "en-GB", "America/New_York"), "2 Nov 2026");
  assert.equal(localText("2026-11-02", "date", "en-GB", "Asia/Shanghai"), "2 Nov 2026");
});
