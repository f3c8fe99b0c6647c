/** Whole rounds over a real database: from readings in aggregators to bills and feeder loads, and what may go wrong. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, Harness, SLOT_SECONDS, valueOf } from "../testing/harness.ts";

async function loads(harness: Harness) {
  return await harness.utility.db.selectFrom("feeder_loads").selectAll().orderBy("slot_start").execute();
}

async function bills(harness: Harness) {
  return await harness.utility.db.selectFrom("current_bills").selectAll().orderBy("meter_id").execute();
}

function dayTotal(meter: number, first = DAY): number {
  return Array.from({ length: 96 }, (_, i) => valueOf(meter, first + i)).reduce((sum, value) => sum + value, 0);
}

test("a day of readings becomes exact feeder loads and bills", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(2);
  const rows = await loads(harness);
  assert.equal(rows.length, 96);
  for (const row of rows) {
    const slot = row.slot_start / SLOT_SECONDS;
    const expected = harness.meters.reduce((sum, _, m) => sum + valueOf(m, slot), 0);
    assert.equal(row.energy_wh, expected);
    assert.equal(row.status, "final");
    assert.equal(row.meters, 6);
    assert.equal(row.spare_answers, 1);
  }
  const issued = await bills(harness);
  assert.equal(issued.length, 6);
  for (const [m, bill] of issued.entries()) {
    assert.equal(bill.energy_wh, dayTotal(m));
    assert.equal(bill.period_start, "2025-01-15");
    assert.equal(bill.period_end, "2025-01-16");
    assert.equal(bill.status, "final");
    assert.equal(bill.spare_answers, 1);
    assert.equal(bill.gaps, 0);
  }
});

test("with one of three aggregators gone the totals are the same, without a spare answer", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  const [, , third] = harness.aggregators;
  if (third !== undefined) third.down = true;
  harness.setSlot(DAY + 98);
  await harness.run(2);
  const issued = await bills(harness);
  assert.deepEqual(
    issued.map(({ energy_wh }) => energy_wh),
    harness.meters.map((_, m) => dayTotal(m)),
  );
  assert.ok(issued.every(({ spare_answers }) => spare_answers === 0));
});

test("with two gone the rounds wait, say so, bill nothing, and finish when one returns", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  const [, second, third] = harness.aggregators;
  assert.ok(second !== undefined && third !== undefined);
  second.down = true;
  third.down = true;
  harness.setSlot(DAY + 98);
  await harness.run(10);
  const waiting = await harness.utility.db.selectFrom("rounds").selectAll().where("status", "=", "waiting").execute();
  assert.equal(waiting.length, 1);
  assert.match(waiting[0]?.reason ?? "", /1 of the 2 manifests that are needed; offline: a-2, a-3/);
  assert.equal((await bills(harness)).length, 0);
  assert.ok(harness.notified.some(({ status }) => status === "waiting"));
  second.down = false;
  await harness.desk.returned(2);
  await harness.run(10);
  assert.deepEqual(
    (await bills(harness)).map(({ energy_wh }) => energy_wh),
    harness.meters.map((_, m) => dayTotal(m)),
  );
});

test("a lying aggregator makes a round with a spare answer fail, and nothing is billed", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  const [, second] = harness.aggregators;
  if (second !== undefined) second.lie = 1n;
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const issued = await bills(harness);
  assert.ok(issued.every(({ status, energy_wh }) => status === "inconsistent-sums" && energy_wh === null));
  assert.ok(
    (await loads(harness)).every(({ status, energy_wh }) => status === "inconsistent-sums" && energy_wh === null),
  );
  const failed = await harness.utility.db.selectFrom("rounds").selectAll().where("state", "=", "failed").execute();
  assert.ok(failed.length > 0);
  assert.match(failed[0]?.evidence ?? "", /"aggregators":\[1,2,3\]/);
});

test("a missing stretch is a gap on the bill, and the rest is exact", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay(DAY, (meter, slot) => meter === "m-002" && slot >= DAY + 40 && slot < DAY + 45);
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const issued = await bills(harness);
  const lost = [40, 41, 42, 43, 44].reduce((sum, i) => sum + valueOf(1, DAY + i), 0);
  assert.equal(issued[1]?.energy_wh, dayTotal(1) - lost);
  assert.equal(issued[1].gaps, 5);
  const gaps = await harness.utility.db.selectFrom("gaps").selectAll().execute();
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0]?.slot_start, (DAY + 40) * SLOT_SECONDS);
  assert.equal(gaps[0].slot_end, (DAY + 45) * SLOT_SECONDS);
  assert.equal(gaps[0].reason, "missing");
});

test("late cells wait until enough of two meters came late, then enter the next bill and fill the gap", async (t) => {
  const harness = await Harness.make(t);
  const late = (meter: string, slot: number): boolean =>
    (meter === "m-001" || meter === "m-002") && slot >= DAY + 40 && slot < DAY + 48;
  harness.fillDay(DAY, late);
  harness.setSlot(DAY + 98);
  await harness.run(3);
  assert.equal((await bills(harness))[0]?.gaps, 8);
  harness.fillDay(DAY);
  harness.fillDay(DAY + 96);
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  const second = await harness.utility.db
    .selectFrom("bills")
    .selectAll()
    .where("period_start", "=", "2025-01-16")
    .orderBy("meter_id")
    .execute();
  const extra = Array.from({ length: 8 }, (_, i) => valueOf(0, DAY + 40 + i)).reduce((sum, value) => sum + value, 0);
  assert.equal(second[0]?.energy_wh, dayTotal(0, DAY + 96) + extra);
  assert.equal(second[2]?.energy_wh, dayTotal(2, DAY + 96));
  const gaps = await harness.utility.db.selectFrom("gaps").selectAll().execute();
  assert.ok(gaps.every(({ billed_period_start }) => billed_period_start === "2025-01-16"));
});

test("slots with fewer than k meters are left out of the loads and say so", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay(DAY, (meter, slot) => slot === DAY + 10 && meter < "m-003");
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const row = (await loads(harness))[10];
  assert.equal(row?.status, "too-few-meters");
  assert.equal(row.energy_wh, null);
  assert.equal(row.meters, 4);
});

test("what an aggregator lacks is asked from the meters, and is in the set when it comes", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  const [first, second, third] = harness.aggregators;
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const lost = [...second.cells].filter(([, { slot, meter }]) => slot === DAY + 3 && meter === "m-004");
  for (const aggregator of [second, third]) {
    for (const [key, cell] of lost) {
      aggregator.cells.delete(key);
      aggregator.onWant = () => aggregator.cells.set(key, cell);
    }
  }
  harness.setSlot(DAY + 98);
  await harness.run(8);
  assert.ok((await loads(harness)).every(({ meters, status }) => status === "final" && meters === 6));
});

test("a conflict that t aggregators agree on costs nothing but the spare answer", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  harness.store({ meter: "m-001", feeder: "f-1", kind: 1, slot: DAY + 5, value: 9999, version: 2 }, [3]);
  harness.setSlot(DAY + 98);
  await harness.run(8);
  const row = (await loads(harness))[5];
  assert.equal(
    row?.energy_wh,
    harness.meters.reduce((sum, _, m) => sum + valueOf(m, DAY + 5), 0),
  );
  assert.equal(row.spare_answers, 0);
});

test("what a quorum refuses is left out of the next set, and the rest is released", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  for (const aggregator of harness.aggregators) {
    aggregator.verdict = ({ purpose, units }) =>
      purpose === "load" && (units[6]?.[0].length ?? 0) > 0
        ? { code: "difference-too-small", detail: "slot 3 is not for release", where: [6] }
        : undefined;
  }
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const rows = await loads(harness);
  assert.equal(rows[3]?.status, "difference-too-small");
  assert.equal(rows.filter(({ status }) => status === "final").length, 95);
  const round = await harness.utility.db.selectFrom("rounds").selectAll().where("purpose", "=", "load").execute();
  assert.deepEqual([round[0]?.sets, round[0]?.state], [2, "finished"]);
});

test("a refusal that names nothing ends the round with its code, and the bills say so", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  for (const aggregator of harness.aggregators) {
    aggregator.verdict = ({ purpose }) =>
      purpose === "billing" ? { code: "period-mismatch", detail: "cuts across a period", where: [] } : undefined;
  }
  harness.setSlot(DAY + 98);
  await harness.run(3);
  assert.ok(
    (await bills(harness)).every(({ status, energy_wh }) => status === "period-mismatch" && energy_wh === null),
  );
});

test("one aggregator that refuses does not stop the others, and a set is never given up for it", async (t) => {
  const harness = await Harness.make(t);
  harness.fillDay();
  const [first] = harness.aggregators;
  assert.ok(first !== undefined);
  first.verdict = () => ({ code: "difference-too-small", detail: "no", where: [0] });
  harness.setSlot(DAY + 98);
  await harness.run(8);
  const issued = await bills(harness);
  assert.deepEqual(
    issued.map(({ energy_wh, spare_answers }) => [energy_wh, spare_answers]),
    harness.meters.map((_, m) => [dayTotal(m), 0]),
  );
  const rounds = await harness.utility.db.selectFrom("rounds").selectAll().execute();
  assert.ok(rounds.every(({ sets }) => sets === 1));
});

test("a meter that moves at noon gets one bill over both feeders", async (t) => {
  const noon = DAY + 48;
  const harness = await Harness.make(t, {
    meters: 11,
    minSlots: 8,
    places: (meter) => {
      if (meter === "m-006") {
        return [
          { feeder: "f-1", from: 0, to: noon },
          { feeder: "f-2", from: noon, to: null },
        ];
      }
      return [{ feeder: meter < "m-006" ? "f-1" : "f-2", from: 0, to: null }];
    },
  });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const issued = await bills(harness);
  assert.equal(issued.length, 11);
  assert.deepEqual(
    issued.map(({ energy_wh }) => energy_wh),
    harness.meters.map((_, m) => dayTotal(m)),
  );
});
