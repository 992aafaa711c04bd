// Autosave of single answers: nothing typed is lost, nothing is overwritten, and the state is told in words.
import assert from "node:assert/strict";
import test from "node:test";

import { Queue } from "../../static/js/extraction/editor/queue.js";
import { savingSetUp } from "./saving.mjs";

function setUp(answers, stored) {
  const { seen, ask, options, wait } = savingSetUp(answers, stored);
  seen.fields = [];
  const queue = new Queue({ ...options, send: ask, onField: (field) => seen.fields.push(field) });
  return { queue, seen, wait };
}

const outcomes = (...list) => list.map(([row, key, state, value, message = ""]) => ({ row, key, state, value, source: null, message }));
const saved = (changes) => ({
  status: 200, body: { version: 2, outcomes: outcomes(...changes.map(({ row, key, value }) => [row, key, "saved", value])) },
});
const answered = (status, ...list) => ({ status, body: { code: "x", details: { version: 2, outcomes: outcomes(...list) } } });
const nothing = { value: null, source: null };

test("a change is sent with the value it replaces, and says when it was saved", async () => {
  const { queue, seen, wait } = setUp([saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  assert.ok(seen.stored.kept);
  await wait();
  assert.deepEqual(seen.sent, [[{ row: "group:1", key: "n", before: 15, value: "18" }]]);
  assert.deepEqual(seen.states, ["saved: All saved", "unsaved: Not saved yet", "saving: Saving…", "saved: Saved 10:31"]);
  assert.deepEqual(seen.stored, {});
});

test("typing on in a field that waits replaces the value and not what it knew before", async () => {
  const { queue, seen, wait } = setUp([saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "1" }, { value: 15, source: null });
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  await wait();
  assert.deepEqual(seen.sent, [[{ row: "group:1", key: "n", before: 15, value: "18" }]]);
});

test("what is typed while a value is under way is sent after it, on top of it", async () => {
  const { queue, seen, wait } = setUp([
    (changes) => {
      queue.edit("group:1", "n", { value: "180" }, { value: 15, source: null });
      return saved(changes);
    },
    saved,
  ]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  await wait();
  await wait();
  assert.deepEqual(seen.sent[1], [{ row: "group:1", key: "n", before: "18", value: "180" }]);
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
  assert.deepEqual(seen.stored, {});
});

test("offline, changes are counted and kept, and the same request is sent again", async () => {
  const { queue, seen, wait } = setUp(["offline", "offline", saved, saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  queue.edit("group:1", "age_mean", { value: "64.3" }, nothing);
  queue.edit("study", "site", { value: "Shanghai" }, nothing);
  await wait();
  assert.equal(seen.states.at(-1), "offline: Offline, 3 changes kept");
  queue.edit("group:1", "n", { value: "19" }, nothing);
  assert.equal(seen.states.at(-1), "offline: Offline, 3 changes kept");
  await wait();
  assert.deepEqual(seen.sent[1], seen.sent[0]);
  await wait();
  await wait();
  assert.deepEqual(seen.sent[3], [{ row: "group:1", key: "n", before: "18", value: "19" }]);
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
});

test("a lost network is asked again less and less often", async () => {
  const { queue, seen, wait } = setUp(Array(7).fill("offline"));
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  for (let time = 0; time < 7; time++) await wait();
  assert.deepEqual(seen.waits.slice(1), [2000, 4000, 8000, 16000, 30000, 30000, 30000]);
});

test("an answer that was lost makes no conflict after a reload", async () => {
  const first = setUp(["offline"]);
  first.queue.start();
  first.queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  await first.wait();
  first.queue.edit("group:1", "n", { value: "19" }, { value: 15, source: null });
  const second = setUp([saved, saved], first.seen.stored);
  assert.deepEqual(second.queue.start(), [{ row: "group:1", key: "n", value: "19" }]);
  assert.equal(second.seen.states.at(-1), "unsaved: 1 change restored from this computer");
  await second.wait();
  await second.wait();
  assert.deepEqual(second.seen.sent.map(([change]) => [change.before, change.value]), [[15, "18"], ["18", "19"]]);
});

test("a value that was saved differently elsewhere is asked about, and the others go on", async () => {
  const { queue, seen, wait } = setUp([
    answered(409, ["group:1", "n", "conflict", 16], ["study", "site", "saved", "Shanghai"]), saved,
  ]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  queue.edit("study", "site", { value: "Shanghai" }, nothing);
  await wait();
  assert.equal(seen.states.at(-1), "conflict: 1 change not saved: another tab saved something else. Choose below");
  assert.equal(seen.fields[0].mine.value, "18");
  assert.ok(JSON.parse(seen.stored.kept)["group:1 n"]);
  await queue.flush();
  assert.equal(seen.sent.length, 1);
  await queue.takeMine("group:1", "n");
  assert.deepEqual(seen.sent[1], [{ row: "group:1", key: "n", before: 16, value: "18" }]);
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
});

test("taking what is saved forgets mine and sends nothing", async () => {
  const { queue, seen, wait } = setUp([answered(409, ["group:1", "n", "conflict", 16])]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  await wait();
  assert.deepEqual(queue.takeTheirs("group:1", "n"), { value: 16, source: null });
  assert.deepEqual([seen.stored, seen.sent.length, queue.size], [{}, 1, 0]);
});

test("a value that cannot be read stays in its field and is sent again once it is corrected", async () => {
  const { queue, seen, wait } = setUp([answered(400, ["group:1", "n", "refused", 15, "Not a number."]), saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "many" }, { value: 15, source: null });
  await wait();
  assert.equal(seen.fields[0].message, "Not a number.");
  assert.equal(seen.states.at(-1), "refused: 1 change not saved: see the marked answers");
  assert.ok(seen.stored.kept);
  queue.edit("group:1", "n", { value: "18" }, { value: 15, source: null });
  await wait();
  assert.deepEqual(seen.sent[1], [{ row: "group:1", key: "n", before: 15, value: "18" }]);
});

test("a change whose row was deleted is told and does not block the others", async () => {
  const { queue, seen, wait } = setUp([answered(400, ["group:9", "n", "gone", null, "This row has been deleted."])]);
  queue.start();
  queue.edit("group:9", "n", { value: "18" }, nothing);
  await wait();
  assert.deepEqual([seen.fields[0].state, seen.fields[0].mine.value], ["gone", "18"]);
  assert.deepEqual([queue.size, seen.stored, seen.states.at(-1)], [0, {}, "saved: Saved 10:31"]);
});

test("signed out, everything is kept and tried again after signing in", async () => {
  const { queue, seen, wait } = setUp([{ status: 401, body: { code: "not_authenticated" } }, saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  await wait();
  assert.equal(seen.states.at(-1), "signed-out: You are signed out or may not save here: 1 change kept");
  assert.ok(seen.stored.kept);
  await wait();
  assert.equal(seen.states.at(-1), "saved: Saved 10:31");
});

test("a locked extraction takes nothing and says that the changes are kept", async () => {
  const { queue, seen, wait } = setUp([{ status: 409, body: { code: "locked" } }]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  await wait();
  assert.equal(seen.states.at(-1), "locked: This extraction is locked now: 1 change kept on this computer, not saved");
  assert.ok(seen.stored.kept);
});

test("two tabs keep their changes beside each other", async () => {
  const store = {};
  const one = setUp(["offline"], store);
  const two = setUp([saved], store);
  one.queue.start();
  two.queue.start();
  one.queue.edit("group:1", "n", { value: "18" }, nothing);
  two.queue.edit("study", "site", { value: "Shanghai" }, nothing);
  await two.wait();
  assert.deepEqual(Object.keys(JSON.parse(store.kept)), ["group:1 n"]);
});

test("a value and its source are one change with two sides", async () => {
  const { queue, seen, wait } = setUp([saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  queue.edit("group:1", "n", { source: { page: "4" } }, nothing);
  await wait();
  assert.deepEqual(seen.sent, [[
    { row: "group:1", key: "n", before: null, value: "18", source_before: null, source: { page: "4" } },
  ]]);
});

test("a page drawn before the last save of its tab is told so once, and one drawn after it is not", async () => {
  for (const [version, told] of [[1, [true, false]], [2, [false, false]], [7, [false, false]]]) {
    const { queue, wait } = setUp([saved]);
    queue.start();
    assert.equal(queue.isOutdated(0), false);
    queue.edit("group:1", "n", { value: "18" }, nothing);
    await wait();
    assert.deepEqual([queue.isOutdated(version), queue.isOutdated(version)], told);
  }
});

test("while the rows are changed nothing is sent; what comes meanwhile is sent after it", async () => {
  const { queue, seen, wait } = setUp([saved, saved]);
  queue.start();
  queue.edit("group:1", "n", { value: "18" }, nothing);
  const order = [];
  const result = await queue.alone(async () => {
    order.push(seen.sent.length);
    queue.edit("group:2", "n", { value: "20" }, nothing);
    wait().then(() => order.push("sent"));
    await Promise.resolve();
    order.push(seen.sent.length);
    return "group-3";
  });
  await queue.flush();
  assert.deepEqual([result, order, seen.sent.length, seen.stored], ["group-3", [1, 1, "sent"], 2, {}]);
});

test("what was typed on while a request as a whole was refused is not sent over what is typed afterwards", async () => {
  const { queue, seen, wait } = setUp([
    () => {
      queue.edit("group:1", "n", { value: "2" }, nothing);
      return { status: 404, body: { error: "Nothing here." } };
    },
    saved,
  ]);
  queue.start();
  queue.edit("group:1", "n", { value: "1" }, nothing);
  await wait();
  assert.equal(queue.unsaved[0].value, "2");
  queue.edit("group:1", "n", { value: "3" }, nothing);
  await wait();
  assert.deepEqual(seen.sent.at(-1), [{ row: "group:1", key: "n", before: null, value: "3" }]);
  assert.deepEqual([seen.sent.length, queue.size, seen.stored], [2, 0, {}]);
});
