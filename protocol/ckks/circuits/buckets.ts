/**
 * Statistics at depth zero. `buckets`: for every slot a meter encrypts a one at its bucket and zeros elsewhere, the sums
 * are a histogram for each slot, and bucketed extremes and quantiles are read off it in clear: what leaks is the whole
 * histogram. `profile`: the sum per slot, and in clear what follows from it.
 */
import { z } from "zod";
import { type Circuit, type JobShape, metersIn } from "./circuit.ts";
import { sum } from "./linear.ts";

const bucketed = z.strictObject({
  /** Lower edges of the buckets, ascending; bucket i ends where the next begins, the last has no end. */
  edges: z
    .array(z.number())
    .min(1)
    .refine((edges) => edges.every((edge, at) => at === 0 || edge > edges[at - 1]!), "edges ascend"),
  quantiles: z.array(z.number().min(0).max(1)).max(64).default([]),
});

/** The bucket of a value: the last edge not above it; values below all edges count to the first. */
export function bucketOf(value: number, edges: readonly number[]): number {
  return Math.max(
    0,
    edges.findLastIndex((edge) => edge <= value),
  );
}

/** What a meter encrypts for the `buckets` circuit: slot after slot, each with all its buckets. */
export function oneHot(values: readonly number[], edges: readonly number[]): Float64Array {
  const hot = new Float64Array(values.length * edges.length);
  for (const [slot, value] of values.entries()) {
    if (Number.isNaN(value)) throw new RangeError(`values[${slot}]: expected a number, got NaN`);
    hot[slot * edges.length + bucketOf(value, edges)] = 1;
  }
  return hot;
}

/** The histogram of one slot. A meter without a value there counts nowhere. */
function countsAt(output: ArrayLike<number>, slot: number, size: number, meters: number): number[] {
  // Adding zero makes a zero of the -0 that rounding gives.
  const counts = Array.from({ length: size }, (_, bucket) => Math.round(output[slot * size + bucket]!) + 0);
  const counted = counts.reduce((all, one) => all + one, 0);
  // A meter can encrypt anything: what is no histogram of so many meters is not passed on as one.
  if (!(counted <= meters) || counts.some((count) => count < 0)) {
    throw new RangeError(`outputs: slot ${slot}: expected counts of ${meters} meters, got ${counted} in all`);
  }
  return counts;
}

/** Nearest rank: the bucket of the ceil(q n)-th smallest of n values; the first where there are none. */
function bucketAt(counts: readonly number[], quantile: number): number {
  const counted = counts.reduce((all, one) => all + one, 0);
  const rank = Math.max(1, Math.ceil(quantile * counted));
  let seen = 0;
  return Math.max(
    0,
    counts.findIndex((count) => (seen += count) >= rank),
  );
}

/** Per slot: histogram, minimum, maximum, median and quantiles, each to its bucket's lower edge. */
export const buckets: Circuit<z.infer<typeof bucketed>> = {
  name: "buckets",
  step: 1,
  parameters: bucketed,
  needs: ({ edges }, slots) => {
    if (slots % edges.length !== 0) {
      throw new RangeError(
        `edges: expected as many as buckets for each slot, got ${edges.length} for ${slots} numbers`,
      );
    }
    return sum.needs({}, slots);
  },
  // Each number of the window is opened: one for each bucket of a slot.
  opens: () => ({ numbersPerSlot: 1, linear: false }),
  zeroPadding: true,
  start: (engine, _, slots) => sum.start(engine, {}, slots),
  noise: (set, level, _, shape) => sum.noise(set, level, {}, { ...shape, maxValue: 1 }),
  open: ({ edges, quantiles }, shape, [output]) => {
    const { slots } = shape;
    if (output === undefined || output.length < slots)
      throw new RangeError(`outputs: expected ${slots} numbers of one`);
    const size = edges.length;
    const counts = Array.from({ length: slots / size }, (_, slot) =>
      countsAt(output, slot, size, metersIn(shape, slot)),
    );
    const quantile = (q: number): number[] => counts.map((of) => edges[bucketAt(of, q)]!);
    return Object.fromEntries([
      ...edges.map((edge, bucket) => [`bucket-${edge}`, counts.map((of) => of[bucket]!)] as const),
      ["min", quantile(0)] as const,
      ["max", quantile(1)] as const,
      ["median", quantile(0.5)] as const,
      ...quantiles.map((q) => [`quantile-${q}`, quantile(q)] as const),
    ]);
  },
  // Counts are whole: exact while a slot's error is below one half, else the planner refuses.
  errors: ({ edges }, _shape, [error]) =>
    Object.fromEntries(edges.map((edge) => [`bucket-${edge}`, error! < 0.5 ? 0 : Math.ceil(error!)])),
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
