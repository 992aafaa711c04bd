// Keys of the compare page, and the drawing of peaks of A and B.

import assert from "node:assert/strict";
import { test } from "node:test";

import { shapesOf, VIEWS, wordsOf } from "../../static/js/agreement/drawing.js";
import { actionOf, nextIndex } from "../../static/js/agreement/keys.js";

const key = (name, more = {}) => ({ key: name, target: { tagName: "ARTICLE" }, ...more });

test("1, 2 and 3 take the first, the second and another value", () => {
  assert.deepEqual([1, 2, 3].map((digit) => actionOf(key(String(digit))).act), ["1", "2", "3"]);
});

test("N and J go on, K goes back, Z undoes, also with the shift key", () => {
  assert.deepEqual(["n", "J", "k"].map((name) => actionOf(key(name)).by), [1, 1, -1]);
  assert.equal(actionOf(key("Z")).name, "undo");
});

test("keys are off in text boxes, while an input method composes, and with a modifier", () => {
  for (const tagName of ["INPUT", "TEXTAREA", "SELECT"]) assert.equal(actionOf(key("1", { target: { tagName } })), null);
  assert.equal(actionOf(key("1", { target: { tagName: "DIV", isContentEditable: true } })), null);
  assert.equal(actionOf(key("1", { isComposing: true })), null);
  assert.equal(actionOf(key("Process")), null);
  assert.equal(actionOf(key("z", { ctrlKey: true })), null);
});

test("Escape leaves a text box, and does nothing elsewhere", () => {
  assert.equal(actionOf(key("Escape", { target: { tagName: "INPUT" } })).name, "leave");
  assert.equal(actionOf(key("Escape", { target: { tagName: "INPUT" }, isComposing: true })), null);
  assert.equal(actionOf(key("Escape")), null);
});

test("the next difference is the next one, or the next that is not settled", () => {
  const states = ["open", "settled", "open"];
  assert.equal(nextIndex(states, 0, 1), 1);
  assert.equal(nextIndex(states, 0, 1, false), 2);
  assert.equal(nextIndex(states, 2, 1), 2);
  assert.equal(nextIndex(states, 2, -1), 1);
});

const front = VIEWS.find(({ name }) => name === "front");

test("A is round, B is square, and a line joins a pair that differs in place", () => {
  const shapes = shapesOf([{ path: "p", a: [-38, 12, -4], b: [38, 12, -4] }], front);
  assert.deepEqual(shapes.map(({ kind }) => kind), ["line", "circle", "rect"]);
  const [line, circle] = shapes;
  assert.deepEqual([line.x1, line.y1, line.x2, line.y2], [-38, 4, 38, 4]);
  assert.deepEqual([circle.cx, circle.cy], [-38, 4]);
});

test("equal places have no line, and a peak of one reviewer stands alone", () => {
  const same = shapesOf([{ path: "p", a: [1, 2, 3], b: [1, 2, 3] }], front);
  assert.deepEqual(same.map(({ kind }) => kind), ["circle", "rect"]);
  assert.deepEqual(shapesOf([{ path: "p", a: null, b: [1, 2, 3] }], front).map(({ kind }) => kind), ["rect"]);
});

test("the drawing is told in words", () => {
  const pairs = [{ a: [1, 2, 3], b: [1, 2, 3] }, { a: [1, 2, 3], b: null }];
  assert.equal(wordsOf("Peaks", pairs), "Peaks: 1 pair, 1 only in A, 0 only in B.");
});
