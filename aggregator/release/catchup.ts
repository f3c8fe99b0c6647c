/**
 * How many slots a catch-up output stands for. A catch-up value is the register difference across a gap: one cell, but
 * the energy of all slots that are missing before it. A gap of one slot would give that slot away, so an output counts
 * by the missing slots that this aggregator itself sees next to its cells, each once.
 */
import type { Period } from "./release-store.ts";

export interface Gaps {
  /**
   * The run of slots without a stored share that contains `slot` or, where `slot` has one, ends right before it;
   * undefined when neither slot is missing. `kind` is import or export. Bounded by the aggregator's window.
   */
  gapAt(meter: number, kind: number, slot: number): Period | undefined;
}

/** The missing slots that catch-up cells of one meter and kind (catchup 3, catchupExport 4) stand for. */
export function coveredSlots(gaps: Gaps, meter: number, kind: number, slots: readonly number[]): number {
  const missing = new Map<number, Period>();
  for (const slot of slots) {
    const gap = gaps.gapAt(meter, kind - 2, slot);
    if (gap !== undefined) missing.set(gap.from, gap);
  }
  return [...missing.values()].reduce((sum, { from, to }) => sum + to - from, 0);
}
