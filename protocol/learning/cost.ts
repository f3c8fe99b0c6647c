/**
 * What taking part in a round costs a household in differential privacy, worked out from the announcement alone, so that
 * homes and utility agree on it. Neighbours: a home takes part or sends zeros. The noise counted is that of
 * minMeters - colluders homes: fewer are never opened, and what more homes add takes nothing away.
 */
import { distributedGaussianRdp, epsilonAtOrder, skellamAtIntegers } from "../noise/rdp.ts";
import type { RoundContent } from "./content.ts";
import { normBound } from "./norm.ts";
import { homeVariance, ROUND_MISS } from "./shape.ts";

/** Orders of Renyi divergence at which costs are kept: integers, for which all bounds here hold. */
export const COST_ORDERS: readonly number[] = [
  ...Array.from({ length: 63 }, (_, i) => 2 + i),
  ...[80, 96, 128, 192, 256, 384, 512, 1024],
];

/** What was charged for a round, or for several. */
export interface CoveredCost {
  /** RDP at each of COST_ORDERS. */
  readonly rdp: readonly number[];
  /**
   * The chance that what was opened was not made as the RDP says: some home drew noise beyond a round's bound, and took no
   * part. Left out for 0.
   */
  readonly missed?: number | undefined;
}

/** Without RDP for a round without noise, which no budget covers. */
export type RoundCost = CoveredCost | { readonly rdp: undefined };

/** The most that all rounds together may cost a household: epsilon at delta. */
export interface PrivacyBudget {
  readonly epsilon: number;
  readonly delta: number;
}

/** Of a budget's delta, what rounds may take by what they missed; they take less than a millionth of that. */
const MISSED_PART = 0.01;

type Priced = Pick<RoundContent, "vector" | "noise" | "minMeters" | "bound">;

/** Standard deviation of the noise counted, over the norm of a home's vector. */
export function noiseMultiplier(content: Priced): number {
  return Math.sqrt(content.noise.variance) / normBound(content);
}

export function costOf(content: Priced): RoundCost {
  const { mechanism, variance, colluders } = content.noise;
  if (mechanism === "none") return { rdp: undefined };
  const sensitivity = { l2: normBound(content), dimension: content.vector.length };
  const at =
    mechanism === "skellam"
      ? skellamAtIntegers(variance, sensitivity)
      : distributedGaussianRdp(homeVariance(content), content.minMeters - colluders, sensitivity);
  const rdp = COST_ORDERS.map(at);
  return content.bound === undefined ? { rdp } : { rdp, missed: ROUND_MISS };
}

/** What several rounds cost together, each chosen in the light of those before; nothing for none. */
export function addCosts(costs: readonly (readonly number[])[]): number[] {
  return COST_ORDERS.map((_, i) => costs.reduce((sum, rdp) => sum + rdp[i]!, 0));
}

/**
 * Epsilon at delta, by the best order, and at least 0; Infinity where delta is less than what was missed takes of it: for
 * distributions that are `missed` apart from (epsilon, d) ones, delta is d + (1 + exp(epsilon)) missed.
 * Throws RangeError for another number of values than orders, or a delta outside (0, 1).
 */
export function epsilonOf(rdp: readonly number[], delta: number, missed = 0): number {
  let epsilon = epsilonFrom(rdp, delta);
  if (missed === 0) return epsilon;
  // What is left of delta shrinks as epsilon grows: from below to the least epsilon that it is enough for.
  for (;;) {
    const left = delta - (1 + Math.exp(epsilon)) * missed;
    if (left <= 0) return Number.POSITIVE_INFINITY;
    const next = epsilonFrom(rdp, left);
    if (next <= epsilon) return epsilon;
    epsilon = next;
  }
}

/** Of several rounds together: `epsilonOf` their costs, and of all that was missed in any. */
export function epsilonOfAll(costs: readonly CoveredCost[], delta: number): number {
  const missed = costs.reduce((sum, cost) => sum + (cost.missed ?? 0), 0);
  return epsilonOf(addCosts(costs.map(({ rdp }) => rdp)), delta, missed);
}

/**
 * The part of a budget that rounds have used: above 1 they exceed it. Whoever asks chooses a round's cost in the light of what
 * came out before, and the best of many orders would then depend on results; so one order, which follows from the budget
 * alone, judges all rounds (V. Feldman, T. Zrnic, "Individual Privacy Accounting via a Renyi Filter", 2021). It is the
 * one that allows most noiselike cost, RDP over order. Rounds that keep to it are within `epsilonOfAll`, too. Infinity where
 * the budget allows nothing. Throws RangeError for a delta outside (0, 1).
 */
export function usedPart(costs: readonly CoveredCost[], budget: PrivacyBudget): number {
  if (costs.length === 0) return 0;
  const { index, most } = accountOrder(budget);
  const spent = costs.reduce((sum, { rdp }) => sum + rdp[index]!, 0);
  const missed = costs.reduce((sum, cost) => sum + (cost.missed ?? 0), 0);
  const mostMissed = (MISSED_PART * budget.delta) / (1 + Math.exp(budget.epsilon));
  if (most <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(spent / most, missed === 0 ? 0 : missed / mostMissed);
}

/** The order that a budget is kept at, as an index of COST_ORDERS, and the RDP that it allows there. */
function accountOrder({ epsilon, delta }: PrivacyBudget): { readonly index: number; readonly most: number } {
  assertDelta(delta);
  const allowed = COST_ORDERS.map((order) => epsilon - epsilonAtOrder(order, 0, (1 - MISSED_PART) * delta));
  const index = allowed.reduce(
    (best, most, i) => (most / COST_ORDERS[i]! > allowed[best]! / COST_ORDERS[best]! ? i : best),
    0,
  );
  return { index, most: allowed[index]! };
}

function assertDelta(delta: number): void {
  if (!(delta > 0 && delta < 1)) throw new RangeError(`delta: expected a number between 0 and 1, got ${delta}`);
}

function epsilonFrom(rdp: readonly number[], delta: number): number {
  if (rdp.length !== COST_ORDERS.length) {
    throw new RangeError(`rdp: expected ${COST_ORDERS.length} values, got ${rdp.length}`);
  }
  assertDelta(delta);
  if (rdp.every((value) => value === 0)) return 0;
  const epsilons = COST_ORDERS.map((order, i) => epsilonAtOrder(order, rdp[i]!, delta));
  return Math.max(0, Math.min(...epsilons));
}
