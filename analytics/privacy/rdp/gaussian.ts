/**
 * Renyi divergence of the Gaussian mechanism, with and without Poisson sampling. The noise multiplier is the standard
 * deviation of the noise divided by the Euclidean sensitivity. Neighbours differ by adding or removing one household.
 */
import { assertAbove, assertRate } from "../checks.ts";
import { log1pExp, logExpm1, logMills, logSumExp, logUpperTail } from "../special.ts";

export interface GaussianMechanism {
  /** Standard deviation over L2 sensitivity. */
  readonly noise: number;
  /** Chance of each household to take part in a round, independently; 1 without sampling. */
  readonly rate?: number;
}

/**
 * RDP of one round at `order` above 1. Without sampling order / (2 noise^2): I. Mironov, "Renyi Differential Privacy", 2017,
 * proposition 7. Sampled: I. Mironov, K. Talwar, L. Zhang, "Renyi Differential Privacy of the Sampled Gaussian
 * Mechanism", 2019: section 3.3, where the divergence of the mixture from the plain Gaussian is shown to be the
 * larger of the two directions. Throws RangeError.
 */
export function gaussianRdp({ noise, rate = 1 }: GaussianMechanism, order: number): number {
  assertAbove("noise", noise, 0);
  assertAbove("order", order, 1);
  assertRate(rate);
  if (rate === 0) return 0;
  if (rate === 1) return order / (2 * noise * noise);
  return (
    (Number.isInteger(order) ? logMomentInteger(noise, rate, order) : logMomentFraction(noise, rate, order)) /
    (order - 1)
  );
}

/**
 * log A, A = sum over k of C(order, k) (1-q)^(order-k) q^k exp((k^2-k) / (2 noise^2)), as 1 + a sum of positive terms: the
 * binomial weights add up to 1, so each exponential is taken less one. Nothing cancels, however small the rate.
 */
function logMomentInteger(noise: number, rate: number, order: number): number {
  const terms: number[] = [];
  let logBinomial = 0;
  for (let k = 1; k <= order; k++) {
    logBinomial += Math.log((order - k + 1) / k);
    if (k === 1) continue;
    const weight = logBinomial + (order - k) * Math.log1p(-rate) + k * Math.log(rate);
    terms.push(weight + logExpm1((k * k - k) / (2 * noise * noise)));
  }
  return log1pExp(logSumExp(terms));
}

const MOST_TERMS = 100_000;
/** Terms are added until they are this small against the sum; the first left out is added to it as a bound. */
const SMALL = 1e-13;

/**
 * The two series of the paper's section 3.3 for a fractional order. With z0 = noise^2 ln(1/q - 1) + 1/2 and
 * M(x) = exp(x^2/2) P[Z > x], both have the same factor, and completing the square leaves
 * A = (1-q)^order exp(-z0^2 / (2 noise^2)) sum over i of C(order, i) (M((i - z0) / noise) + M((z0 - order + i) / noise)).
 * Past i = order the signs alternate and the sizes fall (M falls), so the first term left out bounds the rest.
 * An order between two integers is at most their interpolation, since log A is convex in the order: the lesser counts.
 */
function logMomentFraction(noise: number, rate: number, order: number): number {
  const z0 = noise * noise * Math.log(1 / rate - 1) + 0.5;
  const base = order * Math.log1p(-rate) - (z0 * z0) / (2 * noise * noise);
  // Where the tail is no tail the terms as the paper has them, where nothing large cancels.
  const logTerm = (k: number, x: number): number =>
    x >= 0
      ? base + logMills(x)
      : order * Math.log1p(-rate) - k * Math.log(1 / rate - 1) + (k * k - k) / (2 * noise * noise) + logUpperTail(x);
  let [logBinomial, sign, sum, size] = [0, 1, 0, 0];
  for (let i = 0; i < MOST_TERMS; i++) {
    const both = logSumExp([logTerm(i, (i - z0) / noise), logTerm(order - i, (z0 - order + i) / noise)]);
    const term = Math.exp(logBinomial + both);
    if (i > order && term < SMALL * size) {
      sum += term;
      break;
    }
    if (i === MOST_TERMS - 1) sum += term;
    sum += sign * term;
    size += term;
    const factor = (order - i) / (i + 1);
    if (factor < 0) sign = -sign;
    logBinomial += Math.log(Math.abs(factor));
  }
  // Each term is right to about 1e-14: what they may add up to is added, as the result must not be too small.
  const bySeries = Math.log(sum + size * 3e-14);
  const below = Math.floor(order);
  const atBelow = below === 1 ? 0 : logMomentInteger(noise, rate, below);
  const convex = atBelow + (order - below) * (logMomentInteger(noise, rate, below + 1) - atBelow);
  return Number.isFinite(bySeries) ? Math.min(bySeries, convex) : convex;
}
