/** Meters spread over workers, and few of them move when a worker comes or goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownersOf, PARTS, partOf } from "./assignment.ts";

function sizes(owners: readonly (number | undefined)[]): number[] {
  const counts = new Map<number | undefined, number>();
  for (const owner of owners) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts.values()];
}

test("meters spread over the parts, and parts over the workers", () => {
  const meters = Array.from({ length: 100_000 }, (_, i) => partOf(`m-${String(i).padStart(6, "0")}`));
  const counts = Array.from({ length: PARTS }, () => 0);
  for (const part of meters) counts[part]!++;
  // 391 in the mean; 6 standard deviations.
  assert.ok(Math.min(...counts) > 391 - 120 && Math.max(...counts) < 391 + 120, `${Math.min(...counts)}`);
  for (const workers of [[1], [1, 2], [3, 4, 9], [1, 2, 3, 4, 5, 6, 7, 8]]) {
    const parts = sizes(ownersOf(workers));
    assert.equal(parts.length, workers.length);
    for (const size of parts) assert.ok(Math.abs(size - PARTS / workers.length) < 40, parts.join());
  }
  assert.deepEqual(new Set(ownersOf([])), new Set([undefined]));
});

test("a worker that comes takes only its own parts, one that goes gives only its own", () => {
  const before = ownersOf([1, 2, 3]);
  const after = ownersOf([1, 2, 3, 4]);
  for (const [part, owner] of after.entries()) if (owner !== 4) assert.equal(owner, before[part]);
  const moved = after.filter((owner) => owner === 4).length;
  assert.ok(moved > 30 && moved < 100, `${moved} parts moved`);
  assert.deepEqual(ownersOf([4, 3, 1, 2]), after);
});
