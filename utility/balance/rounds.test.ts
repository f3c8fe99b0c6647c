/** Balances through whole rounds over a real database: what is opened, what is missing, and who waits for whom. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { DAY, Harness, SLOT_SECONDS, valueOf } from "../testing/harness.ts";
import { technicalLossW } from "./loss.ts";

const LOST_WH = 13;
const homesWh = (harness: Harness, slot: number): number =>
  harness.meters.reduce((sum, _, meter) => sum + valueOf(meter, slot), 0);

/** The head's readings of the day: what the homes take, less what comes back, and a loss. */
function fillHead(harness: Harness, to = DAY + 96, fedBackWh = 0): void {
  for (let slot = DAY; slot < to; slot++) {
    const value = homesWh(harness, slot) + LOST_WH - fedBackWh;
    harness.store({ meter: "head", feeder: "f-1", kind: KINDS.head, slot, value });
    harness.store({ meter: "head", feeder: "f-1", kind: KINDS.headExport, slot, value: 0 });
  }
}

const balances = (harness: Harness) =>
  harness.utility.db.selectFrom("feeder_balances").selectAll().orderBy("slot_start").execute();

async function finalBills(harness: Harness): Promise<number> {
  const rows = await harness.utility.db.selectFrom("current_bills").selectAll().where("status", "=", "final").execute();
  return rows.length;
}

test("a day's balances are what is lost, where nobody is missing; loads and bills are as without", async (t) => {
  const harness = await Harness.make(t, { head: true });
  harness.fillDay(DAY, (meter, slot) => meter === "m-002" && slot === DAY + 40);
  // One home feeds back: too few for a load of it, and in the balance all the same.
  for (let slot = DAY; slot < DAY + 96; slot++) {
    if (slot !== DAY + 50) harness.store({ meter: "m-003", feeder: "f-1", kind: KINDS.export, slot, value: 20 });
  }
  fillHead(harness, DAY + 96, 20);
  harness.setSlot(DAY + 102);
  await harness.run(2);
  const rows = await balances(harness);
  const incomplete = rows.filter(({ status }) => status !== "final").map((row) => row.slot_start / SLOT_SECONDS);
  assert.deepEqual(incomplete.slice(0, 2), [DAY + 40, DAY + 50]);
  assert.ok(incomplete.slice(2).every((slot) => slot >= DAY + 96));
  const released = rows.filter(({ status }) => status === "final");
  assert.equal(released.length, 94);
  for (const row of released) {
    const slot = row.slot_start / SLOT_SECONDS;
    assert.equal(row.balance_wh, LOST_WH);
    assert.equal(row.import_wh, homesWh(harness, slot));
    assert.equal(row.export_wh, null);
    const lossWh = technicalLossW(4 * homesWh(harness, slot), 6, harness.utility.balance.lineOf("f-1")) / 4;
    assert.ok(Math.abs((row.residual_wh ?? 0) - (LOST_WH - lossWh)) < 1e-6);
    assert.equal(row.spare_answers, 1);
  }
  assert.equal(await finalBills(harness), 6);
  assert.deepEqual(await harness.findings(), []);
});

test("a head that is silent holds up neither loads nor bills", async (t) => {
  const harness = await Harness.make(t, { head: true });
  harness.fillDay();
  fillHead(harness, DAY + 10);
  harness.setSlot(DAY + 102);
  await harness.run(2);
  const rows = await balances(harness);
  assert.equal(rows.filter(({ status }) => status === "final").length, 10);
  assert.ok(rows.slice(10).every(({ status, balance_wh }) => status === "incomplete" && balance_wh === null));
  assert.equal(await finalBills(harness), 6);
});

test("a kill in the middle of a round of balances neither loses nor doubles a slot", async (t) => {
  const harness = await Harness.make(t, { head: true });
  harness.fillDay();
  fillHead(harness);
  harness.setSlot(DAY + 102);
  harness.beforeSend = ({ type, round }) => {
    if (type === "endorsed" && round.startsWith("f-")) harness.dead = true;
  };
  await harness.run(1);
  assert.deepEqual(await balances(harness), []);
  harness.beforeSend = () => {};
  await harness.restart();
  await harness.run(2);
  const rows = await balances(harness);
  assert.equal(rows.filter(({ balance_wh: balance }) => balance === LOST_WH).length, 96);
  const watched = await harness.utility.db.selectFrom("balance_watch").selectAll().execute();
  assert.equal((JSON.parse(watched[0]?.state ?? "{}") as { next?: number }).next, rows.length + DAY);
});

test("what aggregators refuse is left out, and the other slots are opened", async (t) => {
  const harness = await Harness.make(t, { head: true });
  harness.fillDay();
  fillHead(harness);
  for (const aggregator of harness.aggregators) {
    aggregator.verdict = ({ purpose, units }) => {
      const first = 4 * 7;
      if (purpose !== "balance" || (units[first]?.[0].length ?? 0) === 0) return undefined;
      return {
        code: "incomplete-balance",
        detail: "a meter is missing",
        where: [0, 1, 2, 3].map((unit) => first + unit),
      };
    };
  }
  harness.setSlot(DAY + 102);
  await harness.run(2);
  const rows = await balances(harness);
  assert.equal(rows[7]?.status, "incomplete");
  assert.equal(rows.filter(({ status }) => status === "final").length, 95);
});

test("balances are in the log, by a commitment that says none of them: verify finds whatever row changes", async (t) => {
  const harness = await Harness.make(t, { head: true });
  harness.fillDay();
  fillHead(harness, DAY + 40);
  harness.setSlot(DAY + 102);
  await harness.run(2);
  assert.deepEqual(await harness.findings(), []);
  const logged = await harness.logged("balances");
  assert.equal(
    logged.reduce((sum, { count }) => sum + count, 0),
    (await balances(harness)).length,
  );
  const { db } = harness.utility;
  const change = async (set: Partial<{ balance_wh: number; status: string }>): Promise<void> => {
    const at = (DAY + 20) * SLOT_SECONDS;
    await db.updateTable("feeder_balances").set(set).where("slot_start", "=", at).execute();
  };
  await change({ balance_wh: LOST_WH + 1 });
  assert.match((await harness.findings()).join(), /^feeder_balances: f-.*not those that were logged$/);
  await change({ balance_wh: LOST_WH, status: "incomplete" });
  assert.match((await harness.findings()).join(), /not those that were logged/);
  await change({ status: "final" });
  assert.deepEqual(await harness.findings(), []);
  await db.deleteFrom("feeder_balances").execute();
  assert.match((await harness.findings()).join(), /feeder_balances: f-.*were logged and are gone/);
});
