/** What aggregators hold together, in clear: for tests only. */
import assert from "node:assert/strict";
import { interpolate } from "../../../protocol/shamir/interpolate.ts";
import { shareAt } from "../../../protocol/shamir/share-entries.ts";
import type { VirtualAggregator } from "../virtual-aggregator.ts";

export interface HeldReading {
  readonly kind: number;
  readonly slot: number;
  readonly energyWh: number;
}

/** Readings that all aggregators have, by slot; those that some lack are left out. Fails where they disagree. */
export function heldTogether(aggregators: readonly VirtualAggregator[], threshold: number): HeldReading[] {
  const [first] = aggregators;
  const readings: HeldReading[] = [];
  for (const [key, { kind, slot }] of first!.cells) {
    const cells = aggregators.map(({ cells: all }) => all.get(key));
    if (cells.some((cell) => cell === undefined)) continue;
    const points = cells.map((cell, i) => ({ x: i + 1, y: shareAt(cell!.entry, 0) }));
    const { value, disagreeing } = interpolate(points, threshold);
    assert.equal(disagreeing, 0, key);
    readings.push({ kind, slot, energyWh: Number(value) });
  }
  return readings.sort((a, b) => a.slot - b.slot);
}
