// What every request to the server has.
import assert from "node:assert/strict";
import test from "node:test";

import { askJson } from "../../static/js/shell/ask.js";

globalThis.document = { cookie: "csrftoken=abc" };

test("a request whose answer never comes is given up, so that what waits behind it is sent", async (context) => {
  let limit = null;
  context.mock.method(AbortSignal, "timeout", (milliseconds) => {
    limit = milliseconds;
    return AbortSignal.abort();
  });
  globalThis.fetch = (url, { signal }) => (signal?.aborted ? Promise.reject(signal.reason) : new Promise(() => {}));
  await assert.rejects(askJson("/answers/", "PATCH", { changes: [] }));
  assert.equal(limit, 30_000);
});
