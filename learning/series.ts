/** Loads as series: energy per slot of a household, or of a feeder as the sum over its households. */

/** Watt-hours per slot from `firstSlot`; NaN is a gap. */
export interface LoadSeries {
  readonly id: string;
  readonly firstSlot: number;
  readonly energyWh: Float64Array;
}

/** Degrees Celsius per slot from `firstSlot`, as forecast the day before; NaN where unknown. */
export interface TemperatureSeries {
  readonly firstSlot: number;
  readonly temperatureC: Float64Array;
}

/**
 * The sum over households, from the earliest slot of any to the latest. A slot that one of them lacks is a gap of the
 * sum: a total without somebody is not the feeder's load. Throws RangeError without any series.
 */
export function sumSeries(id: string, series: readonly LoadSeries[]): LoadSeries {
  if (series.length === 0) throw new RangeError(`series: expected at least one to sum up as ${id}, got none`);
  const firstSlot = series.reduce((least, one) => Math.min(least, one.firstSlot), Number.POSITIVE_INFINITY);
  const end = series.reduce((most, one) => Math.max(most, one.firstSlot + one.energyWh.length), 0);
  const energyWh = new Float64Array(end - firstSlot);
  for (const one of series) {
    const offset = one.firstSlot - firstSlot;
    // What lies outside of a series is as unknown as its gaps.
    energyWh.fill(Number.NaN, 0, offset).fill(Number.NaN, offset + one.energyWh.length);
    for (const [i, value] of one.energyWh.entries()) energyWh[offset + i]! += value;
  }
  return { id, firstSlot, energyWh };
}
