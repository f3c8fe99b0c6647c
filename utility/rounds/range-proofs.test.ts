/** Readings that are no sums of bits are found before a set is endorsed; what cannot be proved is said to be unproved. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { DAY, Harness, valueOf } from "../testing/harness.ts";

const BITS = 8;
const FIVE = { aggregators: 5, threshold: 2, quorum: 4, meters: 7, bits: BITS, loadEverySlots: 48 };

async function runDay(t: TestContext, prepare: (harness: Harness) => void, options = {}): Promise<Harness> {
  const harness = await Harness.make(t, { ...FIVE, ...options });
  harness.fillDay();
  prepare(harness);
  harness.setSlot(DAY + 98);
  await harness.run(40);
  return harness;
}

const dayOf = (meter: number): number =>
  Array.from({ length: 96 }, (_, i) => valueOf(meter, DAY + i)).reduce((a, b) => a + b);

/** Bills and loads are exact without the meters that are out. */
async function assertExact(harness: Harness, out: readonly number[], proof: string): Promise<void> {
  const { db } = harness.utility;
  const loads = await db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
  const sum = (slot: number): number =>
    harness.meters.reduce((all, _m, m) => all + (out.includes(m) ? 0 : valueOf(m, slot)), 0);
  assert.deepEqual(
    loads.map(({ energy_wh, status }) => [energy_wh, status]),
    Array.from({ length: 96 }, (_, i) => [sum(DAY + i), "final"]),
  );
  const bills = await db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute();
  assert.deepEqual(
    bills.map(({ energy_wh, status, range_proof }) => [energy_wh, status, range_proof]),
    harness.meters.map((_, m) => (out.includes(m) ? [null, "out-of-range", null] : [dayOf(m), "final", proof])),
  );
}

const proofs = async ({ utility }: Harness): Promise<string[]> => {
  const rows = await utility.db.selectFrom("rounds").selectAll().where("content", "is not", null).execute();
  return [...new Set(rows.map(({ proved_meters, unproved_meters }) => `${proved_meters} ${unproved_meters}`))];
};

const verdicts = ({ detected }: Harness): string[] =>
  [...new Set(detected.map(({ aggregator, code, verdict }) => `${aggregator} ${code} ${verdict}`))].sort();

describe("five aggregators, imports of 8 bits", () => {
  test("honest meters are proved, each in every round, and bills say so", async (t) => {
    const harness = await runDay(t, () => {});
    await assertExact(harness, [], "proved");
    assert.deepEqual(await proofs(harness), ["7 0"]);
    assert.deepEqual(verdicts(harness), []);
  });

  test("meters with a negative and a huge reading are left out, and nobody else is named", async (t) => {
    const by: Record<string, bigint> = { "m-003": -5_000n, "m-006": 2n ** 40n };
    const harness = await runDay(t, ({ aggregators }) => {
      for (const one of aggregators) one.badBit = ({ meter }) => by[meter] ?? 0n;
    });
    await assertExact(harness, [2, 5], "proved");
    assert.deepEqual(await proofs(harness), ["5 0"]);
    assert.deepEqual(verdicts(harness), []);
    const lies = await harness.logged("lie");
    assert.ok(lies.length > 0 && lies.every(({ code, servers }) => code === "out-of-range" && servers.length === 0));
  });

  test("an aggregator that lies in checks of bits is named, and nobody is left out", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[3]!.rangeLie = (meters) => (meters.includes("m-002") ? 9n : 0n);
    });
    await assertExact(harness, [], "proved");
    assert.deepEqual(verdicts(harness), ["4 wrong-proofs liar"]);
  });

  test("a meter that is one too much in one bit, and an aggregator that hides it, are both found", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      for (const one of aggregators) one.badBit = ({ meter }) => (meter === "m-003" ? 2n : 0n);
      aggregators[0]!.rangeLie = (meters) => (meters.includes("m-003") ? 12_345n : 0n);
    });
    await assertExact(harness, [2], "proved");
    assert.deepEqual(verdicts(harness), ["1 wrong-proofs liar"]);
  });

  test("those that reveal nothing, or another seed, are done without", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[1]!.reveals = "another";
      aggregators[4]!.reveals = "nothing";
      for (const one of aggregators) one.badBit = ({ meter }) => (meter === "m-001" ? -1n : 0n);
    });
    await assertExact(harness, [0], "proved");
    assert.ok(harness.refused.includes("wrong-seed"));
  });

  test("a meter whose bits too many lack is unproved, and so are all where too few answer", async (t) => {
    const some = await runDay(t, ({ aggregators }) => {
      for (const one of aggregators.slice(0, 3)) one.hasBits = ({ meter }) => meter !== "m-006";
    });
    assert.deepEqual(await proofs(some), ["6 1"]);
    const bills = await some.utility.db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute();
    const expected = some.meters.map((meter) => (meter === "m-006" ? "unproved" : "proved"));
    assert.deepEqual(
      bills.map(({ range_proof }) => range_proof),
      expected,
    );
  });
});

describe("three aggregators", () => {
  const THREE = { aggregators: 3, threshold: 2, quorum: 2 };

  test("prove with all of them, and say so where one is away", async (t) => {
    const all = await runDay(t, () => {}, THREE);
    await assertExact(all, [], "proved");
    const two = await runDay(t, ({ aggregators }) => (aggregators[2]!.down = true), THREE);
    await assertExact(two, [], "unproved");
    assert.deepEqual(await proofs(two), ["0 7"]);
  });

  test("one that lies about a whole but not about its parts leaves all unproved, and spoils no round", async (t) => {
    const harness = await runDay(
      t,
      ({ aggregators }) => {
        aggregators[2]!.rangeLie = (meters) => (meters.length === 7 ? 1n : 0n);
      },
      THREE,
    );
    await assertExact(harness, [], "unproved");
    assert.ok(harness.refused.includes("unproved-range"));
  });
});

test("without bits a set says nothing of them, and nothing is proved", async (t) => {
  const harness = await runDay(t, () => {}, { bits: 0 });
  assert.deepEqual(await proofs(harness), ["null null"]);
  const bills = await harness.utility.db.selectFrom("current_bills").selectAll().execute();
  assert.ok(bills.every(({ range_proof }) => range_proof === null));
  const asked = harness.aggregators.flatMap(({ received }) => received.map(({ type }) => type));
  assert.ok(asked.includes("probe") && !asked.includes("reveal") && !asked.includes("range"));
});
