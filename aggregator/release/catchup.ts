/**
 * How many slots a catch-up output stands for. A catch-up value is the register difference across a gap: one cell at the
 * gap's last slot, with the energy of all of it. A short gap would give its slots away, so an output counts by the
 * missing slots that this aggregator itself sees up to its cells.
 */
export interface Gaps {
  /**
   * How many slots without a stored share end at `slot`, back to the share or catch-up before them; 0 when `slot` has
   * one, or when nothing was ever stored before. `kind` is import or export.
   */
  missingUpTo(meter: number, kind: number, slot: number): number;
}

/** The missing slots that catch-up cells of one meter and kind (catchup 3, catchupExport 4) stand for. */
export function coveredSlots(gaps: Gaps, meter: number, kind: number, slots: readonly number[]): number {
  return slots.reduce((sum, slot) => sum + gaps.missingUpTo(meter, kind - 2, slot), 0);
}
