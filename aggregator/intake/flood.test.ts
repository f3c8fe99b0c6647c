/** A meter with the right keys that sends what is valid and of no use, without end: what is kept of it has a bound. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MAX_WINDOW_SLOTS } from "../../protocol/envelope/digest.ts";
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";
import { entriesOf, SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

function setUp(context: TestContext) {
  const system = new TestSystem();
  system.addMeter("m-1", "f-1");
  system.addMeter("m-2", "f-1");
  const one = new TestAggregator(system, 1, temporaryFolder(context), SETTINGS);
  context.after(() => one.stop());
  const meter = new TestMeter("m-1", one, system.rootKey("m-1", 1));
  const other = new TestMeter("m-2", one, system.rootKey("m-2", 1));
  const rows = (table: string): number => one.db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get()!;
  return { system, one, meter, other, slot: system.slot, rows };
}

test("10,000 hellos of one meter are answered once a commit, and keep one row", (context) => {
  const { one, meter, rows } = setUp(context);
  for (let i = 1; i <= 10_000; i++) meter.hello(i.toString(16).padStart(32, "0"));
  const acks = meter.acks();
  assert.equal(acks.length, 1);
  assert.equal(acks[0]!.hello?.boot, 10_000);
  assert.equal(rows("meters"), 2);
  assert.equal(one.aggregator.intake.counters.hellos, 10_000);
});

test("200 repeats of a month, every second slot of them in conflict, wait in a bounded queue and are stored once", (context) => {
  const { one, meter, other, slot, rows } = setUp(context);
  const { intake, store } = one.aggregator;
  const count = SETTINGS.windowSlots;
  const month = entriesOf(Array.from({ length: count }, (_, i) => [i + 1, i + 1]));
  const mixed = entriesOf(Array.from({ length: count }, (_, i) => [i + 1, i % 2 === 0 ? i + 1 : i + 2]));
  const first = slot - count + 1;
  meter.put(1, first, month);
  let most = 0;
  let sentAtOnce = 0;
  for (let i = 0; i < 200; i++) {
    meter.put(1, first, mixed);
    most = Math.max(most, intake.answers);
    sentAtOnce = Math.max(sentAtOnce, one.take().length);
  }
  assert.ok(most < 65_536, `${most} answers waited`);
  assert.ok(sentAtOnce > 0, "the queue is emptied without a timer");
  assert.equal(intake.counters.slotsStored, count);
  assert.equal(rows("tamper_events"), count / 2);
  // Days of 96 slots, and one that is cut at both ends.
  assert.ok(store.cachedBlocks <= count / 96 + 1, `${store.cachedBlocks} blocks`);
  other.put(1, slot, entriesOf([[5, 5]]));
  assert.equal(other.acks().flatMap(({ entries }) => entries).length, 1);
  one.kill();
  const kept = one.aggregator.store.range(one.aggregator.keys.numberOf("m-1")!, 1, first, first + count);
  assert.equal(kept.entries.length, count * ENTRY_BYTES);
  assert.deepEqual(Buffer.from(kept.entries), Buffer.from(month));
});

test("digests of the longest windows, each under another name, are bounded like those of short ones", (context) => {
  const { system, one, meter, rows } = setUp(context);
  const presence = new Uint8Array(MAX_WINDOW_SLOTS / 8).fill(0xff);
  for (let i = 0; i < 1_200; i++) {
    const firstSlot = system.slot - MAX_WINDOW_SLOTS + 1 - (i % 50);
    const digest = new Uint8Array(32).fill(1);
    meter.vouch({ series: `s${i}`, firstSlot, slots: MAX_WINDOW_SLOTS, presence, digest });
    if (i % 100 === 0) meter.acks();
  }
  meter.acks();
  assert.equal(rows("he_digests"), 1_024);
  assert.equal(one.codes().filter((code) => code === "digests-full").length, 1_200 - 1_024);
});

test("slots of a year before and after its clock leave nothing but refusals", (context) => {
  const { one, meter, slot, rows } = setUp(context);
  const year = 365 * 96;
  const before = { journal: rows("journal"), blocks: one.aggregator.store.cachedBlocks };
  for (const ahead of [year, -year]) {
    for (let i = 0; i < 500; i++) meter.put(1, slot + ahead + i, entriesOf([[7, 7]]));
  }
  const codes = meter.acks().flatMap(({ entries }) => entries);
  // Those ahead are not answered: the meter keeps them until its time has come.
  assert.deepEqual([codes.length, codes[0]!.count, codes[0]!.firstSlot], [1, 500, slot - year]);
  assert.deepEqual([...new Set(one.codes())].sort(), ["closed", "future"]);
  assert.equal(one.refused.length, 1_000);
  assert.deepEqual({ journal: rows("journal"), blocks: one.aggregator.store.cachedBlocks }, before);
});
