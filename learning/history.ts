/** A series as a table of local days by clock positions, and what the days before a day say about it. */
import { type CalendarOptions, type LocalDay, localDays, positionsPerDay } from "./calendar.ts";
import type { LoadSeries } from "./series.ts";

/** Values of days by position; NaN is unknown. Row `d` belongs to `days[d]`. */
export interface DayTable {
  readonly days: readonly LocalDay[];
  readonly positions: number;
  readonly values: Float64Array;
}

/**
 * Spreads values per slot over days and positions. A position that a day has twice gets the mean of both; one that the
 * clock skipped gets the straight line between its neighbours, so that the day can serve as history.
 */
export function tabulate(firstSlot: number, perSlot: Float64Array, days: readonly LocalDay[], positions: number): DayTable {
  const values = new Float64Array(days.length * positions);
  const counts = new Uint8Array(positions);
  for (const [d, day] of days.entries()) {
    const row = values.subarray(d * positions, (d + 1) * positions);
    counts.fill(0);
    for (const [i, position] of day.positions.entries()) {
      row[position]! += perSlot[day.firstSlot + i - firstSlot] ?? Number.NaN;
      counts[position]! += 1;
    }
    for (let p = 0; p < positions; p += 1) row[p]! /= counts[p] === 0 ? Number.NaN : counts[p]!;
    if (day.positions.length < positions) bridge(row, counts);
  }
  return { days, positions, values };
}

function bridge(row: Float64Array, counts: Uint8Array): void {
  for (let p = 1; p < row.length; p += 1) {
    if (counts[p] !== 0) continue;
    let end = p;
    while (end < row.length && counts[end] === 0) end += 1;
    const [before, after] = [row[p - 1] ?? Number.NaN, row[end] ?? row[p - 1] ?? Number.NaN];
    const steps = end - p + 1;
    for (let k = p; k < end; k += 1) row[k] = before + ((after - before) * (k - p + 1)) / steps;
    p = end;
  }
}

/** The table of a load series over all days it touches. */
export function loadTable(series: LoadSeries, options: CalendarOptions): DayTable {
  const { firstSlot, energyWh } = series;
  const days = localDays(firstSlot, firstSlot + energyWh.length, options);
  return tabulate(firstSlot, energyWh, days, positionsPerDay(options.slotSeconds));
}

/** Writes per position the mean over some days before `day` (as 1 for the day before); unknown values are left out. */
export function meanOfDays(table: DayTable, day: number, back: readonly number[], out: Float64Array): Float64Array {
  const { positions, values } = table;
  for (let p = 0; p < positions; p += 1) {
    let sum = 0;
    let count = 0;
    for (const k of back) {
      const value = k > day ? Number.NaN : values[(day - k) * positions + p]!;
      if (Number.isNaN(value)) continue;
      sum += value;
      count += 1;
    }
    out[p] = count === 0 ? Number.NaN : sum / count;
  }
  return out;
}

/** Per position the known values of the `span` days before `day`, sorted, handed to `take`. */
export function sortedOfDays(
  table: DayTable,
  day: number,
  span: number,
  take: (position: number, sorted: Float64Array) => void,
): void {
  const { positions, values } = table;
  const buffer = new Float64Array(span);
  for (let p = 0; p < positions; p += 1) {
    let count = 0;
    for (let k = 1; k <= Math.min(span, day); k += 1) {
      const value = values[(day - k) * positions + p]!;
      if (!Number.isNaN(value)) buffer[count++] = value;
    }
    take(p, buffer.subarray(0, count).sort());
  }
}

/** The quantile of sorted values, with straight lines between them; NaN without any. */
export function quantileOf(sorted: Float64Array, quantile: number): number {
  const at = quantile * (sorted.length - 1);
  const low = Math.floor(at);
  const first = sorted[low] ?? Number.NaN;
  return first + (at - low) * ((sorted[low + 1] ?? first) - first);
}
