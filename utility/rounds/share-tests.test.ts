/** Shares that do not belong together are found before a set is endorsed, whoever is to blame, and rounds go on without. */
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { members } from "../../protocol/bitmap.ts";
import { decodeCbor } from "../../protocol/cbor.ts";
import type { Cell } from "../testing/cell.ts";
import { DAY, Harness, valueOf } from "../testing/harness.ts";
import type { Tested } from "./tested.ts";

const FIVE = { aggregators: 5, threshold: 2, quorum: 4, meters: 7 };

async function runDay(t: TestContext, prepare: (harness: Harness) => void, options = {}): Promise<Harness> {
  const harness = await Harness.make(t, { ...FIVE, ...options });
  harness.fillDay();
  prepare(harness);
  harness.setSlot(DAY + 98);
  await harness.run(12);
  return harness;
}

const dayOf = (meter: number, skip: (slot: number) => boolean = () => false): number =>
  Array.from({ length: 96 }, (_, i) => i)
    .filter((i) => !skip(i))
    .reduce((sum, i) => sum + valueOf(meter, DAY + i), 0);

/** All loads are exact over the meters in them, all other bills exact; `out` is missing where `skip` says. */
async function assertExactWithout(
  harness: Harness,
  out: readonly number[],
  skip: (slot: number) => boolean = () => true,
): Promise<void> {
  const loads = await harness.utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
  assert.deepEqual(
    loads.map(({ energy_wh, status }) => [energy_wh, status]),
    Array.from({ length: 96 }, (_, i) => [
      harness.meters.reduce((sum, _m, m) => sum + (out.includes(m) && skip(i) ? 0 : valueOf(m, DAY + i)), 0),
      "final",
    ]),
  );
  const bills = await harness.utility.db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute();
  const nothing = out.length > 0 && Array.from({ length: 96 }, (_, i) => i).every(skip);
  const expected = harness.meters.map((_, m) =>
    nothing && out.includes(m) ? [null, "inconsistent-shares"] : [dayOf(m, (i) => out.includes(m) && skip(i)), "final"],
  );
  assert.deepEqual(
    bills.map(({ energy_wh, status }) => [energy_wh, status]),
    expected,
  );
}

const verdicts = ({ detected }: Harness): string[] =>
  [...new Set(detected.map(({ aggregator, code, verdict }) => `${aggregator} ${code} ${verdict}`))].sort();

const off =
  (meter: string, by: (cell: Cell) => bigint = () => 5n): ((cell: Cell) => bigint) =>
  (cell) =>
    cell.meter === meter ? by(cell) : 0n;

describe("a meter that gives shares which do not belong together is left out, and no honest aggregator is a liar", () => {
  test("towards one aggregator", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => (aggregators[2]!.badShare = off("m-002")));
    await assertExactWithout(harness, [1]);
    assert.deepEqual(verdicts(harness), ["3 inconsistent-shares disputed"]);
    assert.match(harness.detected[0]!.detail, /^the shares of m-002 do not belong together with those of all others$/);
    const rounds = await harness.utility.db.selectFrom("rounds").selectAll().execute();
    assert.ok(rounds.some(({ excluded }) => excluded.includes("the shares of m-002 do not belong together")));
    assert.ok(rounds.every(({ untested_meters }) => untested_meters === 0));
  });

  test("towards two aggregators, so that nobody can say which", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[0]!.badShare = off("m-002");
      aggregators[4]!.badShare = off("m-002", ({ slot }) => BigInt(slot) ** 2n);
    });
    await assertExactWithout(harness, [1]);
    assert.deepEqual(verdicts(harness), []);
    assert.ok(harness.refused.includes("inconsistent-shares"));
    // The log names no server; which meter was left out is committed to.
    const lies = await harness.logged("lie");
    assert.ok(
      lies.length > 0 && lies.every(({ code, servers }) => code === "inconsistent-shares" && servers.length === 0),
    );
    const kept = await harness.utility.db
      .selectFrom("ledger_private")
      .selectAll()
      .where("subject", "like", "lie %")
      .execute();
    assert.ok(
      kept.every(({ content }) => Buffer.from(content!).toString().includes("the shares of m-002 do not belong")),
    );
    assert.deepEqual(await harness.findings(), []);
  });

  test("in a single slot, by values that add up to nothing with another slot's", async (t) => {
    const harness = await Harness.make(t, FIVE);
    harness.fillDay();
    harness.aggregators[1]!.badShare = off("m-004", ({ slot }) =>
      slot === DAY + 30 ? 1n : slot === DAY + 31 ? -1n : 0n,
    );
    for (const slot of [26, 50, 74, 98]) {
      harness.setSlot(DAY + slot);
      await harness.run(6);
    }
    // Only the load round of those slots is spoilt, and the bill takes what the loads took.
    const loads = await harness.utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
    const spoilt = loads.flatMap(({ meters }, slot) => (meters < 7 ? [slot] : []));
    assert.ok(spoilt.includes(30) && spoilt.includes(31) && spoilt.length < 30, spoilt.join());
    await assertExactWithout(harness, [3], (slot) => spoilt.includes(slot));
    assert.deepEqual(verdicts(harness), ["2 inconsistent-shares disputed"]);
  });

  test("two meters towards different aggregators, while a third aggregator lies about its sums", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[0]!.badShare = off("m-001");
      aggregators[1]!.badShare = off("m-007");
      aggregators[4]!.lie = 9n;
    });
    await assertExactWithout(harness, [0, 6]);
    assert.deepEqual(verdicts(harness), [
      "1 inconsistent-shares disputed",
      "2 inconsistent-shares disputed",
      "5 wrong-sums liar",
    ]);
  });
});

