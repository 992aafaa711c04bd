// Saving: its state in words, changes kept while offline, and never a silent overwrite.
import assert from "node:assert/strict";
import test from "node:test";

import { Sync } from "../../static/js/extraction/coordinate-grid/sync.js";

const server = (...xs) => ({ version: 1, peaks_state: "peaks", rows: xs.map((x) => ({ x })) });

function setUp(answers, stored = {}) {
  const seen = { sent: [], states: [], conflicts: [], stored, waiting: null };
  const storage = {
    getItem: (key) => seen.stored[key] ?? null,
    setItem: (key, text) => (seen.stored[key] = text),
    removeItem: (key) => delete seen.stored[key],
  };
  const put = async (body) => {
    seen.sent.push(body);
    const answer = answers.shift();
    if (answer === "offline") throw new TypeError("no network");
    return answer;
  };
  const sync = new Sync({
    put, key: "grid", storage,
    schedule: (work) => (seen.waiting = work),
    now: () => new Date(2026, 0, 1, 10, 31),
    onState: (state) => seen.states.push(`${state.kind}: ${state.text}`),
    onConflict: (versions) => seen.conflicts.push(versions),
  });
  return { sync, seen, wait: () => seen.waiting() };
}

const saved = (version) => ({ status: 200, body: { version } });
const stale = (version, theirs) => ({ status: 409, body: { details: { theirs, version } } });

test("a change is saved with the version it edits, and says when", async () => {
  const { sync, seen, wait } = setUp([saved(2), saved(3)]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  sync.changed([{ x: "3" }], "peaks");
  await wait();
  assert.deepEqual(seen.sent.map((body) => body.version), [1, 2]);
  assert.deepEqual(seen.states.slice(0, 3), ["saved: All saved", "unsaved: Not saved yet", "saving: Saving…"]);
  assert.match(seen.states.at(-1), /^saved: Saved 10:31/);
  assert.deepEqual(seen.stored, {});
});

test("offline, changes are counted and kept, and saved when the connection is back", async () => {
  const { sync, seen, wait } = setUp(["offline", saved(2)]);
  sync.start(server("1", "2", "3"));
  sync.changed([{ x: "7" }, { x: "8" }, { x: "9" }], "peaks");
  await wait();
  assert.equal(seen.states.at(-1), "offline: Offline, 3 changes kept");
  assert.ok(seen.stored.grid);
  await sync.save();
  assert.match(seen.states.at(-1), /^saved/);
});

test("a server that cannot save now is asked again, and the changes are kept until it has", async () => {
  const busy = { status: 503, body: { error: "The database is busy: nothing was saved.", code: "busy" } };
  const { sync, seen, wait } = setUp([busy, saved(2)]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  assert.equal(seen.states.at(-1), "offline: The server could not save, 1 change kept; trying again");
  assert.deepEqual(JSON.parse(seen.stored.grid).rows, [{ x: "2" }]);
  await wait();
  assert.deepEqual(seen.sent.map((body) => [body.version, body.rows]), [[1, [{ x: "2" }]], [1, [{ x: "2" }]]]);
  assert.match(seen.states.at(-1), /^saved/);
  assert.deepEqual(seen.stored, {});
});

test("changes kept by an earlier visit are restored and saved", async () => {
  const stored = { grid: JSON.stringify({ rows: [{ x: "9" }], peaks_state: "peaks", base: server("1") }) };
  const { sync, seen, wait } = setUp([saved(2)], stored);
  assert.deepEqual(sync.start(server("1")).rows, [{ x: "9" }]);
  assert.equal(seen.states.at(-1), "unsaved: 1 change restored from this computer");
  await wait();
  assert.deepEqual(seen.sent[0].rows, [{ x: "9" }]);
});

test("kept changes that meet a newer table ask, and save nothing before", () => {
  const stored = { grid: JSON.stringify({ rows: [{ x: "9" }], peaks_state: "peaks", base: server("1") }) };
  const { sync, seen } = setUp([], stored);
  sync.start({ ...server("5"), version: 4 });
  assert.equal(seen.conflicts.length, 1);
  assert.equal(seen.sent.length, 0);
});

test("a stale save asks with both versions and waits, keeping mine", async () => {
  const { sync, seen, wait } = setUp([stale(2, { peaks_state: "peaks", rows: [{ x: "5" }] })]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  assert.deepEqual(seen.conflicts[0].mine.rows, [{ x: "2" }]);
  assert.deepEqual(seen.conflicts[0].theirs.rows, [{ x: "5" }]);
  sync.changed([{ x: "3" }], "peaks");
  await sync.save();
  assert.equal(seen.sent.length, 1);
  assert.ok(seen.stored.grid);
});

test("taking mine saves over the version that was shown", async () => {
  const { sync, seen, wait } = setUp([stale(7, { peaks_state: "peaks", rows: [{ x: "5" }] }), saved(8)]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  await sync.takeMine();
  assert.deepEqual([seen.sent[1].version, seen.sent[1].rows], [7, [{ x: "2" }]]);
  assert.match(seen.states.at(-1), /^saved/);
});

test("taking theirs shows their rows and forgets mine", async () => {
  const { sync, seen, wait } = setUp([stale(7, { peaks_state: "peaks", rows: [{ x: "5" }] })]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  assert.deepEqual(sync.takeTheirs().rows, [{ x: "5" }]);
  assert.deepEqual(seen.stored, {});
  assert.equal(sync.dirty, false);
});

test("when only the settings of the dataset changed, the save goes on with the new version", async () => {
  const { sync, seen, wait } = setUp([stale(2, { peaks_state: "peaks", rows: [{ x: "1" }] }), saved(3)]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  await wait();
  assert.equal(seen.conflicts.length, 0);
  assert.equal(seen.sent[1].version, 2);
});

test("a refusal says why and keeps the changes", async () => {
  const { sync, seen, wait } = setUp([{ status: 403, body: { error: "This extraction is locked." } }]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  assert.equal(seen.states.at(-1), "refused: Not saved, 1 change kept: This extraction is locked.");
  assert.ok(seen.stored.grid);
});

test("signed out, the changes are kept and the way back is told", async () => {
  const { sync, seen, wait } = setUp([{ status: 403, body: { code: "not_authenticated", error: "no credentials" } }]);
  sync.start(server("1"));
  sync.changed([{ x: "2" }], "peaks");
  await wait();
  assert.match(seen.states.at(-1), /Not saved, 1 change kept: you are signed out\. Sign in again/);
});
