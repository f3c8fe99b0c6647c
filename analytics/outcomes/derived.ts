/**
 * What follows from an opened load without opening anything more: its peak, how even it is. Plain arithmetic on
 * released numbers.
 */

export interface LoadShape {
  readonly total: number;
  readonly mean: number;
  readonly peak: number;
  /** Position of the first largest value. */
  readonly peakSlot: number;
  /** Mean over peak, 0 to 1; undefined without a positive peak. */
  readonly loadFactor: number | undefined;
  /** Peak over mean; undefined without a positive mean. */
  readonly peakToAverage: number | undefined;
}

/** Throws RangeError for an empty load. */
export function loadShape(values: readonly number[]): LoadShape {
  if (values.length === 0) throw new RangeError("values: expected at least one");
  const total = values.reduce((sum, value) => sum + value, 0);
  const mean = total / values.length;
  let peakSlot = 0;
  for (const [slot, value] of values.entries()) if (value > values[peakSlot]!) peakSlot = slot;
  const peak = values[peakSlot]!;
  return {
    total,
    mean,
    peak,
    peakSlot,
    loadFactor: peak > 0 ? mean / peak : undefined,
    peakToAverage: mean > 0 ? peak / mean : undefined,
  };
}
