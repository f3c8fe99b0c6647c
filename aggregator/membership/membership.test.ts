import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { encodeCbor } from "../../protocol/cbor.ts";
import { openCountersignature } from "../../protocol/membership.ts";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";
import type { CountersignMessage, Place } from "../../protocol/messages/enrolment.ts";
import type { ManifestMessage } from "../../protocol/messages/round.ts";
import { topicOf } from "../../protocol/topics.ts";
import { entriesOf, SETTINGS, temporaryFolder, TestAggregator, TestMeter, TestSystem } from "../testing/system.ts";

const KEY = new Uint8Array(32).fill(77);
const NEXT_KEY = new Uint8Array(32).fill(78);
const E = (share: number) => entriesOf([[share, share]]);

function setUp(context: TestContext) {
  const system = new TestSystem();
  system.addMeter("m-1", "f-1");
  const one = new TestAggregator(system, 1, temporaryFolder(context), SETTINGS);
  context.after(() => one.stop());
  const enrol = async (record: Uint8Array, rootKey?: Uint8Array) => {
    const message = { type: "enrol", record, ...(rootKey === undefined ? {} : { rootKey }) };
    const [answer] = await system.ask(one, message, "authority");
    return answer as CountersignMessage;
  };
  const held = async (meter: string) => {
    const { slot } = system;
    const open = { type: "open", round: "r", purpose: "billing", feeder: "f-1", meters: [meter], kinds: [1] };
    const [answer] = await system.ask(one, { ...open, segments: [[slot - 9, slot + 1]] } as never);
    return (answer as ManifestMessage).units[0]![0].some((byte) => byte !== 0);
  };
  return { system, one, enrol, held, slot: system.slot };
}

const from = (slot: number, feeder = "f-1"): Place[] => [{ feeder, from: slot, to: null }];

test("countersigns a new meter, takes its shares at once, and counts them once q aggregators have countersigned", async (context) => {
  const { system, one, enrol, held, slot } = setUp(context);
  const record = system.record("m-2", from(slot - 5));
  const answer = await enrol(record, KEY);
  assert.equal(openCountersignature(answer.countersignature!, record, system.directory), 1);
  const meter = new TestMeter("m-2", one, KEY);
  meter.put(1, slot - 2, E(1));
  assert.equal(meter.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
  assert.equal(await held("m-2"), false);
  const roll = (by: readonly number[]) =>
    one.aggregator.handle(topicOf("roll", {}), encodeCbor(system.certify(record, by)));
  roll([1]);
  assert.deepEqual(one.codes(), ["bad-signature"]);
  assert.equal(await held("m-2"), false);
  roll([1, 2]);
  assert.equal(await held("m-2"), true);
  one.kill();
  assert.equal(await held("m-2"), true);
  meter.put(1, slot - 1, E(2));
  assert.equal(meter.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
});

test("refuses a record that rewrites the past, with the reason, and answers nothing to a stranger's", async (context) => {
  const { system, one, enrol, slot } = setUp(context);
  const answer = await enrol(system.record("m-1", from(0, "f-2")));
  assert.equal(answer.countersignature, undefined);
  assert.match(answer.refusal!, /rewrites the past/);
  const moved = await enrol(system.record("m-1", [{ feeder: "f-1", from: 0, to: slot + 1 }, ...from(slot + 1, "f-2")]));
  assert.notEqual(moved.countersignature, undefined);
  one.refused.length = 0;
  const forged = Uint8Array.from(system.record("m-9", from(slot)));
  forged[forged.length - 1]! ^= 1;
  assert.deepEqual(await system.ask(one, { type: "enrol", record: forged } as never, "authority"), []);
  assert.deepEqual(
    await system.ask(one, { type: "enrol", record: system.record("m-9", from(slot)) } as never, "utility"),
    [],
  );
  assert.ok(
    one.codes().every((code) => ["bad-signature", "malformed"].includes(code)),
    one.codes().join(),
  );
});

test("a revoked meter's later slots are closed, its earlier ones still taken", async (context) => {
  const { system, one, enrol, slot } = setUp(context);
  const revoked = await enrol(system.record("m-1", [{ feeder: "f-1", from: 0, to: slot }]));
  assert.notEqual(revoked.countersignature, undefined);
  const meter = new TestMeter("m-1", one, system.rootKey("m-1", 1));
  meter.put(
    1,
    slot - 1,
    entriesOf([
      [1, 1],
      [2, 2],
    ]),
  );
  assert.deepEqual(
    meter.acks()[0]!.entries.map(({ code }) => code),
    [ACK_CODES.stored, ACK_CODES.closed],
  );
  assert.deepEqual(one.codes(), ["revoked"]);
});

test("readings from before a meter was enrolled are closed, and counted apart from those of a revoked one", async (context) => {
  const { system, one, enrol, slot } = setUp(context);
  const added = await enrol(system.record("m-9", from(slot + 1)), KEY);
  assert.notEqual(added.countersignature, undefined);
  const meter = new TestMeter("m-9", one, KEY);
  meter.put(1, slot, E(1));
  assert.deepEqual(
    meter.acks()[0]!.entries.map(({ code }) => code),
    [ACK_CODES.closed],
  );
  assert.deepEqual(one.codes(), ["not-yet-enrolled"]);
});

test("a new key is tried first; the one before serves until the new one was used, and then no longer", async (context) => {
  const { system, one, enrol, slot } = setUp(context);
  const old = new TestMeter("m-1", one, system.rootKey("m-1", 1));
  const renewed = new TestMeter("m-1", one, NEXT_KEY);
  await enrol(system.record("m-1", from(0), 2), NEXT_KEY);
  old.put(1, slot - 3, E(1));
  assert.equal(old.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
  one.kill();
  old.put(1, slot - 2, E(1));
  assert.equal(old.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
  // The hello says nothing of the key: the answer comes under both, and the meter opens the one it can.
  renewed.hello("44".repeat(16));
  one.aggregator.commit();
  assert.equal(one.take().length, 2);
  renewed.put(1, slot - 1, E(1));
  assert.equal(renewed.acks()[0]!.entries[0]!.code, ACK_CODES.stored);
  for (const restart of [false, true]) {
    if (restart) one.kill();
    one.refused.length = 0;
    old.put(1, slot, E(1));
    assert.deepEqual(one.codes(), ["bad-seal"]);
    renewed.put(1, slot, E(1));
    assert.equal(renewed.acks().length, 1);
  }
});
