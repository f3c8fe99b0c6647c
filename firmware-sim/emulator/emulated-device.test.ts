import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { deviceBed, SLOT_SECONDS, START } from "./testing/bench-device.ts";
import { heldTogether } from "./testing/held.ts";

const FIRST = START / SLOT_SECONDS;

test("the committed binary counts pulses into slots, and all aggregators together hold them exactly", () => {
  const { device, host, aggregators } = deviceBed();
  host.linkUp();
  device.run(62);
  const pulses = [500, 0, 1, 9_000];
  for (const count of pulses) {
    device.planPulses(count, 20, SLOT_SECONDS - 40);
    device.run(SLOT_SECONDS);
  }
  device.run(10);
  assert.deepEqual(
    aggregators.flatMap(({ faults }) => faults),
    [],
  );
  assert.deepEqual(
    heldTogether(aggregators, 2),
    pulses.map((energyWh, i) => ({ kind: KINDS.import, slot: FIRST + i, energyWh })),
  );
});
