/** Bills for customers who were away when they were issued. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { DAY, Harness } from "../testing/harness.ts";
import type { BillRow } from "./courier.ts";
import { Redelivery } from "./redelivery.ts";

interface Bed {
  readonly harness: Harness;
  readonly sent: string[];
  readonly state: { broker: boolean; now: number };
  readonly make: () => Redelivery;
  readonly bills: (meter: string) => Promise<number[]>;
}

/** A billed day, each bill taken by the broker once. */
async function bed(t: TestContext, { perSecond = 1000, periods = 3, times = 2 } = {}): Promise<Bed> {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay();
  harness.setSlot(DAY + 98);
  await harness.run(3);
  const { db } = harness.utility;
  await db.updateTable("bills").set({ sent: 1 }).execute();
  const sent: string[] = [];
  const state = { broker: true, now: 0 };
  const send = async (bill: BillRow): Promise<boolean> => {
    if (!state.broker) return false;
    sent.push(bill.meter_id);
    await db
      .updateTable("bills")
      .set({ sent: bill.sent + 1 })
      .where("meter_id", "=", bill.meter_id)
      .execute();
    return true;
  };
  const options = { db, periods, times, perSecond, now: () => state.now, time: () => 0, send };
  return {
    harness,
    sent,
    state,
    make: () => new Redelivery(options),
    bills: async (meter) => {
      const rows = await db.selectFrom("bills").select("sent").where("meter_id", "=", meter).execute();
      return rows.map((row) => row.sent);
    },
  };
}

const hello = (challenge: string) => ({ state: "online" as const, challenge: challenge.padStart(32, "0"), boot: 1 });

test("a meter that comes online gets its bill again, once for each start and not for ever", async (t) => {
  const { make, sent, bills } = await bed(t);
  const redelivery = make();
  redelivery.noteStatus("m-001", hello("1"));
  await redelivery.run();
  assert.deepEqual(sent, ["m-001"]);
  redelivery.noteStatus("m-001", hello("1"));
  await redelivery.run();
  assert.deepEqual(sent, ["m-001"], "the same hello again, as the broker retains it");
  for (const start of ["2", "3", "4"]) {
    redelivery.noteStatus("m-001", hello(start));
    await redelivery.run();
  }
  assert.deepEqual(sent, ["m-001", "m-001"]);
  assert.deepEqual(await bills("m-001"), [3]);
  assert.equal(redelivery.waiting, 0);
});

test("a meter that was away gets it also when it returns as the same process", async (t) => {
  const { make, sent } = await bed(t);
  const redelivery = make();
  redelivery.noteStatus("m-002", hello("1"));
  await redelivery.run();
  redelivery.noteStatus("m-002", { state: "offline" });
  redelivery.noteStatus("m-002", hello("1"));
  await redelivery.run();
  assert.deepEqual(sent, ["m-002", "m-002"]);
});

test("a restarted utility takes a retained hello for what it is, and settles one that was open", async (t) => {
  const { make, sent, state } = await bed(t);
  const first = make();
  first.noteStatus("m-001", hello("1"));
  await first.run();
  state.broker = false;
  first.noteStatus("m-002", hello("1"));
  await first.run();
  assert.equal(first.waiting, 1);
  state.broker = true;
  const second = make();
  second.noteStatus("m-001", hello("1"));
  second.noteStatus("m-002", hello("1"));
  await second.run();
  assert.deepEqual(sent, ["m-001", "m-002"]);
});

test("a fleet that returns at once gets its bills at the configured rate", async (t) => {
  const { make, sent, state, harness } = await bed(t, { perSecond: 2 });
  const redelivery = make();
  for (const meter of harness.meters) redelivery.noteStatus(meter, hello("1"));
  await redelivery.run();
  assert.equal(sent.length, 2);
  state.now = 1;
  await redelivery.run();
  assert.equal(sent.length, 4);
  state.now = 60;
  await redelivery.run();
  assert.equal(sent.length, 6);
  assert.deepEqual([...sent].sort(), harness.meters);
});

test("bills that were never sent, of old periods, or when told not to, are not repeated", async (t) => {
  const { make, sent, harness } = await bed(t, { periods: 1 });
  await harness.utility.db.updateTable("bills").set({ sent: 0 }).where("meter_id", "=", "m-001").execute();
  harness.fillDay(DAY + 96);
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  const redelivery = make();
  for (const meter of harness.meters) redelivery.noteStatus(meter, hello("1"));
  await redelivery.run();
  assert.deepEqual(sent, [], "the new period's bills have not been sent a first time");
});
