/**
 * The policy's network: a score per choice from its features, by one hidden layer of tanh; the choice is drawn by softmax.
 * Trained in tfjs (`train.ts`), run here in a few microseconds and without loading it.
 */
import { SeededRandom } from "../random.ts";
import { FEATURES } from "./indicators.ts";

export const HIDDEN = 24;

/** Row-major: `hidden` is features x HIDDEN, `output` HIDDEN x 1. An output bias would not change a softmax. */
export interface Weights {
  readonly hidden: Float32Array;
  readonly bias: Float32Array;
  readonly output: Float32Array;
}

/** Untrained: by seed, spread as Glorot and Bengio do. */
export function untrained(seed: number, columns: number = FEATURES.length): Weights {
  const random = new SeededRandom(seed);
  const spread = (rows: number, columns: number): Float32Array => {
    const most = Math.sqrt(6 / (rows + columns));
    return Float32Array.from({ length: rows * columns }, () => random.uniform(-most, most));
  };
  return { hidden: spread(columns, HIDDEN), bias: new Float32Array(HIDDEN), output: spread(HIDDEN, 1) };
}

/** What the classical indicator does, in the same form: always the exchange of the best estimate, and never stops. */
export function bestEstimate(): Weights {
  const hidden = new Float32Array(FEATURES.length * HIDDEN);
  hidden[FEATURES.indexOf("behindAll") * HIDDEN] = 1;
  hidden[FEATURES.indexOf("stop") * HIDDEN] = 10;
  return { hidden, bias: new Float32Array(HIDDEN), output: new Float32Array(HIDDEN).fill(-1, 0, 1) };
}

/** A score per row of features. */
export function scoresOf({ hidden, bias, output }: Weights, features: Float64Array): Float64Array {
  const columns = hidden.length / HIDDEN;
  const scores = new Float64Array(features.length / columns);
  const inner = new Float64Array(HIDDEN);
  for (let row = 0; row < scores.length; row++) {
    inner.set(bias);
    for (let column = 0; column < columns; column++) {
      const value = features[row * columns + column]!;
      if (value === 0) continue;
      for (let unit = 0; unit < HIDDEN; unit++) inner[unit]! += value * hidden[column * HIDDEN + unit]!;
    }
    let score = 0;
    for (let unit = 0; unit < HIDDEN; unit++) score += Math.tanh(inner[unit]!) * output[unit]!;
    scores[row] = score;
  }
  return scores;
}

/** The best choice, or without `random` none but that; with it one drawn by softmax. */
export function choose(scores: Float64Array, random: SeededRandom | undefined): number {
  const most = scores.reduce((a, b) => Math.max(a, b));
  if (random === undefined) return scores.indexOf(most);
  const odds = scores.map((score) => Math.exp(score - most));
  let left = random.uniform() * odds.reduce((sum, one) => sum + one);
  for (const [i, one] of odds.entries()) {
    left -= one;
    if (left < 0) return i;
  }
  return scores.length - 1;
}
