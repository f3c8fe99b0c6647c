/**
 * What anybody can forecast without learning. A model is worth something by what it adds to the best of these, so they
 * are always shown beside it. Day-ahead: made when the day before is over; nothing of the day itself is known.
 */
import { type DayTable, meanOfDays, quantileOf, sortedOfDays } from "./history.ts";

export const BASELINES = ["yesterday", "last-week", "mean-14", "median-14", "blend"] as const;
export type BaselineName = (typeof BASELINES)[number];

/** Days back, for each part of the baselines. */
export const BACK = {
  yesterday: [1],
  lastWeek: [7],
  mean7: range(1, 7),
  mean14: range(1, 14),
  mean28: range(1, 28),
  weekday4: [7, 14, 21, 28],
} as const satisfies Record<string, readonly number[]>;

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

/** Every baseline of a day, per clock position, in the unit of the table. Row `day` itself is not read. */
export function baselines(table: DayTable, day: number): Record<BaselineName, Float64Array> {
  const mean = (back: readonly number[]): Float64Array =>
    meanOfDays(table, day, back, new Float64Array(table.positions));
  const median14 = new Float64Array(table.positions);
  sortedOfDays(table, day, 14, (p, sorted) => (median14[p] = quantileOf(sorted, 0.5)));
  const [mean7, weekday4] = [mean(BACK.mean7), mean(BACK.weekday4)];
  return {
    yesterday: mean(BACK.yesterday),
    "last-week": mean(BACK.lastWeek),
    "mean-14": mean(BACK.mean14),
    "median-14": median14,
    blend: mean7.map((value, p) => blendOf(value, weekday4[p]!)),
  };
}

/** Half the mean of the last 7 days, half that of the same weekday of 4 weeks; what is known, where one is not. */
export function blendOf(mean7: number, weekday4: number): number {
  if (Number.isNaN(weekday4)) return mean7;
  return Number.isNaN(mean7) ? weekday4 : (mean7 + weekday4) / 2;
}

/** The quantiles of the same position over the last 28 days: row per position, column per quantile. */
export function empiricalQuantiles(table: DayTable, day: number, quantiles: readonly number[]): Float64Array {
  const out = new Float64Array(table.positions * quantiles.length);
  sortedOfDays(table, day, 28, (p, sorted) => {
    for (const [q, quantile] of quantiles.entries()) out[p * quantiles.length + q] = quantileOf(sorted, quantile);
  });
  return out;
}
