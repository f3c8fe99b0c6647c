/** The independent audit: against brute force on tiny feeders, and on what is known to leak and what is known not to. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { smallestSingleMeterSupport, smallestSingleSlotSupport } from "../release/testing/brute-force.ts";
import { auditTotals, cellOf, type Disclosure, meterOf, slotOf, type Total } from "./disclosure.ts";
import { inverse, onlySolution, PRIME } from "./linear.ts";

const audit = (totals: readonly Total[]): Disclosure => auditTotals(totals, { choices: 50_000, random: () => 0.5 });

/** Rows of 0 and 1 over meter * slots + slot. */
const rowsOf = (totals: readonly Total[], meters: number, slots: number): number[][] =>
  totals.map(({ cells }) =>
    Array.from({ length: meters * slots }, (_, at) =>
      cells.includes(cellOf(Math.floor(at / slots), at % slots)) ? 1 : 0,
    ),
  );

test("finds the smallest that any combination leaves, as brute force does, whatever the totals are", () => {
  const [meters, slots] = [3, 4];
  // Any sums of cells at all: not only what loads and bills look like.
  const cells = fc.uniqueArray(fc.integer({ min: 0, max: meters * slots - 1 }), { minLength: 1 });
  let found = 0;
  fc.assert(
    fc.property(fc.array(cells, { minLength: 1, maxLength: 7 }), (sums) => {
      const totals = sums.map((sum, index) => ({
        name: `${index}`,
        cells: sum.map((at) => cellOf(Math.floor(at / slots), at % slots)),
      }));
      const rows = rowsOf(totals, meters, slots);
      const { ofMeter, ofSlot } = audit(totals);
      assert.equal(ofMeter?.cells.length, smallestSingleMeterSupport(rows, meters, slots, slots));
      assert.equal(ofSlot?.cells.length, smallestSingleSlotSupport(rows, meters, slots, meters));
      for (const finding of [ofMeter, ofSlot]) {
        if (finding === undefined) continue;
        found++;
        assert.equal(finding.exact, true);
        const place = finding.of === "meter" ? meterOf : slotOf;
        assert.ok(finding.cells.every((cell) => place(cell) === finding.target));
      }
    }),
    { numRuns: 400 },
  );
  assert.ok(found > 200, `${found} findings`);
});

test("says with which weights which totals leave what", () => {
  const slots = [0, 1, 2, 3];
  const loads = slots.map((slot) => ({ name: `load ${slot}`, cells: [0, 1, 2].map((meter) => cellOf(meter, slot)) }));
  const bill = (meter: number, of: readonly number[]): Total => ({
    name: `bill ${meter}`,
    cells: of.map((slot) => cellOf(meter, slot)),
  });
  const { ofMeter, cells, totals } = audit([...loads, bill(0, slots), bill(1, slots), bill(2, slots.slice(1))]);
  assert.deepEqual([totals, cells], [7, 12]);
  assert.deepEqual(ofMeter?.cells, [cellOf(2, 0)]);
  const sign = ofMeter.combination.find(({ total }) => total === "load 0")!.weight;
  assert.deepEqual(
    ofMeter.combination.map(({ total, weight }) => [total, weight * sign]),
    [...slots.map((slot) => [`load ${slot}`, 1]), ...[0, 1, 2].map((meter) => [`bill ${meter}`, -1])],
  );
});

test("loads alone leave nothing of a meter, bills alone nothing smaller than themselves", () => {
  const load = { name: "load", cells: [0, 1, 2].map((meter) => cellOf(meter, 7)) };
  assert.deepEqual(audit([load]).ofMeter, undefined);
  assert.equal(audit([load]).ofSlot?.cells.length, 3);
  const bill = { name: "bill", cells: [1, 2, 3, 4].map((slot) => cellOf(0, slot)) };
  assert.equal(audit([bill]).ofMeter?.cells.length, 4);
  assert.deepEqual(audit([bill]).ofSlot, undefined);
  assert.deepEqual(audit([]), { totals: 0, cells: 0, ofMeter: undefined, ofSlot: undefined });
});

test("where there are too many choices it tries random ones and says so", () => {
  const sets = [0, 1, 2, 3, 4, 5].map((i) => ({
    name: `${i}`,
    cells: [i, i + 1, i + 2, 9].map((slot) => cellOf(0, slot)),
  }));
  let state = 7;
  const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const some = auditTotals(sets, { choices: 60, random }).ofMeter;
  assert.equal(some?.exact, false);
  const all = audit(sets).ofMeter;
  assert.equal(all?.exact, true);
  assert.ok(some.cells.length >= all.cells.length);
  assert.throws(() => audit([{ name: "twice", cells: [5, 5] }]), /^RangeError: twice: holds meter 5 in slot 0 twice$/);
});

test("the field: inverses, and a kernel only where it has one dimension", () => {
  for (const value of [1, 2, 3, 12_345, PRIME - 1]) assert.equal((value * inverse(value)) % PRIME, 1);
  assert.deepEqual(onlySolution([[1, 1]], 2), [PRIME - 1, 1]);
  assert.equal(onlySolution([[0, 0]], 2), undefined);
  assert.equal(
    onlySolution(
      [
        [1, 0],
        [0, 1],
      ],
      2,
    ),
    undefined,
  ); // prettier-ignore
  assert.deepEqual(onlySolution([], 1), [1]);
});
