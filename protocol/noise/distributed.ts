/**
 * Noise that nobody adds alone: each client adds a part, and the sum over those whose updates arrive carries at least
 * the target. Any client may drop out and `colluders` of those that stay may keep their noise to themselves (or tell it to the
 * one who sees the sum), so the target is divided among the fewest honest clients a set can have. A set below
 * `minimumClients` must never be opened; whoever opens sums keeps that rule, not this file.
 */
import { assertPositive, type Rational, toNumber } from "./rational.ts";

export interface NoiseSplit {
  /** Variance that the sum must have in the eyes of the colluders, per coordinate. */
  readonly target: Rational;
  /** Fewest clients of a set that is opened: m_min. */
  readonly minimumClients: number;
  /** Clients of a set that may work with whoever sees the sum; fewer than `minimumClients`. */
  readonly colluders: number;
}

export interface SumNoise {
  /** Variance of the noise of the opened sum. */
  readonly variance: Rational;
  /** What is left of it for someone who knows the colluders' parts; never below the target. */
  readonly hidden: Rational;
  /** Added noise: by how much the opened sum's variance exceeds the target, as a part of it; 0 is none. */
  readonly excess: number;
}

/** The variance of each client's part: target / (minimumClients - colluders). Throws RangeError. */
export function clientVariance({ target, minimumClients, colluders }: NoiseSplit): Rational {
  assertPositive("target", target);
  assertCount("minimumClients", minimumClients, 1);
  assertCount("colluders", colluders, 0);
  if (colluders >= minimumClients) {
    throw new RangeError(`colluders: expected fewer than the ${minimumClients} clients of a set, got ${colluders}`);
  }
  return { numerator: target.numerator, denominator: target.denominator * BigInt(minimumClients - colluders) };
}

/**
 * What the sum over `survivors` clients carries. Drop-outs cost nothing: the more stay, the more noise the sum has, by
 * survivors / (minimumClients - colluders) against the target. Throws RangeError for fewer than `minimumClients`.
 */
export function sumNoise(split: NoiseSplit, survivors: number): SumNoise {
  const each = clientVariance(split);
  assertCount("survivors", survivors, split.minimumClients);
  const times = (count: number): Rational => ({
    numerator: each.numerator * BigInt(count),
    denominator: each.denominator,
  });
  const excess = survivors / (split.minimumClients - split.colluders) - 1;
  return { variance: times(survivors), hidden: times(survivors - split.colluders), excess };
}

/**
 * Bits that one coordinate of a sum takes so that it wraps around with probability at most 2 exp(-deviations^2 / 2):
 * clients * largest, and that many standard deviations of noise, on both sides of zero. Skellam tails are a little
 * heavier than a Gaussian's: by Bennett's inequality the bound holds with sqrt(2 v t) + t / 3 for t = deviations^2 / 2.
 */
export function sumBits(clients: number, largest: number, variance: Rational, deviations: number): number {
  const t = (deviations * deviations) / 2;
  const noise = Math.sqrt(2 * toNumber(variance) * t) + t / 3;
  return Math.ceil(Math.log2(2 * (clients * largest + noise) + 1));
}

function assertCount(name: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return;
  throw new RangeError(`${name}: expected an integer from ${least} on, got ${value}`);
}
