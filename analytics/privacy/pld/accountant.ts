/**
 * The tighter accountant for repeated rounds of one mechanism: privacy loss distributions in both directions, of which the
 * worse counts.
 */
import { assertDelta, assertRounds } from "../checks.ts";
import type { GaussianMechanism } from "../rdp/gaussian.ts";
import { composeLosses } from "./compose.ts";
import { type Direction, gaussianLosses } from "./gaussian.ts";
import { lossDelta, type LossDistribution, lossEpsilon, type Rounding } from "./loss-distribution.ts";

export interface PldOptions {
  /** Grid of losses; chosen from noise, rate and rounds if left out. */
  readonly step?: number;
  readonly rounding?: Rounding;
}

const DIRECTIONS: readonly Direction[] = ["remove", "add"];
/** Below, rounding of the transform would be a large part of the answer. */
const LEAST_DELTA = 1e-11;

/**
 * A step that is small against what one round's loss varies by (the spread over the grid then adds little to it) and against
 * what all of them vary by, and that leaves a window of some 2^17 points.
 */
export function stepFor({ noise, rate = 1 }: GaussianMechanism, rounds: number): number {
  // Standard deviation of one round's loss: that of rate (e^l - 1) under the plain Gaussian, where it is not heavy-tailed.
  const one = Math.min(1 / noise, rate * Math.sqrt(Math.expm1(Math.min(30, 1 / (noise * noise)))));
  const all = one * Math.sqrt(rounds);
  return Math.min(one / 8, Math.max(all / 4_096, one / 64), 0.01);
}

export function gaussianTotals(
  mechanism: GaussianMechanism,
  rounds: number,
  options: PldOptions = {},
): LossDistribution[] {
  assertRounds(rounds);
  const step = options.step ?? stepFor(mechanism, Math.max(1, rounds));
  const directions = (mechanism.rate ?? 1) === 1 ? DIRECTIONS.slice(0, 1) : DIRECTIONS; // unsampled, both are alike
  return directions.map((direction) =>
    composeLosses([{ losses: gaussianLosses(mechanism, direction, step, options.rounding), times: rounds }]),
  );
}

/** Epsilon at delta (from 1e-11 on) of `rounds` rounds: an upper bound. Throws RangeError. */
export function gaussianPldEpsilon(
  mechanism: GaussianMechanism,
  rounds: number,
  delta: number,
  options?: PldOptions,
): number {
  assertDelta(delta);
  if (delta < LEAST_DELTA) throw new RangeError(`delta: expected at least ${LEAST_DELTA}, got ${delta}`);
  if (rounds === 0 || mechanism.rate === 0) return 0;
  return Math.max(...gaussianTotals(mechanism, rounds, options).map((losses) => lossEpsilon(losses, delta)));
}

/** Delta at epsilon: an upper bound. */
export function gaussianPldDelta(
  mechanism: GaussianMechanism,
  rounds: number,
  epsilon: number,
  options?: PldOptions,
): number {
  if (rounds === 0 || mechanism.rate === 0) return 0;
  return Math.max(...gaussianTotals(mechanism, rounds, options).map((losses) => lossDelta(losses, epsilon)));
}
