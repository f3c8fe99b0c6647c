/**
 * The exact rules for single meters and single slots against brute force: rational linear algebra over all cells of tiny feeders.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { FeederView, MeterView } from "./components.ts";
import { meterLeak, slotLeak } from "./differences.ts";
import { lightCut } from "./min-cut.ts";
import { addSlot, emptySlots, hasSlot } from "./slot-bits.ts";
import { smallestSingleMeterSupport, smallestSingleSlotSupport } from "./testing/brute-force.ts";

interface Tiny {
  readonly slots: number;
  /** Per meter and slot: in the load, and the number of the bill output (0: none). */
  readonly meters: readonly (readonly { load: boolean; bill: number }[])[];
}

function viewOf({ slots, meters }: Tiny): FeederView {
  return {
    slots,
    meters: meters.map((cells, meter): MeterView => {
      const load = emptySlots(slots);
      const billed = emptySlots(slots);
      const bills = [1, 2].map((number) => {
        const bits = emptySlots(slots);
        for (const [slot, cell] of cells.entries()) if (cell.bill === number) addSlot(bits, slot);
        return { cells: bits, fresh: false };
      });
      for (const [slot, cell] of cells.entries()) {
        if (cell.load) addSlot(load, slot);
        if (cell.bill > 0) addSlot(billed, slot);
      }
      return { meter, load, billed, bills: bills.filter(({ cells: bits }) => bits.some((word) => word !== 0)) };
    }),
  };
}

/** Every slot's load has two meters or none, as rule k >= 2 sees to. */
function withTwoPerLoad(tiny: Tiny): Tiny {
  const counts = Array.from(
    { length: tiny.slots },
    (_, slot) => tiny.meters.filter((cells) => cells[slot]!.load).length,
  );
  return {
    slots: tiny.slots,
    meters: tiny.meters.map((cells) =>
      cells.map((cell, slot) => ({ load: cell.load && counts[slot]! >= 2, bill: cell.bill })),
    ),
  };
}

function releasedVectors({ slots, meters }: Tiny): number[][] {
  const vectors: number[][] = [];
  const vector = (has: (meter: number, slot: number) => boolean): void => {
    const row = meters.flatMap((cells, meter) => cells.map((_, slot) => (has(meter, slot) ? 1 : 0)));
    if (row.some((value) => value !== 0)) vectors.push(row);
  };
  for (let slot = 0; slot < slots; slot++) vector((meter, at) => at === slot && meters[meter]![at]!.load);
  for (const meter of meters.keys()) {
    for (const number of [1, 2]) vector((m, at) => m === meter && meters[m]![at]!.bill === number);
  }
  return vectors;
}

function tinyFeeders(bias: boolean): fc.Arbitrary<Tiny> {
  const cell = bias
    ? fc.record({
        load: fc.oneof({ weight: 9, arbitrary: fc.constant(true) }, fc.boolean()),
        bill: fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, fc.integer({ min: 0, max: 2 })),
      })
    : fc.record({ load: fc.boolean(), bill: fc.integer({ min: 0, max: 2 }) });
  return fc
    .tuple(fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 5 }))
    .chain(([meters, slots]) =>
      fc
        .array(fc.array(cell, { minLength: slots, maxLength: slots }), { minLength: meters, maxLength: meters })
        .map((cells) => withTwoPerLoad({ slots, meters: cells })),
    );
}

for (const bias of [false, true]) {
  const which = bias ? "nearly complete" : "any";
  test(`finds exactly the single-slot leaks that linear algebra finds (${which} feeders)`, () => {
    let leaks = 0;
    fc.assert(
      fc.property(tinyFeeders(bias), fc.integer({ min: 2, max: 4 }), (tiny, minMeters) => {
        const { meters, slots } = tiny;
        const smallest = smallestSingleSlotSupport(releasedVectors(tiny), meters.length, slots, minMeters - 1);
        const fault = slotLeak(viewOf(tiny), minMeters);
        assert.equal(fault?.rule, smallest === undefined ? undefined : "single-slot", JSON.stringify(tiny));
        if (fault !== undefined) leaks++;
      }),
      { numRuns: 1500 },
    );
    assert.ok(leaks > 100 && leaks < 1490, `${leaks} leaks`);
  });

  test(`finds exactly the single-meter leaks that linear algebra finds (${which} feeders)`, () => {
    fc.assert(
      fc.property(tinyFeeders(bias), fc.integer({ min: 2, max: 3 }), (tiny, minSlots) => {
        const smallest = smallestSingleMeterSupport(
          releasedVectors(tiny),
          tiny.meters.length,
          tiny.slots,
          minSlots - 1,
        );
        const view = viewOf(tiny);
        const fault = meterLeak(view, minSlots);
        assert.equal(fault?.rule, smallest === undefined ? undefined : "single-meter", JSON.stringify(tiny));
      }),
      { numRuns: 1500 },
    );
  });
}

test("names the cells that a combination would leave alone", () => {
  const all = { load: true, bill: 1 };
  const tiny: Tiny = {
    slots: 4,
    meters: [
      [all, all, all, all],
      [all, all, all, all],
      [all, all, all, { load: false, bill: 1 }],
    ],
  };
  const fault = meterLeak(viewOf(tiny), 2);
  assert.equal(fault?.rule, "single-meter");
  assert.equal(fault.count, 1);
  assert.equal(fault.cells[0]!.meter, 2);
  assert.ok(hasSlot(fault.cells[0]!.slots, 3));
});

test("gap patterns that stand in for band masks are a single-meter leak although bills and loads hold the same cells", () => {
  // Meters 0 and 1 cover the first half, 2 and 3 the second; meter 4 the first half and one slot of the second.
  const on = { load: true, bill: 1 };
  const off = { load: false, bill: 0 };
  const tiny: Tiny = {
    slots: 6,
    meters: [
      [on, on, on, off, off, off],
      [on, on, on, off, off, off],
      [off, off, off, on, on, on],
      [off, off, off, on, on, on],
      [on, on, on, on, off, off],
    ],
  };
  const fault = meterLeak(viewOf(tiny), 3);
  assert.equal(fault?.rule, "single-meter");
  assert.equal(fault.cells[0]!.meter, 4);
  assert.notEqual(smallestSingleMeterSupport(releasedVectors(tiny), 5, 6, 2), undefined);
});

test("finds a cut below the bound exactly when trying all cuts does", () => {
  const graph = fc.integer({ min: 2, max: 6 }).chain((nodes) =>
    fc.tuple(
      fc.constant(nodes),
      fc.array(
        fc.record({
          a: fc.integer({ min: 0, max: nodes - 1 }),
          b: fc.integer({ min: 0, max: nodes - 1 }),
          weight: fc.integer({ min: 1, max: 4 }),
        }),
        { maxLength: 9 },
      ),
      fc.integer({ min: 1, max: 6 }),
    ),
  );
  fc.assert(
    fc.property(graph, ([nodes, edges, bound]) => {
      const weightOf = (side: (node: number) => boolean): number =>
        edges.reduce((sum, { a, b, weight }) => sum + (side(a) === side(b) ? 0 : weight), 0);
      let exists = false;
      for (let sides = 0; sides < 2 ** nodes; sides++) {
        const weight = weightOf((node) => (sides & (1 << node)) !== 0);
        if (weight > 0 && weight < bound) exists = true;
      }
      const found = lightCut(nodes, edges, bound);
      assert.equal(found !== undefined, exists);
      if (found === undefined) return;
      const weight = weightOf((node) => found.has(node));
      assert.ok(weight > 0 && weight < bound);
    }),
  );
});