describe("an aggregator that lies in a test", () => {
  test("about every meter is a liar, and nothing is left out", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => (aggregators[3]!.testLie = () => 1n));
    await assertExactWithout(harness, []);
    assert.deepEqual(verdicts(harness), ["4 inconsistent-shares liar"]);
    const rows = await harness.utility.db.selectFrom("detections").selectAll().execute();
    const [signed] = decodeCbor(rows[0]!.answers) as Uint8Array[];
    assert.deepEqual((decodeCbor(signed!) as { type: string; aggregator: number }).type, "probed");
  });

  test("about few meters has them left out, in dispute: what it says is all there is", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[3]!.testLie = (meter) => (meter < "m-003" ? 1n : 0n);
    });
    await assertExactWithout(harness, [0, 1]);
    assert.deepEqual(verdicts(harness), ["4 inconsistent-shares disputed"]);
  });

  test("about other meters each time is a liar once they are more than half", async (t) => {
    let last = "";
    const first = (meter: string): bigint => {
      const isFirst = meter <= last || last === "";
      last = meter;
      return isFirst ? 1n : 0n;
    };
    const harness = await runDay(t, ({ aggregators }) => (aggregators[3]!.testLie = first), { minMeters: 3 });
    assert.ok(verdicts(harness).includes("4 inconsistent-shares liar"));
    const loads = await harness.utility.db.selectFrom("feeder_loads").select(["meters", "status"]).execute();
    assert.ok(loads.every(({ meters, status }) => status === "final" && meters >= 4));
  });

  test("with another one that lies differently: the round fails and says why", async (t) => {
    const harness = await runDay(t, ({ aggregators }) => {
      aggregators[0]!.testLie = () => 1n;
      aggregators[3]!.testLie = () => 7n;
    });
    const failed = harness.notified.filter(({ state }) => state === "failed");
    assert.equal(failed[0]!.status, "inconsistent-shares");
    assert.match(failed[0]!.reason, /contradict each other about the shares of m-001, .*more of them answer wrongly/);
    const bills = await harness.utility.db.selectFrom("current_bills").selectAll().execute();
    assert.ok(bills.length > 0 && bills.every(({ energy_wh }) => energy_wh === null));
    assert.deepEqual(verdicts(harness), []);
  });
});

describe("a test needs more than t answers", () => {
  test("with t the round goes on, and says that nothing was tested", async (t) => {
    const harness = await runDay(
      t,
      ({ aggregators }) => {
        aggregators[2]!.down = true;
        aggregators[0]!.badShare = off("m-002", () => 0n);
      },
      { aggregators: 3, quorum: 2 },
    );
    await assertExactWithout(harness, []);
    const rounds = await harness.utility.db.selectFrom("rounds").select(["untested_meters", "sets"]).execute();
    assert.ok(rounds.every(({ untested_meters, sets }) => untested_meters === 7 && sets === 1));
  });

  test("an answer about cells that came after the salt counts for nothing", async (t) => {
    let sets = 0;
    const harness = await runDay(t, (made) => {
      const [, , , fourth] = made.aggregators;
      const late = [...fourth!.cells.values()].filter(({ meter }) => meter === "m-002");
      fourth!.onWant = () => {};
      for (const cell of late) fourth!.cells.delete(`${cell.meter} ${cell.kind} ${cell.slot}`);
      made.beforeSend = ({ type }) => {
        if (type === "probe") for (const cell of late) fourth!.store(cell);
        if (type === "set") sets++;
      };
    });
    assert.ok(sets > 0);
    await assertExactWithout(harness, []);
    const [row] = await harness.utility.db.selectFrom("rounds").selectAll().orderBy("id").execute();
    const { passed } = decodeCbor(row!.tested!) as Tested;
    const counts = new Map(passed.map(([aggregator, meters]) => [aggregator, [...members(meters)].length]));
    assert.deepEqual(
      [...counts],
      [
        [1, 7],
        [2, 7],
        [3, 7],
        [4, 6],
        [5, 7],
      ].map(([a, n]) => [a, row!.purpose === "billing" ? 7 : n]),
    );
  });
});
