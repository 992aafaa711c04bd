// The coordinate guard of the grid: asked after the last change, and again when it could not answer.
import assert from "node:assert/strict";
import test from "node:test";

import { Guard } from "../../static/js/extraction/coordinate-grid/guard.js";

const ROWS = [{ x: "-38", y: "12", z: "-4" }];
const ANSWER = { status: 200, body: { problems: [{ row: 1, field: "x", level: "warning" }], rows: [{ mni: [-38, 12, -4] }] } };

/** `answers` as in the tests of saving; a promise is an answer that is waited for. */
function setUp(t, answers) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = { asked: [], checked: 0 };
  const ask = async (body) => {
    seen.asked.push(body.rows);
    const answer = await answers.shift();
    if (answer === "offline") throw new TypeError("no network");
    return answer;
  };
  const guard = new Guard({ ask, onChecked: () => { seen.checked += 1; } });
  const settle = async () => {
    t.mock.timers.tick(1000);
    await new Promise(setImmediate);
  };
  return { guard, seen, settle };
}

test("what could not be asked offline is asked again when saving gets through, and once", async (t) => {
  const { guard, seen, settle } = setUp(t, ["offline", ANSWER]);
  guard.check(ROWS, "peaks");
  await settle();
  assert.equal(guard.placed(0, ROWS[0]), null);
  guard.reached();
  await settle();
  assert.deepEqual(guard.placed(0, ROWS[0]).mni, [-38, 12, -4]);
  guard.reached();
  await settle();
  assert.deepEqual([seen.asked.length, seen.checked], [2, 1]);
});

test("a server that is busy is asked again too", async (t) => {
  const { guard, seen, settle } = setUp(t, [{ status: 503, body: {} }, ANSWER]);
  guard.check(ROWS, "peaks");
  await settle();
  guard.reached();
  await settle();
  assert.equal(guard.problems(0, ROWS[0]).length, 1);
  assert.equal(seen.checked, 1);
});

test("a question that fails after saving got through is put again by itself", async (t) => {
  let fail;
  const { guard, seen, settle } = setUp(t, [new Promise((done) => { fail = () => done("offline"); }), ANSWER]);
  guard.check(ROWS, "peaks");
  await settle();
  guard.reached();
  fail();
  await settle();
  await settle();
  assert.deepEqual([seen.asked.length, seen.checked], [2, 1]);
});

test("rows that were changed meanwhile are asked about, not those that got no answer", async (t) => {
  const { guard, seen, settle } = setUp(t, ["offline", ANSWER]);
  guard.check(ROWS, "peaks");
  await settle();
  const newer = [{ ...ROWS[0], x: "-40" }];
  guard.check(newer, "peaks");
  guard.reached();
  await settle();
  assert.deepEqual(seen.asked, [ROWS, newer]);
});

test("a question that fails again and again is put again once for each time that saving gets through", async (t) => {
  let fail;
  const { guard, seen, settle } = setUp(t, [new Promise((done) => { fail = () => done("offline"); }), "offline", "offline", ANSWER]);
  guard.check(ROWS, "peaks");
  await settle();
  guard.reached();
  fail();
  for (let turn = 0; turn < 4; turn += 1) await settle();
  assert.equal(seen.asked.length, 2);
  guard.reached();
  for (let turn = 0; turn < 4; turn += 1) await settle();
  assert.equal(seen.asked.length, 3);
});
