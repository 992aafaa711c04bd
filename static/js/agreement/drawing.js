// Peaks of A and B, in MNI mm, as shapes of three views of one brain. A is round, B is square; a line joins a pair.

import { counted } from "../shell/words.js";

export const VIEWS = [
  { name: "side", title: "from the right", across: 1, up: 2, box: [-114, -88, 196, 166], letters: [] },
  { name: "front", title: "from behind", across: 0, up: 2, box: [-84, -88, 168, 166], letters: [["L", -80], ["R", 70]] },
  { name: "top", title: "from above", across: 0, up: 1, box: [-84, -84, 168, 196], letters: [["L", -80], ["R", 70]] },
];
const RADIUS = 4.2;

/** The shapes of a view, in the coordinates of its SVG (mm, downwards): {kind, path, ...}. */
export function shapesOf(pairs, view) {
  const at = (place) => [place[view.across], -place[view.up]];
  return pairs.flatMap(({ path, a, b }) => {
    const shapes = [];
    if (a && b && a.some((mm, axis) => Math.abs(mm - b[axis]) > 0.005)) {
      const [[x1, y1], [x2, y2]] = [at(a), at(b)];
      shapes.push({ kind: "line", class: "brain-join", path, x1, y1, x2, y2 });
    }
    if (a) shapes.push({ kind: "circle", class: "brain-a", path, cx: at(a)[0], cy: at(a)[1], r: RADIUS });
    if (b) {
      const [x, y] = at(b);
      const side = RADIUS * 1.6;
      shapes.push({ kind: "rect", class: "brain-b", path, x: x - side / 2, y: y - side / 2, width: side, height: side });
    }
    return shapes;
  });
}

/** What a screen reader says of the drawing. */
export function wordsOf(title, pairs) {
  const count = (test) => pairs.filter(test).length;
  return `${title}: ${counted(count(({ a, b }) => a && b), "pair")}, ${count(({ b }) => !b)} only in A, ${count(({ a }) => !a)} only in B.`;
}
