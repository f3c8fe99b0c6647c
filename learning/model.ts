/** What a forecasting model is to whoever trains, ships or asks it, whatever it is inside. */
import type { Examples } from "./examples.ts";

export const MODEL_KINDS = ["linear", "dense", "gru"] as const;
export type ModelKind = (typeof MODEL_KINDS)[number];

/** The point forecast alone: the median, which is what the mean absolute error rewards. */
export const MEDIAN: readonly number[] = [0.5];
export const DECILES: readonly number[] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/** One pass of training from the weights that a model has. */
export interface TrainOptions {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  /** Of the order of the rows. */
  readonly seed: number;
  /** FedProx: half of this times the squared distance to the weights at the start is added to the loss. */
  readonly proximal?: number | undefined;
  /** `sgd` is the default: its updates add up over homes. */
  readonly optimiser?: "sgd" | "adam" | undefined;
  /** Asked between batches. */
  readonly signal?: AbortSignal | undefined;
}

export interface ForecastModel {
  readonly kind: ModelKind;
  /** Ascending, among them 0.5. */
  readonly quantiles: readonly number[];
  readonly parameterCount: number;
  /** All weights in a fixed order, a copy. */
  weights(): Float32Array;
  /** Throws RangeError unless there are `parameterCount` finite ones. */
  setWeights(weights: Float32Array): void;
  /** Minimises the mean pinball loss over the quantiles, in units of the scale; the same seed gives the same weights. */
  train(examples: Examples, options: TrainOptions): Promise<void>;
  /** A row per example, a column per quantile, ascending, not negative, in Wh. */
  predict(examples: Examples): Float32Array;
  dispose(): void;
}

/** Throws RangeError unless quantiles are between 0 and 1, ascending, and have the median among them. */
export function assertQuantiles(quantiles: readonly number[]): void {
  const ascending = quantiles.every((q, i) => q > (quantiles[i - 1] ?? 0) && q < 1);
  if (!ascending || !quantiles.includes(0.5)) {
    throw new RangeError(`quantiles: expected ascending ones between 0 and 1 with 0.5, got ${quantiles.join(", ")}`);
  }
}

/** Throws RangeError unless there are `count` finite weights. */
export function assertWeights(weights: Float32Array, count: number): void {
  if (weights.length !== count) throw new RangeError(`weights: expected ${count}, got ${weights.length}`);
  const bad = weights.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new RangeError(`weights: expected finite numbers, got ${weights[bad]} at ${bad}`);
}

/** Turns raw outputs into energies: sorted, so that quantiles do not cross; never negative; in Wh. In place. */
export function toEnergies(raw: Float32Array, scale: Float32Array, quantiles: number): Float32Array {
  for (const [i, one] of scale.entries()) {
    const row = raw.subarray(i * quantiles, (i + 1) * quantiles);
    if (quantiles > 1) row.sort();
    for (let q = 0; q < quantiles; q += 1) row[q] = Math.max(0, row[q]! * one);
  }
  return raw;
}
