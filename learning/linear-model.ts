/**
 * The linear model: one weight per feature and a bias for each quantile, shared by all slots and homes. Untrained it is
 * the blend of the last 7 days and of 4 weeks, so training learns only what that baseline misses. Needs no tfjs.
 */
import { type Examples, trainable } from "./examples.ts";
import { FEATURES } from "./features.ts";
import { fitQuantile } from "./linear-fit.ts";
import { assertQuantiles, assertWeights, type ForecastModel, toEnergies, type TrainOptions } from "./model.ts";
import { permutation } from "./shuffle.ts";

/** Weights of one quantile: the features in their order, then the bias. */
export const LINEAR_WEIGHTS = FEATURES.length + 1;

/** Adam's usual constants. */
const ADAM = { first: 0.9, second: 0.999, least: 1e-7 };

export class LinearModel implements ForecastModel {
  readonly kind = "linear";
  readonly quantiles: readonly number[];
  readonly parameterCount: number;
  private readonly own: Float64Array;

  /** Throws RangeError on bad quantiles. */
  constructor(quantiles: readonly number[]) {
    assertQuantiles(quantiles);
    this.quantiles = quantiles;
    this.parameterCount = quantiles.length * LINEAR_WEIGHTS;
    this.own = new Float64Array(this.parameterCount);
    for (const q of quantiles.keys()) this.own[q * LINEAR_WEIGHTS] = 1;
  }

  weights(): Float32Array {
    return Float32Array.from(this.own);
  }

  setWeights(weights: Float32Array): void {
    assertWeights(weights, this.parameterCount);
    this.own.set(weights);
  }

  /** The best weights in closed form, with a ridge towards the baseline; from the weights it has, so refits are quick. */
  fit(examples: Examples, ridge: number): void {
    const rows = trainable(examples);
    const prior = new Float64Array(LINEAR_WEIGHTS);
    prior[0] = 1;
    for (const [q, quantile] of this.quantiles.entries()) {
      const weights = this.own.subarray(q * LINEAR_WEIGHTS, (q + 1) * LINEAR_WEIGHTS);
      fitQuantile(rows, quantile, ridge, prior, weights);
    }
  }

  train(examples: Examples, options: TrainOptions): Promise<void> {
    const rows = trainable(examples);
    const step = options.optimiser === "adam" ? adam(this.parameterCount) : undefined;
    const start = this.own.slice();
    const gradient = new Float64Array(this.parameterCount);
    for (let epoch = 0; epoch < options.epochs; epoch += 1) {
      const order = permutation(rows.count, options.seed + epoch);
      for (let from = 0; from < rows.count; from += options.batchSize) {
        options.signal?.throwIfAborted();
        this.gradient(rows, order.subarray(from, from + options.batchSize), gradient);
        for (const [i, value] of start.entries()) gradient[i]! += (options.proximal ?? 0) * (this.own[i]! - value);
        step?.(gradient);
        for (const [i, slope] of gradient.entries()) this.own[i]! -= options.learningRate * slope;
      }
    }
    return Promise.resolve();
  }

  predict(examples: Examples): Float32Array {
    const { count, scale } = examples;
    const raw = new Float32Array(count * this.quantiles.length);
    for (let i = 0; i < count; i += 1) {
      for (const q of this.quantiles.keys()) raw[i * this.quantiles.length + q] = this.output(examples, i, q);
    }
    return toEnergies(raw, scale, this.quantiles.length);
  }

  dispose(): void {
    // Nothing is held outside of the garbage collector's reach.
  }

  private output({ features }: Examples, row: number, q: number): number {
    const width = FEATURES.length;
    const weights = this.own.subarray(q * LINEAR_WEIGHTS, (q + 1) * LINEAR_WEIGHTS);
    let sum = weights[width]!;
    for (let f = 0; f < width; f += 1) sum += weights[f]! * features[row * width + f]!;
    return sum;
  }

  /** Of the mean pinball loss over rows and quantiles. */
  private gradient(rows: Examples, batch: Uint32Array, out: Float64Array): void {
    const width = FEATURES.length;
    out.fill(0);
    const share = 1 / (batch.length * this.quantiles.length);
    for (const i of batch) {
      for (const [q, quantile] of this.quantiles.entries()) {
        const error = rows.target[i]! - this.output(rows, i, q);
        const slope = (error > 0 ? -quantile : 1 - quantile) * share;
        const at = q * LINEAR_WEIGHTS;
        for (let f = 0; f < width; f += 1) out[at + f]! += slope * rows.features[i * width + f]!;
        out[at + width]! += slope;
      }
    }
  }
}

/** Turns gradients into Adam's steps, in place (Kingma and Ba 2015). */
function adam(count: number): (gradient: Float64Array) => void {
  const first = new Float64Array(count);
  const second = new Float64Array(count);
  let steps = 0;
  return (gradient) => {
    steps += 1;
    for (const [i, slope] of gradient.entries()) {
      first[i] = ADAM.first * first[i]! + (1 - ADAM.first) * slope;
      second[i] = ADAM.second * second[i]! + (1 - ADAM.second) * slope * slope;
      const mean = first[i]! / (1 - ADAM.first ** steps);
      gradient[i] = mean / (Math.sqrt(second[i]! / (1 - ADAM.second ** steps)) + ADAM.least);
    }
  };
}
