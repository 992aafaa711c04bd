// Where a peak is drawn on the three sides of the brain.
import assert from "node:assert/strict";
import test from "node:test";

import { layout, rowNear } from "../../static/js/extraction/coordinate-grid/brain.js";

const { sides, height, scale } = layout(640);
const side = (name) => sides.find((each) => each.name === name);

test("left is on the left from behind and from above, and the front is on the right from the side", () => {
  for (const name of ["coronal", "axial"]) assert.ok(side(name).place([-40, 0, 0])[0] < side(name).place([40, 0, 0])[0]);
  assert.ok(side("sagittal").place([0, -90, 0])[0] < side("sagittal").place([0, 60, 0])[0]);
});

test("up is up, and from above the front is", () => {
  assert.ok(side("coronal").place([0, 0, 60])[1] < side("coronal").place([0, 0, -20])[1]);
  assert.ok(side("axial").place([0, 60, 0])[1] < side("axial").place([0, -60, 0])[1]);
});

test("a millimetre is as long on every side, and the whole brain is inside the picture", () => {
  for (const { place, axes } of sides) {
    const along = [0, 0, 0];
    along[axes[0]] = 10;
    assert.ok(Math.abs(place(along)[0] - place([0, 0, 0])[0] - 10 * scale) < 1e-9);
    for (const corner of [[-72, -106, -72], [72, 74, 82]]) {
      const [x, y] = place(corner);
      assert.ok(x >= 0 && x <= 640 && y >= 0 && y <= height, `${corner}: ${x}, ${y}`);
    }
  }
});

test("a click takes the nearest peak, and none where no peak is near", () => {
  const points = [{ row: 4, mm: [-38, 12, -4] }, { row: 7, mm: [-30, 20, 8] }];
  const [x, y] = side("axial").place([-38, 12, -4]);
  assert.equal(rowNear(points, sides, [x + 1, y - 1]), 4);
  assert.equal(rowNear(points, sides, [2, 2]), null);
});
