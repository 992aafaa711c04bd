// Saving one item of a quality score: its state in words, kept while offline, and never a silent overwrite.
import assert from "node:assert/strict";
import test from "node:test";

import { ItemSync, summary } from "../../static/js/quality/item-sync.js";

const item = (points, more = {}) => ({ points, quote: "", page: "", note: "", version: 1, ...more });

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
  const sync = new ItemSync({
    put, key: "item", storage, cancel: () => {},
    schedule: (work) => (seen.waiting = work),
    now: () => new Date(2026, 0, 1, 10, 31),
    onState: (state) => seen.states.push(`${state.kind}: ${state.text}`),
    onConflict: (versions) => seen.conflicts.push(versions),
  });
  return { sync, seen };
}

const saved = (version) => ({ status: 200, body: { version } });
const stale = (version, theirs) => ({ status: 409, body: { details: { theirs, version } } });

test("points are saved with the version they edit, and the next save with the one that came back", async () => {
  const { sync, seen } = setUp([saved(2), saved(3)]);
  sync.start(item(null));
  sync.changed(item(2));
  await sync.save();
  sync.changed(item(1.5, { quote: "ICD-10" }));
  await seen.waiting();
  assert.deepEqual(seen.sent.map(({ version, points }) => [version, points]), [[1, 2], [2, 1.5]]);
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
  assert.deepEqual(seen.stored, {});
});

test("what is typed while a save is under way is saved after it", async () => {
  let answer;
  const { sync, seen } = setUp([]);
  sync.put = (body) => { seen.sent.push(body); return new Promise((resolve) => { answer = resolve; }); };
  sync.start(item(null));
  sync.changed(item(1));
  const first = sync.save();
  sync.changed(item(2));
  answer(saved(2));
  await first;
  const second = seen.waiting();
  answer(saved(3));
  await second;
  assert.deepEqual(seen.sent.map((body) => [body.version, body.points]), [[1, 1], [2, 2]]);
  assert.equal(sync.dirty, false);
});

test("offline, the item is kept on this computer and restored by the next visit", async () => {
  const first = setUp(["offline"]);
  first.sync.start(item(null));
  first.sync.changed(item(2));
  await first.sync.save();
  assert.equal(first.seen.states.at(-1), "offline: Offline, kept on this computer");
  const later = setUp([saved(2)], first.seen.stored);
  assert.equal(later.sync.start(item(null)).points, 2);
  await later.seen.waiting();
  assert.equal(later.seen.sent[0].points, 2);
});

test("another tab's save is shown beside this one, and either can be chosen", async () => {
  for (const mine of [true, false]) {
    const { sync, seen } = setUp([stale(5, item(1)), saved(6)]);
    sync.start(item(null));
    sync.changed(item(2));
    await sync.save();
    assert.equal(seen.conflicts[0].theirs.points, 1);
    assert.equal(seen.conflicts[0].mine.points, 2);
    if (mine) await sync.takeMine();
    else assert.equal(sync.takeTheirs().points, 1);
    assert.equal(sync.mine.points, mine ? 2 : 1);
    assert.match(seen.states.at(-1), /^saved/);
    if (mine) assert.equal(seen.sent[1].version, 5);
  }
});

test("the same points saved by another tab are no conflict", async () => {
  const { sync, seen } = setUp([stale(2, item(2))]);
  sync.start(item(null));
  sync.changed(item(2));
  await sync.save();
  assert.deepEqual(seen.conflicts, []);
  assert.match(seen.states.at(-1), /^saved/);
});

test("a kept item meets a newer one on the server as a conflict", () => {
  const stored = { item: JSON.stringify({ values: item(3), version: 1 }) };
  const { sync, seen } = setUp([], stored);
  sync.start(item(2, { version: 4 }));
  assert.equal(seen.conflicts[0].theirs.points, 2);
  assert.equal(seen.conflicts[0].mine.points, 3);
});

test("a refusal says why, and the item stays on this computer", async () => {
  const { sync, seen } = setUp([{ status: 403, body: { error: "This score is locked." } }]);
  sync.start(item(null));
  sync.changed(item(2));
  await sync.save();
  assert.equal(seen.states.at(-1), "refused: Not saved, kept on this computer: This score is locked.");
  assert.ok(seen.stored.item);
});

test("the page's one sentence tells the worst of its items", () => {
  assert.deepEqual(summary(["saved", "saved"]), { kind: "saved", text: "All saved" });
  assert.equal(summary(["saved", "offline", "unsaved"]).text, "Offline, 2 items kept");
  assert.equal(summary(["conflict", "offline"]).kind, "conflict");
});
