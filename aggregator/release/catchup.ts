/**
 * How many slots a catch-up output stands for. A catch-up value is the register difference across a gap: one cell at the
 * gap's last slot, with the energy of all of it. A short gap would give its slots away, so an output counts by the
 * missing slots that this aggregator itself sees up to its cells.
 */
export interface Gaps {
  /**
   * How many slots without a stored share end at `slot`; 0 when `slot` has one. `kind` is import or export. Bounded by
   * the aggregator's window.
   */
  missingUpTo(meter: number, kind: number, slot: number): number;
}

/** The missing slots that catch-up cells of one meter and kind (catchup 3, catchupExport 4) stand for; rising slots. */
export function coveredSlots(gaps: Gaps, meter: number, kind: number, slots: readonly number[]): number {
  let covered = 0;
  let last = -1;
  for (const slot of [...slots].sort((a, b) => a - b)) {
    // Two catch-ups in a row share what is missing: each slot counts once.
    covered += Math.min(gaps.missingUpTo(meter, kind - 2, slot), slot - last);
    last = slot;
  }
  return covered;
}
