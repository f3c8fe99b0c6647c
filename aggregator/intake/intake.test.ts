import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { fullBitmap } from "../../protocol/bitmap.ts";
import type { CiphertextDigest } from "../../protocol/envelope/digest.ts";
import { ACK_CODES, CIPHERTEXT_CODES } from "../../protocol/messages/ack-codes.ts";
import { topicOf } from "../../protocol/topics.ts";
import { ReleaseStore } from "../release/release-store.ts";
import { MeterTable } from "./meter-table.ts";
import { entriesOf, SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

function setUp(context: TestContext, settings = SETTINGS) {
  const system = new TestSystem();
  system.addMeter("m-1", "f-1");
  system.addMeter("m-2", "f-1");
  const one = new TestAggregator(system, 1, temporaryFolder(context), settings);
  context.after(() => one.stop());
  const meter = new TestMeter("m-1", one, system.rootKey("m-1", 1));
  return { system, one, meter, slot: system.slot };
}

const E = (share: number, tag = share) => entriesOf([[share, tag]]);

test("acknowledges after the commit, one ack for a meter and commit, runs of slots merged", (context) => {
  const { one, meter, slot } = setUp(context);
  meter.put(1, slot - 3, E(1));
  meter.put(
    1,
    slot - 2,
    entriesOf([
      [2, 2],
      [3, 3],
    ]),
  );
  meter.put(2, slot - 3, E(4));
  assert.equal(one.sent.length, 0);
  const acks = meter.acks();
  assert.equal(acks.length, 1);
  assert.deepEqual(acks[0]!.entries, [
    { kind: 1, firstSlot: slot - 3, count: 3, code: ACK_CODES.stored },
    { kind: 2, firstSlot: slot - 3, count: 1, code: ACK_CODES.stored },
  ]);
  assert.deepEqual(acks[0]!.highest, { boot: 0, counter: 2 });
});

test("acknowledges a repeat again, also after a kill", (context) => {
  const { one, meter, slot } = setUp(context);
  const message = meter.seal(1, slot, E(5));
  meter.send(message);
  meter.acks();
  one.kill();
  meter.send(message);
  assert.equal(meter.acks()[0]!.entries[0]!.code, ACK_CODES.duplicate);
});

test("lets the first share stand and records a conflict, for another tag as for another share", (context) => {
  const { one, meter, slot } = setUp(context);
  meter.put(1, slot, E(5, 7));
  meter.put(1, slot, E(5, 8));
  meter.put(1, slot, E(6, 7));
  const codes = meter.acks().flatMap(({ entries }) => entries.map(({ code }) => code));
  assert.deepEqual(codes, [ACK_CODES.stored, ACK_CODES.conflict, ACK_CODES.conflict]);
  assert.deepEqual(one.db.prepare("SELECT kind, slot FROM tamper_events").all(), [{ kind: 1, slot }]);
  const { entries } = one.aggregator.store.range(one.aggregator.keys.numberOf("m-1")!, 1, slot, slot + 1);
  assert.deepEqual(Buffer.from(entries), Buffer.from(E(5, 7)));
  assert.deepEqual(one.codes(), ["conflict", "conflict"]);
});

test("closes slots older than the window unless they are stored, and does not answer for slots ahead", (context) => {
  const { system, one, meter, slot } = setUp(context, { ...SETTINGS, windowSlots: 10 });
  meter.put(1, slot - 10, E(1));
  meter.put(1, slot - 11, E(2));
  meter.put(1, slot + 1, E(3));
  meter.put(1, slot + 2, E(4));
  const [ack] = meter.acks();
  assert.deepEqual(
    ack!.entries.map(({ firstSlot, code }) => [firstSlot - slot, code]),
    [
      [-10, ACK_CODES.stored],
      [-11, ACK_CODES.closed],
      [1, ACK_CODES.stored],
    ],
  );
  assert.deepEqual(one.codes(), ["closed", "future"]);
  system.now += 100 * 900;
  meter.put(1, slot - 10, E(1));
  assert.equal(meter.acks()[0]!.entries[0]!.code, ACK_CODES.duplicate);
});

test("refuses and counts strangers, bad seals, malformed bytes, wrong topics and shares outside the field", (context) => {
  const { system, one, meter, slot } = setUp(context);
  const share = (id: string) => topicOf("share", { meter: id, agg: "1" });
  one.aggregator.handle(share("m-9"), meter.seal(1, slot, E(1)));
  one.aggregator.handle(share("m-2"), meter.seal(1, slot, E(1)));
  one.aggregator.handle(share("m-1"), Buffer.from("nonsense"));
  const flipped = meter.seal(1, slot, E(1));
  flipped[flipped.length - 1]! ^= 1;
  meter.send(flipped);
  const outside = E(1);
  outside.fill(0xff, 0, 8);
  meter.put(1, slot, outside);
  one.aggregator.handle(topicOf("share", { meter: "m-1", agg: "2" }), meter.seal(1, slot, E(1)));
  new TestMeter("m-1", one, system.rootKey("m-1", 2)).put(1, slot, E(1));
  assert.deepEqual(one.codes(), [
    "unknown-meter",
    "bad-seal",
    "malformed",
    "bad-seal",
    "malformed",
    "wrong-topic",
    "bad-seal",
  ]);
  assert.deepEqual(meter.acks(), []);
});

test("grants each hello a boot above all it knows, the same boot to the same challenge, durably", (context) => {
  const { one, meter, slot } = setUp(context);
  const grant = () => meter.acks().find(({ hello }) => hello !== undefined)!.hello!.boot;
  meter.hello("11".repeat(16), 4);
  assert.equal(grant(), 5);
  meter.hello("11".repeat(16), 4);
  assert.equal(grant(), 5);
  one.kill();
  meter.hello("11".repeat(16), 4);
  assert.equal(grant(), 5);
  meter.hello("22".repeat(16), 0);
  assert.equal(grant(), 6);
  meter.boot = 40;
  meter.put(1, slot, E(1));
  meter.acks();
  one.kill();
  meter.hello("33".repeat(16), 0);
  assert.equal(grant(), 41);
});

test("a hello cannot use up the boot numbers: it is not sealed by the meter's key", (context) => {
  const { one, meter } = setUp(context);
  meter.hello("11".repeat(16), 4_294_967_294);
  assert.deepEqual(meter.acks(), []);
  assert.ok(one.refused.some(({ code }) => code === "boot-leap"));
  meter.hello("22".repeat(16), 3);
  assert.equal(meter.acks().find(({ hello }) => hello !== undefined)!.hello!.boot, 4);
});

test("says nothing while a simulation has not told the time, so that no slot is closed by mistake", (context) => {
  const { system, one, meter, slot } = setUp(context);
  const time = system.now;
  (system as { now: number | undefined }).now = undefined;
  meter.hello();
  meter.put(1, slot, E(1));
  assert.deepEqual(meter.acks(), []);
  assert.deepEqual(one.codes(), ["clock-unknown"]);
  system.now = time;
  assert.equal(meter.acks()[0]!.hello?.boot, 1);
  meter.put(1, slot, E(1));
  assert.equal(meter.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
});

test("never repeats the number of an ack across restarts", (context) => {
  const { one, meter, slot } = setUp(context);
  const seen = new Set<string>();
  for (let start = 0; start < 3; start++) {
    for (let i = 0; i < 3; i++) {
      meter.put(1, slot - i, E(1));
      one.aggregator.commit();
      for (const { payload } of one.take()) seen.add(Buffer.from(payload).subarray(10, 18).toString("hex"));
    }
    one.kill();
  }
  assert.equal(seen.size, 9);
});

test("says that a slot came too late for its load, and says so again to a repeat", (context) => {
  const { system, one, meter, slot } = setUp(context);
  const other = new TestMeter("m-2", one, system.rootKey("m-2", 1));
  const releases = new ReleaseStore(one.db);
  const endorse = (kind: number, at: number, meters: string[]) =>
    releases.addLoad(
      "f-1",
      kind,
      at,
      Buffer.alloc(32),
      meters.map((id) => one.aggregator.keys.numberOf(id)!),
    );
  endorse(1, slot - 2, ["m-2"]);
  endorse(1, slot - 3, ["m-1", "m-2"]);
  one.kill(); // what was endorsed is known again after a start
  meter.put(
    1,
    slot - 4,
    entriesOf([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]),
  ); // prettier-ignore
  meter.put(2, slot - 2, E(9));
  meter.put(1, slot - 2, E(3));
  meter.put(1, slot - 2, E(4));
  other.put(1, slot - 2, E(1));
  const codes = meter
    .acks()[0]!
    .entries.map(({ kind, firstSlot, count, code }) => [kind, firstSlot - slot, count, code]);
  assert.deepEqual(codes, [
    [1, -4, 2, ACK_CODES.stored],
    [1, -2, 1, ACK_CODES.late],
    [1, -1, 1, ACK_CODES.stored],
    [2, -2, 1, ACK_CODES.stored],
    [1, -2, 1, ACK_CODES.late],
    [1, -2, 1, ACK_CODES.conflict],
  ]);
  assert.equal(one.aggregator.intake.counters.slotsLate, 2);
});

const digestOf = (system: TestSystem, fields: Partial<CiphertextDigest> = {}): CiphertextDigest => ({
  series: "load",
  firstSlot: system.slot - 96,
  slots: 96,
  presence: fullBitmap(96),
  digest: new Uint8Array(32).fill(7),
  ...fields,
});

test("stores a digest with the commit, acknowledges a repeat, and lets the first stand", (context) => {
  const { system, one, meter } = setUp(context);
  const digest = digestOf(system);
  meter.vouch(digest);
  assert.equal(one.db.prepare("SELECT count(*) FROM he_digests").pluck().get(), 0);
  const { series, firstSlot } = digest;
  assert.deepEqual(meter.acks()[0]!.digests, [{ series, firstSlot, code: CIPHERTEXT_CODES.stored }]);
  one.kill();
  meter.vouch(digest);
  meter.vouch({ ...digest, digest: new Uint8Array(32) });
  meter.vouch({ ...digest, presence: new Uint8Array(12) });
  const codes = meter.acks()[0]!.digests!.map(({ code }) => code);
  assert.deepEqual(codes, [CIPHERTEXT_CODES.duplicate, CIPHERTEXT_CODES.conflict, CIPHERTEXT_CODES.conflict]);
  assert.equal(one.codes().filter((code) => code === "digest-conflict").length, 2);
  assert.equal(one.db.prepare("SELECT count(*) FROM he_conflicts").pluck().get(), 1);
  const stored = one.db.prepare<[], Buffer>("SELECT digest FROM he_digests").pluck().get()!;
  assert.deepEqual(new Uint8Array(stored), digest.digest);
});

test("a kill before the commit loses a digest that was not acknowledged, and the repeat is stored", (context) => {
  const { system, one, meter } = setUp(context);
  meter.vouch(digestOf(system));
  one.kill();
  meter.vouch(digestOf(system));
  assert.equal(meter.acks()[0]!.digests![0]!.code, CIPHERTEXT_CODES.stored);
});

test("closes a window of long ago, answers none that lies ahead, and knows no other meter's digest", (context) => {
  const { system, one, meter } = setUp(context);
  meter.vouch(digestOf(system, { firstSlot: system.slot - 5 }));
  assert.deepEqual(meter.acks(), []);
  const old = digestOf(system, { firstSlot: system.slot - SETTINGS.windowSlots - 96 });
  meter.vouch(old);
  assert.equal(meter.acks()[0]!.digests![0]!.code, CIPHERTEXT_CODES.closed);
  new TestMeter("m-1", one, system.rootKey("m-2", 1)).vouch(digestOf(system));
  new TestMeter("m-9", one, system.rootKey("m-2", 1)).vouch(digestOf(system));
  assert.deepEqual(one.codes(), ["future", "closed", "bad-seal", "unknown-meter"]);
});

test("a meter cannot fill the store with digests", (context) => {
  const { system, one, meter } = setUp(context);
  for (let i = 0; i < 1_100; i++)
    meter.vouch(
      digestOf(system, {
        firstSlot: system.slot - 1 - (i % 1000),
        slots: 1,
        series: `s${i}`,
        presence: Uint8Array.of(1),
      }),
    );
  const acks = meter.acks();
  assert.equal(acks.flatMap(({ digests = [] }) => digests).length, 1_024);
  assert.ok(acks.every(({ digests = [] }) => digests.length <= 200));
  assert.equal(one.codes().filter((code) => code === "digests-full").length, 76);
});

test("a database from a backup numbers its acks above those that were sent since", (context) => {
  const { one } = setUp(context);
  const table = new MeterTable(one.db);
  const time = 1_800_000_000;
  const first = table.nextOwnBoot(time);
  assert.equal(first, time);
  // Twice within a second, and with a clock that goes back, it still rises.
  assert.deepEqual([table.nextOwnBoot(time + 0.5), table.nextOwnBoot(time - 900)], [time + 1, time + 2]);
  one.db.prepare("UPDATE own_boot SET boot = ?").run(first);
  assert.ok(table.nextOwnBoot(time + 60) > time + 2);
});
