/** Rows whose target follows from the features by a known rule, with noise that follows from a seed. */
import { type Examples, FEATURES, permutation, SEQUENCE } from "../index.ts";

export interface Rule {
  /** From a row's features and noise (0 to 1, uniform) to its target. */
  readonly target: (features: Float32Array, noise: number) => number;
}

const GRID = 9_973;

/** Uniform numbers from 0 to 1. */
function uniform(count: number, seed: number): Float64Array {
  return Float64Array.from(permutation(Math.max(count, GRID), seed).subarray(0, count), (value, _) => value).map(
    (value) => (value + 0.5) / Math.max(count, GRID),
  );
}

export function madeUp(count: number, seed: number, { target }: Rule): Examples {
  const width = FEATURES.length;
  const features = Float32Array.from(uniform(count * width, seed), (value) => 2 * value - 1);
  const sequence = Float32Array.from(uniform(count * SEQUENCE.steps * SEQUENCE.channels, seed + 1), (v) => 2 * v - 1);
  const noise = uniform(count, seed + 2);
  const targets = Float32Array.from({ length: count }, (_, i) =>
    target(features.subarray(i * width, (i + 1) * width), noise[i]!),
  );
  return { count, features, sequence, target: targets, scale: new Float32Array(count).fill(100) };
}
