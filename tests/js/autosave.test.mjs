// Autosave: the state in words, changes kept while offline, and never a silent overwrite. Tried with the table of the grid.
import assert from "node:assert/strict";
import test from "node:test";

import { tableDifferences, tidyTable } from "../../static/js/extraction/coordinate-grid/table.js";
import { Autosave } from "../../static/js/shell/autosave.js";
import { savingSetUp } from "./saving.mjs";

const table = (...xs) => ({ peaks_state: "peaks", rows: xs.map((x) => ({ x })) });
const server = (...xs) => ({ version: 1, ...table(...xs) });

function setUp(answers, stored) {
  const { seen, ask, options, wait } = savingSetUp(answers, stored);
  seen.conflicts = [];
  const sync = new Autosave({
    ...options, put: ask, tidy: tidyTable, differences: tableDifferences,
    onConflict: (versions) => seen.conflicts.push(versions),
  });
  return { sync, seen, wait };
}

const saved = (version) => ({ status: 200, body: { version } });
const stale = (version, theirs) => ({ status: 409, body: { details: { theirs, version } } });

test("a change is saved with the version it edits, and says when", async () => {
  const { sync, seen, wait } = setUp([saved(2), saved(3)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  sync.changed(table("3"));
  await wait();
  assert.deepEqual(seen.sent.map((body) => body.version), [1, 2]);
  assert.deepEqual(seen.states.slice(0, 3), ["saved: All saved", "unsaved: Not saved yet", "saving: Saving…"]);
  assert.match(seen.states.at(-1), /^saved: Saved 10:31/);
  assert.deepEqual(seen.stored, {});
});

test("offline, changes are counted and kept, and saved when the connection is back", async () => {
  const { sync, seen, wait } = setUp(["offline", saved(2)]);
  sync.start(server("1", "2", "3"));
  sync.changed(table("7", "8", "9"));
  await wait();
  assert.equal(seen.states.at(-1), "offline: Offline, 3 changes kept");
  assert.ok(seen.stored.kept);
  await sync.save();
  assert.match(seen.states.at(-1), /^saved/);
});

test("a server that cannot save now is asked again, and the changes are kept until it has", async () => {
  const busy = { status: 503, body: { error: "The database is busy: nothing was saved.", code: "busy" } };
  const { sync, seen, wait } = setUp([busy, saved(2)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.equal(seen.states.at(-1), "offline: The server could not save, 1 change kept; trying again");
  assert.deepEqual(JSON.parse(seen.stored.kept).rows, [{ x: "2" }]);
  await wait();
  assert.deepEqual(seen.sent.map((body) => [body.version, body.rows]), [[1, [{ x: "2" }]], [1, [{ x: "2" }]]]);
  assert.match(seen.states.at(-1), /^saved/);
  assert.deepEqual(seen.stored, {});
});

test("changes kept by an earlier visit are restored and saved", async () => {
  const stored = { kept: JSON.stringify({ ...table("9"), base: server("1") }) };
  const { sync, seen, wait } = setUp([saved(2)], stored);
  assert.deepEqual(sync.start(server("1")).rows, [{ x: "9" }]);
  assert.equal(seen.states.at(-1), "unsaved: 1 change restored from this computer");
  await wait();
  assert.deepEqual(seen.sent[0].rows, [{ x: "9" }]);
});

test("kept changes that meet a newer table ask, and save nothing before", () => {
  const stored = { kept: JSON.stringify({ ...table("9"), base: server("1") }) };
  const { sync, seen } = setUp([], stored);
  sync.start({ ...server("5"), version: 4 });
  assert.equal(seen.conflicts.length, 1);
  assert.equal(seen.sent.length, 0);
});

test("a stale save asks with both versions and waits, keeping mine", async () => {
  const { sync, seen, wait } = setUp([stale(2, table("5"))]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.deepEqual(seen.conflicts[0].mine.rows, [{ x: "2" }]);
  assert.deepEqual(seen.conflicts[0].theirs.rows, [{ x: "5" }]);
  sync.changed(table("3"));
  await sync.save();
  assert.equal(seen.sent.length, 1);
  assert.ok(seen.stored.kept);
});

test("taking mine saves over the version that was shown", async () => {
  const { sync, seen, wait } = setUp([stale(7, table("5")), saved(8)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  await sync.takeMine();
  assert.deepEqual([seen.sent[1].version, seen.sent[1].rows], [7, [{ x: "2" }]]);
  assert.match(seen.states.at(-1), /^saved/);
});

test("taking theirs shows their rows and forgets mine", async () => {
  const { sync, seen, wait } = setUp([stale(7, table("5"))]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.deepEqual(sync.takeTheirs().rows, [{ x: "5" }]);
  assert.deepEqual(seen.stored, {});
  assert.equal(sync.dirty, false);
});

test("when only the settings of the dataset changed, the save goes on with the new version", async () => {
  const { sync, seen, wait } = setUp([stale(2, table("1")), saved(3)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  await wait();
  assert.equal(seen.conflicts.length, 0);
  assert.equal(seen.sent[1].version, 2);
});

test("a refusal says why and keeps the changes", async () => {
  const { sync, seen, wait } = setUp([{ status: 403, body: { error: "This extraction is locked." } }]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.equal(seen.states.at(-1), "refused: Not saved, 1 change kept: This extraction is locked.");
  assert.ok(seen.stored.kept);
});

test("signed out, the changes are kept, the way back is told, and saving goes on after it", async () => {
  const { sync, seen, wait } = setUp([{ status: 403, body: { code: "not_authenticated", error: "no credentials" } }, saved(2)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.match(seen.states.at(-1), /^signed-out: You are signed out, 1 change kept\. Sign in in another tab/);
  assert.ok(seen.stored.kept);
  await wait();
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
  assert.deepEqual(seen.stored, {});
});

test("a lost network is asked again less and less often, and as soon as ever once it has answered", async () => {
  const { sync, seen, wait } = setUp([...Array(6).fill("offline"), saved(2), "offline"]);
  sync.start(server("1"));
  sync.changed(table("2"));
  for (let time = 0; time < 7; time++) await wait();
  sync.changed(table("3"));
  await wait();
  assert.deepEqual(seen.waits, [1000, 2000, 4000, 8000, 16000, 30000, 30000, 1000, 2000]);
});

test("what is typed while a save is under way is saved after it", async () => {
  let answer;
  const { sync, seen } = setUp([() => new Promise((resolve) => { answer = resolve; }), saved(3)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  const first = sync.save();
  sync.changed(table("3"));
  const second = sync.save();
  assert.equal(seen.sent.length, 1);
  answer(saved(2));
  await Promise.all([first, second]);
  assert.deepEqual(seen.sent.map((body) => [body.version, body.rows[0].x]), [[1, "2"], [2, "3"]]);
  assert.equal(sync.dirty, false);
  assert.deepEqual(seen.stored, {});
});

test("a reload while a save is under way keeps what was typed after it", async () => {
  const { sync, seen, wait } = setUp([saved(2)]);
  sync.start(server("1"));
  sync.changed(table("2"));
  const saving = wait();
  sync.changed(table("3"));
  await saving;
  assert.match(seen.states.at(-1), /^unsaved/);
  const later = setUp([saved(3)], seen.stored);
  assert.deepEqual(later.sync.start({ ...server("2"), version: 2 }).rows, [{ x: "3" }]);
  assert.deepEqual(later.seen.conflicts, []);
  await later.wait();
  assert.equal(later.seen.sent[0].version, 2);
});

test("the same saved by another tab is no conflict", async () => {
  const { sync, seen, wait } = setUp([stale(2, table("2"))]);
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.deepEqual(seen.conflicts, []);
  assert.match(seen.states.at(-1), /^saved/);
});

test("a save with nothing to save sends nothing and claims no time", async () => {
  const { sync, seen } = setUp([]);
  sync.start(server("1"));
  await sync.save();
  assert.deepEqual([seen.sent, seen.states], [[], ["saved: All saved"]]);
});

test("a storage that is full or forbidden takes away the net, not the saving", async () => {
  const { sync, seen, wait } = setUp([saved(2)]);
  seen.stored = new Proxy({}, { set() { throw new DOMException("full", "QuotaExceededError"); } });
  sync.start(server("1"));
  sync.changed(table("2"));
  await wait();
  assert.match(seen.states.at(-1), /^saved/);
});

/** Typed one after the other, each waited for until it was sent. */
async function type({ sync, wait }, ...all) {
  sync.start(server("1"));
  for (const x of all) {
    sync.changed(table(x));
    await wait();
  }
}

const xs = (seen) => seen.sent.map(({ version, rows }) => [version, rows[0].x]);

test("what was typed after an answer that was lost is saved upon what was sent, which the server has", async () => {
  const made = setUp(["offline", "offline", stale(2, table("2")), saved(3)]);
  const { seen } = made;
  await type(made, "2", "3", "4");
  await made.wait();
  assert.deepEqual(xs(seen), [[1, "2"], [1, "3"], [1, "4"], [2, "4"]]);
  assert.deepEqual(seen.conflicts, []);
  assert.match(seen.states.at(-1), /^saved/);
});

test("so it is after a reload, whether the server has what was sent or not", async () => {
  for (const stored of ["2", "1"]) {
    const before = setUp(["offline"]);
    before.sync.start(server("1"));
    before.sync.changed(table("2"));
    await before.wait();
    before.sync.changed(table("3"));
    const { sync, seen, wait } = setUp([saved(3)], before.seen.stored);
    assert.deepEqual(sync.start({ ...server(stored), version: 2 }).rows[0].x, "3");
    await wait();
    assert.deepEqual(xs(seen), [[2, "3"]]);
    assert.deepEqual([seen.conflicts, seen.stored], [[], {}]);
  }
});

test("what somebody else has stored is asked about, although an answer was lost", async () => {
  const made = setUp(["offline", stale(2, table("9"))]);
  await type(made, "2", "3");
  assert.equal(made.seen.conflicts.length, 1);
});

test("what was taken back after it was sent without an answer is sent, as the server may have it", async () => {
  const made = setUp(["offline", stale(2, table("2")), saved(3)]);
  const { seen } = made;
  await type(made, "2", "1");
  await made.wait();
  assert.deepEqual(xs(seen), [[1, "2"], [1, "1"], [2, "1"]]);
  assert.match(seen.states.at(-1), /^saved/);
});

test("what would be refused, or broke the server, is not sent again once it is mended", async () => {
  for (const bad of ["offline", { status: 500, body: {} }, { status: 400, body: { error: "No." } }]) {
    const made = setUp([bad, saved(2)]);
    const { seen } = made;
    await type(made, "BAD", "2");
    assert.deepEqual(xs(seen), [[1, "BAD"], [1, "2"]]);
    assert.match(seen.states.at(-1), /^saved/);
  }
});

test("what was refused and taken back is settled without asking the server", async () => {
  const made = setUp([{ status: 400, body: { error: "No." } }]);
  const { seen } = made;
  await type(made, "BAD", "1");
  assert.equal(seen.sent.length, 1);
  assert.match(seen.states.at(-1), /^saved/);
});

test("a page drawn before the last save of its tab is told so once", async () => {
  const made = setUp([saved(2)]);
  await type(made, "2");
  assert.deepEqual([made.sync.isOutdated(1), made.sync.isOutdated(1)], [true, false]);
});
