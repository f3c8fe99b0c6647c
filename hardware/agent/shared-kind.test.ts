import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { sharedKind } from "./shared-kind.ts";
import { Rig } from "./testing/bench-rig.ts";

test("a customer's meter shares what it measures, and never anything as a head", () => {
  for (const kind of [KINDS.import, KINDS.export, KINDS.catchup, KINDS.catchupExport]) {
    assert.equal(sharedKind(kind, "customer"), kind);
    assert.equal(sharedKind(kind, undefined), kind);
  }
  for (const kind of [KINDS.head, KINDS.headExport]) {
    assert.throws(() => sharedKind(kind, "customer"), /^RangeError: kind: head(Export)? is for the head of a feeder$/);
    const { agent } = new Rig();
    assert.throws(() => agent.addReadings(kind, 100, [1]), /is for the head of a feeder/);
  }
});

test("a head shares import and export under its own kinds, and has no catch-up", () => {
  assert.equal(sharedKind(KINDS.import, "head"), KINDS.head);
  assert.equal(sharedKind(KINDS.export, "head"), KINDS.headExport);
  assert.throws(() => sharedKind(KINDS.catchup, "head"), /the head of a feeder has no catchup/);
});

test("a head's register becomes shares of its kinds; what lies across a gap is left out", () => {
  const rig = new Rig({ role: "head" });
  rig.agent.onConnect();
  rig.answerHello();
  const sample = (slot: number, importWh: number): void =>
    rig.agent.addSample({ time: slot * 900, importWh, exportWh: 7 * slot });
  sample(100, 1_000);
  sample(101, 1_250);
  sample(104, 2_000);
  sample(105, 2_100);
  rig.commit();
  rig.deliver();
  const received = rig.aggregators[0]!.received.map(({ kind, firstSlot }) => `${kind} ${firstSlot}`).sort();
  assert.deepEqual(received, ["5 100", "5 104", "6 100", "6 104"]);
  assert.equal(rig.agent.nextSlot(KINDS.import), 105);
});
