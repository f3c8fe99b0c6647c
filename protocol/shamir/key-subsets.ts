/**
 * Who shares which key: one key for each subset of n - t + 1 of n aggregators. Any t - 1 of them lack exactly one key,
 * that of all the others, and any t have every key together. What is made of the keys: prss.ts.
 */
import { assertSharing } from "./share-entries.ts";

/** Bytes of a subset's key. */
export const SUBSET_KEY_BYTES = 32;

/** The subsets, each with its members in rising order, in lexical order. Throws RangeError unless 1 <= t <= n <= 7. */
export function keySubsets(n: number, t: number): number[][] {
  assertSharing(n, t);
  const choose = (from: number, size: number): number[][] => {
    if (size === 0) return [[]];
    const firsts = Array.from({ length: Math.max(0, n - from - size + 2) }, (_, i) => from + i);
    return firsts.flatMap((first) => choose(first + 1, size - 1).map((rest) => [first, ...rest]));
  };
  return choose(1, n - t + 1);
}
