/** Shares of bits at the intake: taken where they are configured, and only there; kept beside what they add up to. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { readingShares } from "../../protocol/range/check.ts";
import { splitBits } from "../../protocol/range/split-bits.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";
import { openDatabase, migrate } from "../../config/runtime/database.ts";
import { join } from "node:path";
import { ShareStore } from "../store/share-store.ts";

const BITS = 10;

function setUp(context: TestContext) {
  const system = new TestSystem();
  system.addMeter("m-1", "f-1");
  const settings = { ...SETTINGS, bits: { import: BITS } };
  const one = new TestAggregator(system, 1, temporaryFolder(context), settings);
  context.after(() => one.stop());
  const meter = new TestMeter("m-1", one, system.rootKey("m-1", 1));
  const slot = system.slot;
  const entries = (readings: readonly number[], firstSlot = slot, bits = BITS): Uint8Array =>
    splitBits({ key: new Uint8Array(32).fill(7), kind: 1, firstSlot, readings, bits, n: 3, t: 2 })[0]!;
  const codes = (): number[] => meter.acks().flatMap(({ entries: acked }) => acked.map(({ code }) => code));
  return { system, one, meter, slot, entries, codes };
}

test("keeps bits and what they add up to, over kills, commits and packing", (context) => {
  const { one, meter, slot, entries, codes } = setUp(context);
  meter.put(1, slot - 3, entries([1, 2], slot - 3), BITS);
  meter.put(1, slot - 1, entries([700], slot - 1), BITS);
  assert.deepEqual(codes(), [ACK_CODES.stored]);
  const expected = Buffer.concat([entries([1, 2], slot - 3), entries([700], slot - 1)]);
  const check = (): void => {
    const { store } = one.aggregator;
    const { present, entries: kept } = store.bits.range(1, 1, slot - 4, slot, BITS);
    assert.deepEqual(present, Uint8Array.of(0b1110));
    assert.deepEqual(Buffer.from(kept.subarray(bitEntryBytes(BITS))), expected);
    const whole = store.range(1, 1, slot - 3, slot);
    assert.deepEqual(Uint8Array.from(whole.entries), readingShares(expected, BITS));
    assert.deepEqual(store.bits.range(1, 1, slot - 4, slot, BITS + 1).present, Uint8Array.of(0));
  };
  check();
  one.kill();
  check();
  one.aggregator.store.pack();
  check();
});

test("acknowledges a repeat; other bits, or the same share as a whole, are conflicts", (context) => {
  const { one, meter, slot, entries, codes } = setUp(context);
  const own = entries([5]);
  meter.put(1, slot, own, BITS);
  meter.put(1, slot, own, BITS);
  meter.acks();
  one.kill();
  meter.put(1, slot, own, BITS);
  assert.deepEqual(codes(), [ACK_CODES.duplicate]);
  // Two bits shared otherwise, so that the reading's share is the same: 2 less in the lowest, 1 more in the next.
  const other = Buffer.from(own);
  other.writeBigUInt64BE(other.readBigUInt64BE(0) - 2n, 0);
  other.writeBigUInt64BE(other.readBigUInt64BE(8) + 1n, 8);
  assert.deepEqual(readingShares(other, BITS), readingShares(own, BITS));
  meter.put(1, slot, other, BITS);
  assert.deepEqual(codes(), [ACK_CODES.conflict]);
  const { store } = one.aggregator;
  const results: string[] = [];
  store.put(1, 1, slot, readingShares(own, BITS), 0, (_, result) => results.push(result));
  assert.deepEqual(results, ["conflict"]);
});

test("refuses what is shared in another form than configured, without an answer, and what is no field element", (context) => {
  const { one, meter, slot, entries, codes } = setUp(context);
  meter.put(1, slot, new Uint8Array(16));
  meter.put(1, slot, entries([5], slot, BITS + 1), BITS + 1);
  meter.put(2, slot, entries([5]), BITS);
  const broken = Buffer.from(entries([5]));
  broken.writeBigUInt64BE(2n ** 61n - 1n, 8 * (BITS - 1));
  meter.put(1, slot, broken, BITS);
  assert.deepEqual(one.codes(), ["wrong-bits", "wrong-bits", "wrong-bits", "malformed"]);
  assert.deepEqual(codes(), []);
  assert.equal(one.aggregator.store.has(1, 1, slot), false);
});

test("takes of a message what lies in the window, bit by bit", (context) => {
  const { one, meter, slot, entries, codes } = setUp(context);
  meter.put(1, slot, entries([1, 2, 3, 4]), BITS);
  assert.deepEqual(codes(), [ACK_CODES.stored]);
  const { present, entries: kept } = one.aggregator.store.bits.range(1, 1, slot, slot + 4, BITS);
  assert.deepEqual(present, Uint8Array.of(0b0011));
  assert.deepEqual(kept.subarray(0, 2 * bitEntryBytes(BITS)), entries([1, 2]));
});

test("a store of before opens, and what it holds is whole", (context) => {
  const file = join(temporaryFolder(context), "old.db");
  const old = openDatabase(file, { synchronous: "FULL" });
  migrate(old, MIGRATIONS.slice(0, -1));
  old.prepare("INSERT INTO meters (id) VALUES ('m-1')").run();
  old.close();
  const db = openDatabase(file, { synchronous: "FULL" });
  context.after(() => db.close());
  migrate(db, MIGRATIONS);
  const store = new ShareStore(db, SETTINGS);
  const results: string[] = [];
  const put = (): void => store.put(1, 1, 500, new Uint8Array(16).fill(1), 0, (_, result) => results.push(result));
  put();
  put();
  assert.deepEqual(results, ["stored", "duplicate"]);
  assert.equal(store.bits.range(1, 1, 500, 501, BITS).present[0], 0);
});
