import assert from "node:assert/strict";
import { test } from "node:test";
import { distanceTo, freePlace, kept, nearest, readable, toScreen, towards, WHOLE, zoomed } from "./view.ts";

const SIZE = { width: 400, height: 300 };
/** A cross: middle, left, right, above, below. */
const CROSS = [
  { x: 0.5, y: 0.5 },
  { x: 0, y: 0.5 },
  { x: 1, y: 0.5 },
  { x: 0.5, y: 0 },
  { x: 0.5, y: 1 },
];

test("zooming leaves the point under the cursor where it is", () => {
  const place = { x: 0.3, y: 0.8 };
  const before = toScreen(place, SIZE, WHOLE);
  const after = toScreen(place, SIZE, zoomed(WHOLE, 3, before));
  assert.ok(Math.abs(after.x - before.x) < 1e-9 && Math.abs(after.y - before.y) < 1e-9);
});

test("a view is never smaller than the whole, nor beside it", () => {
  assert.deepEqual(zoomed(WHOLE, 0.1, { x: 10, y: 10 }), WHOLE);
  assert.deepEqual(kept({ scale: 1, dx: 90, dy: -90 }, SIZE), WHOLE);
  assert.deepEqual(kept({ scale: 2, dx: -900, dy: 5 }, SIZE), { scale: 2, dx: -400, dy: 0 });
});

test("arrow keys go to the neighbour in their direction, and nowhere past the edge", () => {
  assert.equal(towards(CROSS, 0, "ArrowLeft"), 1);
  assert.equal(towards(CROSS, 0, "ArrowRight"), 2);
  assert.equal(towards(CROSS, 0, "ArrowUp"), 3);
  assert.equal(towards(CROSS, 0, "ArrowDown"), 4);
  assert.equal(towards(CROSS, 1, "ArrowLeft"), -1);
  assert.equal(towards(CROSS, -1, "ArrowLeft"), 0, "without a selection it begins with the first");
});

test("a click takes what is near enough", () => {
  assert.equal(nearest(CROSS, { x: 0.9, y: 0.52 }, 0.2), 2);
  assert.equal(nearest(CROSS, { x: 0.75, y: 0.25 }, 0.2), -1);
  assert.equal(distanceTo({ x: 0.5, y: 2 }, { x: 0, y: 0 }, { x: 1, y: 0 }), 2);
  assert.equal(distanceTo({ x: 4, y: 4 }, { x: 1, y: 0 }, { x: 1, y: 0 }), 5);
});

test("labels that would run into each other are left out, but for the one that is chosen", () => {
  const label = (x: number, y = 20) => ({ at: { x, y }, width: 14, height: 12 });
  assert.deepEqual(readable([label(0), label(10), label(20), label(40)]), [0, 2, 3]);
  assert.deepEqual(readable([label(0), label(10), label(20), label(40)], [1]), [1, 3]);
  assert.deepEqual(readable([label(0), label(0, 33)]), [0, 1], "one below the other");
  assert.deepEqual(readable([label(0), label(10)], [-1]), [0], "nothing is chosen");
});

test("a sign on a branch stands beside the bus that the branch passes, or as free as it can", () => {
  const [a, b] = [
    { x: 0, y: 0 },
    { x: 100, y: 0 },
  ];
  assert.deepEqual(freePlace(a, b, [a, b], 15), { x: 50, y: 0 });
  assert.deepEqual(freePlace(a, b, [a, b, { x: 52, y: 3 }], 15), { x: 34, y: 0 });
  assert.deepEqual(freePlace(a, b, [a, b, { x: 50, y: 0 }], 1_000), { x: 26, y: 0 }, "nowhere is enough");
});
