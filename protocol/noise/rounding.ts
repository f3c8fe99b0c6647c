/**
 * Doubles to integers, up or down by chance so that the mean is kept exactly; and how much longer that makes a vector.
 * Sensitivity after rounding is that of the integers, so the bound below is what noise is calibrated to.
 */
import { bernoulliDouble } from "./bernoulli.ts";
import type { RandomBits } from "./bits.ts";

/**
 * One of the two integers around a double, with exactly the probabilities that give it as the mean. Taking the whole
 * part of a double and subtracting it is exact, and so is the coin. Throws RangeError for what is no safe number.
 */
export function roundByChance(value: number, bits: RandomBits): number {
  const size = Math.abs(value);
  if (!(size <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`value: expected a number within 2^53, got ${value}`);
  const whole = Math.floor(size);
  const rounded = whole + (bernoulliDouble(size - whole, bits) ? 1 : 0);
  return value < 0 && rounded !== 0 ? -rounded : rounded;
}

/**
 * Bound on the Euclidean norm of a rounded vector of `dimension` coordinates whose norm was at most `norm` (in units of
 * the grid): min(norm + sqrt(d), sqrt(norm^2 + d/4 + sqrt(2 ln(1/beta)) (norm + sqrt(d)/2))). One rounding exceeds the
 * second with probability at most beta. P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism
 * for Federated Learning with Secure Aggregation", 2021, proposition 22. With beta = 0 only the first, which always holds.
 */
export function roundedNorm(norm: number, dimension: number, beta: number): number {
  if (!(norm >= 0 && Number.isFinite(norm))) throw new RangeError(`norm: expected a number from 0 on, got ${norm}`);
  if (!(Number.isInteger(dimension) && dimension >= 1))
    throw new RangeError(`dimension: expected an integer from 1 on, got ${dimension}`);
  if (!(beta >= 0 && beta < 1)) throw new RangeError(`beta: expected a number from 0 to below 1, got ${beta}`);
  const always = norm + Math.sqrt(dimension);
  if (beta === 0) return always;
  const tail = Math.sqrt(-2 * Math.log(beta)) * (norm + Math.sqrt(dimension) / 2);
  return Math.min(always, Math.sqrt(norm * norm + dimension / 4 + tail));
}

const ATTEMPTS = 1_000;

/**
 * Rounds a vector until its norm is within `bound`, so that the sensitivity holds for certain, at a bias that is small
 * when most roundings pass (the same source, section 4). Throws RangeError when none of a thousand does: the
 * vector was longer than it was said to be.
 */
export function roundVector(values: ArrayLike<number>, bound: number, bits: RandomBits): number[] {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const rounded = Array.from(values, (value) => roundByChance(value, bits));
    const squares = rounded.reduce((sum, value) => sum + value * value, 0);
    if (squares <= bound * bound) return rounded;
  }
  throw new RangeError(`values: no rounding had a norm of at most ${bound}`);
}
