/** A meter whose readings are shared by bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readingShares } from "../../protocol/range/check.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { shareAt } from "../../protocol/shamir/share-entries.ts";
import { KINDS } from "../../protocol/units.ts";
import { cellKey } from "./pending-runs.ts";
import { Rig } from "./testing/bench-rig.ts";

function connectedRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.agent.onConnect();
  rig.answerHello();
  return rig;
}

test("a reading that its bits do not hold is a gap with a reason, and its neighbours are shared", () => {
  const rig = connectedRig({ bits: { import: 10, catchup: 4 } });
  rig.agent.addReadings(KINDS.import, 100, [5, 1_023, 1_024, 7]);
  assert.deepEqual(rig.gaps, [{ kind: KINDS.import, from: 102, to: 103, reason: "too-many-bits" }]);
  rig.agent.addReadings(KINDS.export, 100, [5_000]);
  rig.commit();
  assert.deepEqual(rig.agent.gaps(), rig.gaps);
  rig.deliver();
  assert.equal(rig.agent.unsettledSlots, 0);
  const { cells, received } = rig.aggregators[0]!;
  assert.deepEqual(
    [...cells.keys()].sort(),
    [100, 101, 103]
      .map((slot) => cellKey(KINDS.import, slot))
      .concat(cellKey(KINDS.export, 100))
      .sort(),
  );
  assert.deepEqual([...new Set(received.map(({ kind, bits }) => `${kind} ${bits}`))].sort(), ["1 10", "2 0"]);
  assert.equal(rig.agent.nextSlot(KINDS.import), 104);
});

test("a register's sample that bits do not hold is a gap, and the register goes on from it", () => {
  const rig = connectedRig({ bits: { import: 10 } });
  for (const [slot, importWh] of [
    [100, 0],
    [101, 500],
    [102, 2_000],
    [103, 2_100],
  ] as const) {
    rig.agent.addSample({ time: 900 * slot, importWh });
    rig.commit();
  }
  assert.deepEqual(rig.gaps, [{ kind: KINDS.import, from: 101, to: 102, reason: "too-many-bits" }]);
  rig.deliver();
  const slots = [...rig.aggregators[0]!.cells.keys()].map((key) => key - cellKey(KINDS.import, 0)).sort();
  assert.deepEqual(slots, [100, 102]);
});

test("any t aggregators rebuild the bits of what was sent, and a resend is the same", () => {
  const rig = connectedRig({ bits: { import: 10 } });
  rig.agent.addReadings(KINDS.import, 100, [777]);
  rig.commit();
  rig.now += 2_001;
  rig.agent.tick();
  rig.deliver();
  const entries = rig.aggregators.map(({ received }) => received.map((one) => readingShares(one.entries, one.bits)));
  for (const [first, second] of entries) assert.deepEqual(first, second);
  for (const xs of [
    [1, 2],
    [1, 3],
    [2, 3],
  ]) {
    const points = xs.map((x) => ({ x, y: shareAt(entries[x - 1]![0]!, 0) }));
    assert.equal(interpolate(points, 2).value, 777n);
  }
});
