/** A meter that sends to few, alone or with an aggregator, takes from the others neither their totals nor their name. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { KINDS } from "../../protocol/units.ts";
import { DAY, Harness, valueOf } from "../testing/harness.ts";
import { leastHolders } from "./agree.ts";

const FIVE = { aggregators: 5, threshold: 2, quorum: 4, loadEverySlots: 48 };
const THREE = { aggregators: 3, threshold: 2, quorum: 2, loadEverySlots: 48 };
const FEW = [1, 2];

/** A day in which m-003 sends to the first two aggregators only. */
async function withheld(t: TestContext, options: object, prepare: (harness: Harness) => void = () => {}) {
  const harness = await Harness.make(t, options);
  harness.fillDay(DAY, (meter) => meter === "m-003");
  sendToFew(harness, DAY);
  prepare(harness);
  harness.setSlot(DAY + 98);
  return harness;
}

function sendToFew(harness: Harness, day: number, holders: readonly number[] = FEW): void {
  for (let slot = day; slot < day + 96; slot++) {
    const cell = { meter: "m-003", feeder: "f-1", kind: KINDS.import, slot, value: valueOf(2, slot) };
    harness.store(cell, [...holders]);
  }
}

const loadsOf = async ({ utility }: Harness): Promise<(number | null)[]> =>
  (await utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute()).map(
    ({ energy_wh }) => energy_wh,
  );

const billsOf = async ({ utility }: Harness): Promise<string[]> =>
  (await utility.db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute()).map(({ status }) => status);

const loadOf = (harness: Harness, slot: number, out: readonly number[]): number =>
  harness.meters.reduce((sum, _, m) => sum + (out.includes(m) ? 0 : valueOf(m, slot)), 0);

const loadsWithout = (harness: Harness, out: readonly number[]): number[] =>
  Array.from({ length: 96 }, (_, i) => loadOf(harness, DAY + i, out));

test("so many must hold a cell that a lie can still be told: all that hold most, less those that may lie", () => {
  const five = { aggregators: 5, threshold: 2 };
  assert.equal(leastHolders([96, 96, 96, 96, 96], five), 4);
  assert.equal(leastHolders([96, 96, 96, 96, 10], five), 3, "one that was away");
  assert.equal(leastHolders([96, 96, 96], five), 2, "two that are gone");
  assert.equal(leastHolders([900, 96, 96, 96, 96], five), 4, "one that claims too much");
  assert.equal(leastHolders([96, 96, 96], { aggregators: 3, threshold: 2 }), 2);
  assert.equal(leastHolders([96, 96, 96, 96, 96, 96, 96], { aggregators: 7, threshold: 3 }), 5);
  assert.equal(leastHolders([0, 0, 0], { aggregators: 3, threshold: 2 }), 2);
});

describe("five aggregators", () => {
  test("a load is that of the others, confirmed by more than t, and an aggregator that shifts it is named", async (t) => {
    const harness = await withheld(t, { ...FIVE, meters: 7 }, ({ aggregators }) => (aggregators[0]!.lie = 100n));
    await harness.run(12);
    assert.deepEqual(await loadsOf(harness), loadsWithout(harness, [2]));
    const spare = await harness.utility.db.selectFrom("feeder_loads").select("spare_answers").distinct().execute();
    assert.ok(spare.every(({ spare_answers }) => (spare_answers ?? 0) >= 2));
    assert.ok(harness.detected.length > 0);
    assert.ok(harness.detected.every(({ aggregator, verdict }) => aggregator === 1 && verdict === "liar"));
  });

  test("an aggregator that endorses and is silent holds nothing up, with the meter's help or without", async (t) => {
    const harness = await withheld(t, { ...FIVE, meters: 7 }, ({ aggregators }) => {
      const [first] = aggregators;
      const answer = first!.answer.bind(first);
      first!.answer = (request) => (request.type === "endorsed" ? undefined : answer(request));
    });
    await harness.run(40);
    assert.deepEqual(await loadsOf(harness), loadsWithout(harness, [2]));
    assert.deepEqual(
      await billsOf(harness),
      harness.meters.map(() => "final"),
      JSON.stringify(harness.desk.waiting()),
    );
  });

  test("what is no sum of bits is found though the meter sends it to two alone", async (t) => {
    const harness = await withheld(t, { ...FIVE, meters: 7, bits: 8 }, ({ aggregators }) => {
      for (const one of aggregators) one.badBit = ({ meter }) => (meter === "m-003" ? -40n : 0n);
    });
    await harness.run(40);
    assert.deepEqual(await loadsOf(harness), loadsWithout(harness, [2]));
  });
});

describe("an impossible reading in one slot, shared as a whole", () => {
  for (const [name, options] of Object.entries({ three: THREE, five: FIVE })) {
    test(`spoils the load of that slot and the meter's own bill, and nothing else: ${name} aggregators`, async (t) => {
      const harness = await Harness.make(t, { ...options, meters: 7 });
      harness.fillDay();
      for (const one of harness.aggregators) {
        one.badShare = ({ meter, slot }) => (meter === "m-003" && slot === DAY + 7 ? FIELD_PRIME - 1_000_000n : 0n);
      }
      harness.setSlot(DAY + 98);
      await harness.run(12);
      const rows = await harness.utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
      for (const [i, { energy_wh, status }] of rows.entries()) {
        const expected = i === 7 ? [null, "implausible-total"] : [loadOf(harness, DAY + i, []), "final"];
        assert.deepEqual([energy_wh, status], expected, `slot ${i}`);
      }
      assert.deepEqual(
        await billsOf(harness),
        harness.meters.map((meter) => (meter === "m-003" ? "implausible-total" : "final")),
      );
      assert.deepEqual(await harness.findings(), []);
    });
  }
});

describe("three aggregators", () => {
  test("a silent one stops the feeder for a while, not for good: the next day is billed", async (t) => {
    const harness = await withheld(t, { ...THREE, meters: 7, loadEverySlots: 96 }, ({ aggregators }) => {
      const [first] = aggregators;
      const answer = first!.answer.bind(first);
      first!.answer = (request) => (request.type === "endorsed" ? undefined : answer(request));
    });
    await harness.run(40);
    assert.deepEqual(await loadsOf(harness), []);
    harness.fillDay(DAY + 96);
    harness.setSlot(DAY + 96 + 98);
    await harness.run(300);
    const loads = await harness.utility.db.selectFrom("feeder_loads").selectAll().execute();
    assert.ok(loads.some(({ slot_start, status }) => slot_start >= (DAY + 96) * 900 && status === "final"));
    assert.equal(harness.desk.waiting().length > 0, true, "the first is not given up");
  });
});

describe("a feeder with too few meters to judge by", () => {
  for (const [name, meters, reporting] of [
    ["one home", 1, 1],
    ["seven homes of which one reports", 7, 1],
    ["two homes", 2, 2],
  ] as const) {
    test(`${name}: whoever has other shares of a meter is no liar by its word`, async (t) => {
      const harness = await Harness.make(t, { ...FIVE, meters });
      harness.fillDay(DAY, (_, __) => false);
      for (const one of harness.aggregators) {
        for (const [key, { meter }] of one.cells) if (meter > `m-00${reporting}`) one.cells.delete(key);
      }
      harness.aggregators[2]!.badShare = ({ meter }) => (meter === "m-001" ? 5n : 0n);
      harness.setSlot(DAY + 98);
      await harness.run(20);
      assert.ok(harness.detected.every(({ verdict }) => verdict === "disputed"));
      const servers = (await harness.logged("lie")).flatMap((entry) => entry.servers);
      assert.deepEqual(servers, []);
    });
  }
});
