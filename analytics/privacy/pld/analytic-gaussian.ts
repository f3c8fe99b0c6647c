/**
 * The Gaussian mechanism exactly: B. Balle, Y.-X. Wang, "Improving the Gaussian Mechanism for Differential Privacy:
 * Analytical Calibration and Optimal Denoising", 2018, theorem 8. T rounds are one with noise / sqrt(T).
 */
import { assertAbove, assertDelta } from "../checks.ts";
import { bisect } from "../bisect.ts";
import { logUpperTail } from "../special.ts";

/** delta(epsilon) = P[Z > eps noise - 1/(2 noise)] - exp(eps) P[Z > eps noise + 1/(2 noise)]. `noise` is the multiplier. */
export function gaussianDelta(noise: number, epsilon: number): number {
  assertAbove("noise", noise, 0);
  const above = logUpperTail(epsilon * noise - 1 / (2 * noise));
  const below = epsilon + logUpperTail(epsilon * noise + 1 / (2 * noise));
  return Math.exp(above) * -Math.expm1(Math.min(0, below - above));
}

/** The least epsilon at delta, to about 1e-12 and not below it. Throws RangeError. */
export function gaussianEpsilon(noise: number, delta: number): number {
  assertDelta(delta);
  return bisect((epsilon) => gaussianDelta(noise, epsilon) <= delta, { tolerance: 1e-12, absolute: true });
}
