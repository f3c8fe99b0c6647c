import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { shrink } from "./shrink.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test("finds the only culprit among many in few runs", async () => {
  const { items, runs, isMinimal } = await shrink({
    items: numbers(64),
    fails: (some) => Promise.resolve(some.includes(37)),
  });
  assert.deepEqual([items, isMinimal], [[37], true]);
  assert.ok(runs <= 14, `${runs} runs`);
});

test("what fails without any event is shrunk to nothing, in one run", async () => {
  assert.deepEqual(await shrink({ items: numbers(9), fails: () => Promise.resolve(true) }), {
    items: [],
    runs: 1,
    isMinimal: true,
  });
});

test("finds any set of culprits that all are needed, and asks for no list twice", async () => {
  const cases = fc.integer({ min: 1, max: 24 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      culprits: fc.uniqueArray(fc.nat(count - 1), { minLength: 1, maxLength: 5 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ count, culprits }) => {
      const asked = new Set<string>();
      const { items, isMinimal } = await shrink({
        items: numbers(count),
        fails: (some) => {
          assert.equal(asked.size, asked.add(some.join()).size - 1);
          return Promise.resolve(culprits.every((one) => some.includes(one)));
        },
      });
      assert.equal(isMinimal, true);
      assert.deepEqual(
        [...items],
        [...culprits].sort((a, b) => a - b),
      );
    }),
  );
});

test("leaves a list of which nothing can be left out, where either of two events is enough", async () => {
  const { items } = await shrink({
    items: numbers(16),
    fails: (some) => Promise.resolve(some.includes(3) || (some.includes(9) && some.includes(12))),
  });
  assert.ok(items.length === 1 || items.length === 2, items.join());
});

test("gives up after so many runs, with the shortest list so far", async () => {
  const steps: number[] = [];
  const { items, runs, isMinimal } = await shrink({
    items: numbers(32),
    fails: (some) => Promise.resolve(some.includes(31)),
    onStep: ({ length }) => steps.push(length),
    mostRuns: 4,
  });
  assert.deepEqual([runs, isMinimal, steps.length], [4, false, 4]);
  assert.ok(items.length < 32 && items.includes(31));
});
