/** Five aggregators of which one or two lie, in every way: totals stay exact, and who lied is named and proven. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { bitmapOf } from "../../protocol/bitmap.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import type { SetContent, SumsMessage } from "../../protocol/messages/round.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { DAY, Harness, valueOf } from "../testing/harness.ts";
import type { Detection } from "./detections.ts";
import { Tally } from "./tally.ts";

const FIVE = { aggregators: 5, threshold: 2, quorum: 4 };

async function runDay(t: TestContext, prepare: (harness: Harness) => void): Promise<Harness> {
  const harness = await Harness.make(t, FIVE);
  harness.fillDay();
  prepare(harness);
  harness.setSlot(DAY + 98);
  await harness.run(12);
  return harness;
}

async function assertExact(harness: Harness): Promise<void> {
  const loads = await harness.utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
  assert.deepEqual(
    loads.map(({ energy_wh }) => energy_wh),
    Array.from({ length: 96 }, (_, i) => harness.meters.reduce((sum, _m, m) => sum + valueOf(m, DAY + i), 0)),
  );
  const bills = await harness.utility.db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute();
  assert.deepEqual(
    bills.map(({ energy_wh, status }) => [energy_wh, status]),
    harness.meters.map((_, m) => [
      Array.from({ length: 96 }, (_s, i) => valueOf(m, DAY + i)).reduce((sum, value) => sum + value, 0),
      "final",
    ]),
  );
}

const verdicts = ({ detected }: Harness): unknown[] => [
  ...new Set(detected.map(({ aggregator, code, verdict }) => `${aggregator} ${code} ${verdict}`)),
];

describe("one of five lies", () => {
  for (const liar of [1, 3, 5]) {
    test(`in all its sums, by one offset: aggregator ${liar}`, async (t) => {
      const harness = await runDay(t, ({ aggregators }) => (aggregators[liar - 1]!.lie = 1n));
      await assertExact(harness);
      assert.deepEqual(verdicts(harness), [`${liar} wrong-sums liar`], "loads too: no meter can cause it");
      const rows = await harness.utility.db.selectFrom("detections").selectAll().execute();
      assert.equal(rows.length, harness.detected.length);
      for (const { answers, aggregator } of rows) {
        const [signed] = decodeCbor(answers) as Uint8Array[];
        const said = decodeCbor(signed!) as SumsMessage;
        assert.deepEqual([said.type, said.aggregator], ["sums", aggregator], "the evidence is its own answer");
      }
      assert.deepEqual(
        (await harness.logged("lie")).map(({ round, code, servers }) => [round, code, servers]),
        rows.map(({ round_id }) => [round_id, "wrong-sums", [`a-${liar}`]]),
      );
      assert.deepEqual(await harness.findings(), []);
      const bills = await harness.utility.db.selectFrom("current_bills").selectAll().execute();
      assert.ok(
        bills.every(({ spare_answers }) => spare_answers === 2),
        "four answers agree, two are needed",
      );
    });
  }

  test("in a single sum, by any amount", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[1]!.lie = (output) => (output === 3 ? FIELD_PRIME - 7n : 0n);
    });
    await assertExact(harness);
    // One meter's total, or a load: its shares have passed a test, so it is not the meter.
    assert.deepEqual(verdicts(harness), ["2 wrong-sums liar"]);
    assert.match(harness.detected.at(-1)!.detail, /^sums of 1 totals of m-001 are off those of all others$/);
  });

  test("in every sum differently", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => (aggregators[3]!.lie = (output) => BigInt(output) ** 3n + 1n));
    await assertExact(harness);
    assert.deepEqual(verdicts(harness), ["4 wrong-sums liar"]);
  });

  test("about what it holds: a stale store is left out by its tags, and nobody is blamed", async (t) => {
    const harness = await runDay(t, (made) => {
      for (let slot = DAY; slot < DAY + 10; slot++) {
        made.store({ meter: "m-002", feeder: "f-1", kind: 1, slot, value: 1, version: 7 }, [4]);
      }
    });
    await assertExact(harness);
    assert.deepEqual(verdicts(harness), []);
  });
});

test("what was logged of a lie cannot be changed, taken away or invented afterwards", async (t) => {
  const harness = await runDay(t, ({ aggregators }) => (aggregators[1]!.lie = 1n));
  const { db } = harness.utility;
  const kept = await db.selectFrom("detections").selectAll().execute();
  const [first] = kept;
  const changes: [string, () => Promise<unknown>, RegExp][] = [
    [
      "another aggregator",
      () => db.updateTable("detections").set({ aggregator: 4 }).where("round_id", "=", first!.round_id).execute(),
      /^detections: .*, wrong-sums: not what was logged$/,
    ],
    [
      "other evidence",
      () =>
        db
          .updateTable("detections")
          .set({ answers: encodeCbor([]) })
          .execute(),
      /^detections: .*, wrong-sums: not what was logged$/,
    ],
    ["none", () => db.deleteFrom("detections").execute(), /^detections: .*, wrong-sums: it was logged and is gone$/],
    [
      "one more",
      () =>
        db
          .insertInto("detections")
          .values({ ...first!, code: "equivocation" })
          .execute(),
      /^detections: .*, equivocation: it is not in the log$/,
    ],
  ];
  for (const [what, change, message] of changes) {
    await change();
    assert.match((await harness.findings())[0] ?? "", message, what);
    await db.deleteFrom("detections").execute();
    await db.insertInto("detections").values(kept).execute();
    assert.deepEqual(await harness.findings(), [], what);
  }
});

describe("two signed answers that exclude each other", () => {
  const signed = (name: string): Uint8Array => Buffer.from(name);
  const content = {
    ...{ purpose: "load", feeder: "f-1", meters: ["m-001"], kinds: [1], segments: [[0, 3]], schemes: [] },
    ...{ assignment: [], units: [0, 1, 2].map(() => [Uint8Array.of(1), new Uint8Array(32)]) },
  } as unknown as SetContent;
  const sums = (have: number[], values: bigint[]) => {
    const bytes = Buffer.alloc(8 * values.length);
    values.forEach((value, i) => bytes.writeBigUInt64BE(value, 8 * i));
    return { aggregator: 2, have: bitmapOf(3, have), values: Uint8Array.from(bytes) };
  };

  test("sums: none of them counts, both are evidence; one that answers more does not contradict itself", () => {
    const tally = new Tally(1);
    tally.take(sums([0, 2], [5n, 6n]), content, signed("first"));
    tally.take(sums([0, 1, 2], [5n, 9n, 6n]), content, signed("more"));
    assert.deepEqual([tally.size, tally.detections(content, [], undefined, 5)], [1, []]);
    tally.take(sums([1, 2], [9n, 7n]), content, signed("other"));
    assert.equal(tally.size, 0);
    const [{ aggregator, code, verdict, answers }] = tally.detections(content, [], undefined, 5) as [Detection];
    assert.deepEqual(
      { aggregator, code, verdict, answers: answers.map(String) },
      {
        aggregator: 2,
        code: "equivocation",
        verdict: "liar",
        answers: ["more", "other"].map((name) => String(signed(name))),
      },
    );
  });

  test("manifests: it is not asked any more; one whose store has grown is not blamed", async (t) => {
    const harness = await Harness.make(t, FIVE);
    harness.fillDay();
    harness.setSlot(DAY + 98);
    // The second aggregator gets every question twice, and holds another version of a reading the second time.
    let told = 0;
    harness.beforeSend = (request) => {
      if (request.type !== "open" || told++ > 0) return;
      const second = harness.aggregators[1]!;
      void harness.desk.handle(request.round, 2, second.answer(request)!, signed("first"));
      harness.store({ meter: "m-003", feeder: "f-1", kind: 1, slot: DAY + 1, value: 77, version: 2 }, [2]);
    };
    await harness.run(12);
    await assertExact(harness);
    const found = harness.detected.filter(({ code }) => code === "equivocation");
    assert.deepEqual(
      found.map(({ aggregator, detail }) => [aggregator, detail]),
      [[2, "two different manifests of one round"]],
    );
    const lies = await harness.logged("lie");
    assert.deepEqual(
      lies.map(({ code, servers }) => [code, servers]),
      [["equivocation", ["a-2"]]],
    );
  });
});

test("two of five that lie differently are too many: the round fails, says so, and nothing is billed", async (t) => {
  const harness = await runDay(t, ({ aggregators }) => {
    aggregators[0]!.lie = 5n;
    aggregators[3]!.lie = (output) => BigInt(output + 2) ** 5n;
  });
  const bills = await harness.utility.db.selectFrom("current_bills").selectAll().execute();
  assert.ok(
    bills.length > 0 && bills.every(({ status, energy_wh }) => status === "inconsistent-sums" && energy_wh === null),
  );
  const failed = harness.notified.filter(({ state }) => state === "failed");
  assert.match(failed[0]!.reason, /more of them answer wrongly than can be told apart/);
  assert.deepEqual(verdicts(harness), []);
  assert.deepEqual(
    [await harness.logged("lie"), (await harness.logged("failure")).map(({ code }) => code)],
    [[], failed.map(() => "inconsistent-sums")],
  );
});
