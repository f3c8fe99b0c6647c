/**
 * Statistics at depth zero. `buckets`: every meter encrypts a one at its bucket and zeros elsewhere, the sum is the
 * histogram, and bucketed extremes and quantiles are read off it in clear: what leaks is the whole histogram. `profile`:
 * the sum per slot, and in clear what follows from it.
 */
import { z } from "zod";
import type { Circuit, JobShape } from "./circuit.ts";
import { sum } from "./linear.ts";

const bucketed = z.strictObject({
  /** Lower edges of the buckets, ascending; bucket i ends where the next begins, the last has no end. */
  edges: z
    .array(z.number())
    .min(1)
    .refine((edges) => edges.every((edge, at) => at === 0 || edge > edges[at - 1]!), "edges ascend"),
  quantiles: z.array(z.number().min(0).max(1)).max(64).default([0.5]),
});

/** The bucket of a value: the last edge not above it; values below all edges count to the first. */
export function bucketOf(value: number, edges: readonly number[]): number {
  return Math.max(
    0,
    edges.findLastIndex((edge) => edge <= value),
  );
}

/** What a meter encrypts for the `buckets` circuit. Throws RangeError for more buckets than slots. */
export function oneHot(value: number, edges: readonly number[], slots: number): Float64Array {
  if (Number.isNaN(value)) throw new RangeError("value: expected a number, got NaN");
  if (edges.length > slots) throw new RangeError(`edges: expected at most ${slots}, got ${edges.length}`);
  const hot = new Float64Array(slots);
  hot[bucketOf(value, edges)] = 1;
  return hot;
}

/** Nearest-rank quantile: the bucket that holds the ceil(q n)-th smallest value. */
function bucketAt(counts: readonly number[], quantile: number, meters: number): number {
  const rank = Math.max(1, Math.ceil(quantile * meters));
  let seen = 0;
  return counts.findIndex((count) => (seen += count) >= rank);
}

/** Histogram, minimum, maximum, median and quantiles, each to its bucket's lower edge. */
export const buckets: Circuit<z.infer<typeof bucketed>> = {
  name: "buckets",
  parameters: bucketed,
  needs: ({ edges }, slots) => {
    if (edges.length > slots) throw new RangeError(`edges: expected at most ${slots}, got ${edges.length}`);
    return sum.needs({}, slots);
  },
  opens: ({ edges }, slots) => ({ numbersPerSlot: edges.length / slots, linear: false }),
  zeroPadding: true,
  start: (engine, _, slots) => sum.start(engine, {}, slots),
  noise: (set, level, _, shape) => sum.noise(set, level, {}, { ...shape, maxValue: 1 }),
  open: ({ edges, quantiles }, shape, [output]) => {
    if (output === undefined) throw new RangeError("outputs: expected one");
    // Adding zero makes a zero of the -0 that rounding gives.
    const counts = edges.map((_, bucket) => Math.round(output[bucket]!) + 0);
    const counted = counts.reduce((all, one) => all + one, 0);
    // A meter can encrypt anything: what is no histogram of as many meters is not passed on as one.
    if (counted !== shape.meters || counts.some((count) => count < 0)) {
      throw new RangeError(`outputs: expected counts of ${shape.meters} meters, got ${counted} in all`);
    }
    const edge = (bucket: number): number => edges[bucket]!;
    return {
      histogram: counts,
      min: edge(counts.findIndex((count) => count > 0)),
      max: edge(counts.findLastIndex((count) => count > 0)),
      median: edge(bucketAt(counts, 0.5, shape.meters)),
      quantiles: quantiles.map((quantile) => edge(bucketAt(counts, quantile, shape.meters))),
    };
  },
  // Counts are whole: exact while a slot's error is below one half, else the planner refuses.
  errors: (_, _shape, [error]) => ({ histogram: error! < 0.5 ? 0 : Math.ceil(error!) }),
};

/** Sums per slot, and total, mean, peak slot, load factor and peak-to-average ratio that follow from them. */
export const profile: typeof sum = {
  ...sum,
  name: "profile",
  open: (_, shape, outputs) => {
    const { sum: loads } = sum.open({}, shape, outputs) as { sum: number[] };
    const all = loads.reduce((one, other) => one + other, 0);
    const average = all / loads.length;
    const peak = Math.max(...loads);
    const ratios = peak > 0 && average > 0 ? { loadFactor: average / peak, peakToAverage: peak / average } : {};
    return { sum: loads, total: all, mean: average, peak, peakSlot: loads.indexOf(peak), ...ratios };
  },
  errors: (_, shape: JobShape, [error]) => ({
    sum: error!,
    total: shape.slots * error!,
    mean: error!,
    peak: error!,
  }),
};
