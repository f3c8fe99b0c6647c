/** The mirror of the release rules: whatever cells there are, what it lets through keeps them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitmapOf, countMembers, fullBitmap, intersection, members } from "../../protocol/bitmap.ts";
import type { Question, Scheme } from "../../protocol/messages/round.ts";
import type { BillingFacts } from "./billing-facts.ts";
import { planLoad } from "./plans.ts";
import { releasableCells } from "./release-rules.ts";

const SLOTS = 16;
const LOW = bitmapOf(SLOTS, [0, 1, 2, 3, 4, 5, 6, 7]);
const HIGH = bitmapOf(SLOTS, [8, 9, 10, 11, 12, 13, 14, 15]);
const SCHEME: Scheme = {
  bands: [
    { name: "low", kind: 1, masks: [LOW] },
    { name: "high", kind: 1, masks: [HIGH] },
  ],
};

function factsOf(agreed: readonly Uint8Array[], inLoads: readonly Uint8Array[], minSlots: number): BillingFacts {
  const meters = agreed.map((_, i) => `m-${i}`);
  const question: Question = { purpose: "billing", feeder: "f", meters, segments: [[100, 100 + SLOTS]], kinds: [1] };
  const billed = agreed.map(() => new Uint8Array(2));
  return { question, schemes: [SCHEME], assignment: meters.map(() => 0), agreed, inLoads, billed, minSlots };
}

const bits = fc.integer({ min: 0, max: 0xffff }).map((value) => Uint8Array.of(value & 0xff, value >> 8));
const feeders = fc.array(fc.tuple(bits, bits), { minLength: 1, maxLength: 6 });

test("every sum has no slot or at least s, and bills differ from loads by nothing or by s cells of two meters", () => {
  fc.assert(
    fc.property(feeders, fc.integer({ min: 1, max: 6 }), (rows, minSlots) => {
      const agreed = rows.map(([cells]) => cells);
      const inLoads = rows.map(([, load]) => load);
      const { cells } = releasableCells(factsOf(agreed, inLoads, minSlots));
      cells.forEach((unit, meter) => {
        assert.deepEqual(unit, intersection(unit, agreed[meter] ?? unit));
      });
      for (const mask of [LOW, HIGH]) {
        const sums = cells.map((unit) => intersection(unit, mask));
        assert.ok(sums.every((sum) => countMembers(sum) === 0 || countMembers(sum) >= minSlots));
        const tied = sums.some((sum, meter) => countMembers(intersection(sum, inLoads[meter] ?? sum)) > 0);
        if (!tied) continue;
        const late = sums.map((sum, meter) => {
          const inLoad = countMembers(intersection(sum, inLoads[meter] ?? sum));
          return inLoad === 0 ? 0 : countMembers(sum) - inLoad;
        });
        const missing = sums.map((sum, meter) => {
          const load = intersection(inLoads[meter] ?? sum, mask);
          return countMembers(load) - countMembers(intersection(load, sum));
        });
        for (const difference of [late, missing]) {
          const count = difference.reduce((sum, value) => sum + value, 0);
          const meters = difference.filter((value) => value > 0).length;
          assert.ok(count === 0 || (count >= minSlots && meters >= 2), `${count} cells of ${meters} meters`);
        }
      }
    }),
  );
});

test("one late slot waits, and the meter's other slots are billed", () => {
  const full = fullBitmap(SLOTS);
  const inLoads = [bitmapOf(SLOTS, [...members(full)].slice(1)), full, full];
  const { cells, held } = releasableCells(factsOf([full, full, full], inLoads, 4));
  assert.deepEqual(cells.map(countMembers), [SLOTS - 1, SLOTS, SLOTS]);
  assert.deepEqual(held, [{ meter: 0, segment: 0, scheme: 0, band: 0, cells: 1, reason: "difference-too-small" }]);
});

test("where one meter is incomplete in a band, it and the smallest other wait together", () => {
  const full = fullBitmap(SLOTS);
  const short = bitmapOf(SLOTS, [0, 8, 9, 10, 11, 12, 13, 14, 15]);
  const { cells } = releasableCells(factsOf([short, full, full], [full, full, full], 4));
  assert.deepEqual(cells.map(countMembers), [8, 8, SLOTS]);
});

test("a load leaves out units with fewer than k meters, slots that were released, and export without import", () => {
  const question: Question = {
    purpose: "load",
    feeder: "f",
    meters: ["m-0", "m-1", "m-2"],
    segments: [[10, 13]],
    kinds: [1, 2],
  };
  const three = fullBitmap(3);
  const two = bitmapOf(3, [0, 1]);
  const plan = planLoad(question, [three, two, two, three, three, three], new Set([12]), [], 3);
  assert.deepEqual(plan.cells.map(countMembers), [3, 0, 0, 0, 0, 0]);
  assert.deepEqual(
    plan.held.map(({ unit, reason }) => [unit, reason]),
    [
      [1, "too-few-meters"],
      [2, "too-few-meters"],
    ],
  );
});
