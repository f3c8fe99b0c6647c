/**
 * What taking part in a round costs a household in differential privacy, worked out from the announcement alone, so that
 * homes and utility agree on it. Neighbours: a home takes part or sends zeros. The noise counted is that of
 * minMeters - colluders homes: fewer are never opened, and what more homes add takes nothing away.
 */
import { roundedNorm } from "../noise/rounding.ts";
import type { RoundContent } from "./content.ts";
import { homeVariance } from "./shape.ts";

/** Orders of Renyi divergence at which costs are kept: integers, for which all bounds here hold. */
export const COST_ORDERS: readonly number[] = [
  ...Array.from({ length: 63 }, (_, i) => 2 + i),
  ...[80, 96, 128, 192, 256, 384, 512, 1024],
];

/** RDP at each of COST_ORDERS; undefined for a round without noise, which no budget covers. */
export type RoundCost = { readonly rdp: readonly number[] } | { readonly rdp: undefined };

/** A rounding of a vector is made again when its norm is beyond a bound that it exceeds with at most this chance. */
const ROUNDING_BETA = Math.exp(-0.5);

type Priced = Pick<RoundContent, "vector" | "noise" | "minMeters">;

/** The most that the Euclidean norm of a home's vector of integers can be; homes round until it holds. */
export function normBound({ vector: { clip, scale, length } }: Pick<RoundContent, "vector">): number {
  return roundedNorm(clip * scale, length, ROUNDING_BETA);
}

/** Standard deviation of the noise counted, over the norm of a home's vector. */
export function noiseMultiplier(content: Priced): number {
  return Math.sqrt(content.noise.variance) / normBound(content);
}

export function costOf(content: Priced): RoundCost {
  const { mechanism, variance, colluders } = content.noise;
  if (mechanism === "none") return { rdp: undefined };
  const l2 = normBound(content);
  const dimension = content.vector.length;
  // For integers the sum of sizes is at most the sum of squares.
  const l1 = Math.min(Math.sqrt(dimension) * l2, l2 * l2);
  const at =
    mechanism === "skellam"
      ? (order: number) => skellam(order, l2, l1, variance)
      : gaussianSum(l2, l1, dimension, homeVariance(content), content.minMeters - colluders);
  return { rdp: COST_ORDERS.map(at) };
}

/**
 * Skellam noise of variance mu: a l2^2 / (2 mu) + min(((2 a - 1) l2^2 + 6 l1) / (4 mu^2), 3 l1 / (2 mu)) for integer a.
 * N. Agarwal, P. Kairouz, Z. Liu, "The Skellam Mechanism for Differentially Private Federated Learning", 2021, theorem 3.5.
 */
function skellam(order: number, l2: number, l1: number, variance: number): number {
  const extra = ((2 * order - 1) * l2 * l2 + 6 * l1) / (4 * variance * variance);
  return (order * l2 * l2) / (2 * variance) + Math.min(extra, (3 * l1) / (2 * variance));
}

/**
 * The sum of `homes` discrete Gaussians of parameter `each`, at least 1/2; it is close to one, but none itself. With s = l2 /
 * sqrt(homes each), s1 the same of l1 and tau = 10 sum for k = 1 .. homes - 1 of exp(-2 pi^2 each k / (k + 1)): the least of
 * a s^2 / 2 + tau d, a/2 (s^2 + 2 s1 tau + tau^2 d), a/2 (s + sqrt(d) tau)^2.
 * P. Kairouz, Z. Liu, T. Steinke, "The Distributed Discrete Gaussian Mechanism for Federated Learning with Secure
 * Aggregation", 2021, proposition 14.
 */
function gaussianSum(
  l2: number,
  l1: number,
  dimension: number,
  each: number,
  homes: number,
): (order: number) => number {
  const deviation = Math.sqrt(homes * each);
  const s = l2 / deviation;
  let tau = 0;
  for (let k = 1; k < homes; k++) tau += 10 * Math.exp((-2 * Math.PI ** 2 * each * k) / (k + 1));
  const wide = s * s + 2 * (l1 / deviation) * tau + tau * tau * dimension;
  const narrow = (s + Math.sqrt(dimension) * tau) ** 2;
  return (order) => Math.min((order * s * s) / 2 + tau * dimension, (order / 2) * wide, (order / 2) * narrow);
}

/** What several rounds cost together, each chosen in the light of those before; nothing for none. */
export function addCosts(costs: readonly (readonly number[])[]): number[] {
  return COST_ORDERS.map((_, i) => costs.reduce((sum, rdp) => sum + rdp[i]!, 0));
}

/**
 * Epsilon at delta: the least over orders a of rdp + ln((a - 1) / a) - (ln delta + ln a) / (a - 1), and at least 0.
 * C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", 2020, proposition 12.
 * Throws RangeError for another number of values than orders, or a delta outside (0, 1).
 */
export function epsilonOf(rdp: readonly number[], delta: number): number {
  if (rdp.length !== COST_ORDERS.length) {
    throw new RangeError(`rdp: expected ${COST_ORDERS.length} values, got ${rdp.length}`);
  }
  if (!(delta > 0 && delta < 1)) throw new RangeError(`delta: expected a number between 0 and 1, got ${delta}`);
  if (rdp.every((value) => value === 0)) return 0;
  const epsilons = COST_ORDERS.map(
    (order, i) => rdp[i]! + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1),
  );
  return Math.max(0, Math.min(...epsilons));
}
