import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../../protocol/units.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { shareAt } from "../../protocol/shamir/share-entries.ts";
import { deviceBed, SLOT_SECONDS, START } from "./testing/bench-device.ts";
import type { VirtualAggregator } from "./virtual-aggregator.ts";

const FIRST = START / SLOT_SECONDS;

/** What the aggregators hold together of a cell, or undefined. */
function readingOf(aggregators: readonly VirtualAggregator[], kind: number, slot: number): number | undefined {
  const cells = aggregators.map(({ cells: all }) => all.get(`${kind}/${slot}`));
  if (cells.some((cell) => cell === undefined)) return undefined;
  const points = cells.map((cell, i) => ({ x: i + 1, y: shareAt(cell!.entry, 0) }));
  return Number(interpolate(points, 2).value);
}

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
    pulses.map((_, i) => readingOf(aggregators, KINDS.import, FIRST + i)),
    pulses,
  );
});
