/**
 * Renyi differential privacy as a vector over orders: mechanisms add up order by order (I. Mironov, 2017, proposition 1),
 * and the best order tells epsilon at delta, or delta at epsilon.
 */
import { epsilonAtOrder, type RdpCurve } from "../../../protocol/noise/rdp.ts";
import { assertDelta, assertRounds } from "../checks.ts";

/** Dense where typical optima lie, integers up to 64, then sparse: large orders serve large noise. */
export const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 54 }, (_, i) => 11 + i),
  ...[80, 96, 128, 192, 256, 384, 512, 1024],
];

/** RDP at each of `orders`; Infinity is allowed, NaN and negative numbers are not. */
export interface RdpVector {
  readonly orders: readonly number[];
  readonly rdp: readonly number[];
}

export function rdpVector(curve: RdpCurve, rounds = 1, orders: readonly number[] = ORDERS): RdpVector {
  assertRounds(rounds);
  return { orders, rdp: rounds === 0 ? orders.map(() => 0) : orders.map((order) => rounds * curve(order)) };
}

/** Epsilon at delta, never below 0, and the order that gives it. Nothing spent costs nothing. */
export function epsilonAt({ orders, rdp }: RdpVector, delta: number): { epsilon: number; order: number } {
  assertDelta(delta);
  let best = { epsilon: Number.POSITIVE_INFINITY, order: Number.NaN };
  for (const [i, order] of orders.entries()) {
    const spent = rdp[i]!;
    if (!(spent >= 0)) throw new RangeError(`rdp: expected numbers from 0 on, got ${spent} at order ${order}`);
    if (spent === 0) return { epsilon: 0, order };
    const epsilon = epsilonAtOrder(order, spent, delta);
    if (epsilon < best.epsilon) best = { epsilon, order };
  }
  return { ...best, epsilon: Math.max(0, best.epsilon) };
}

/** The inverse: the least of exp((a-1) (rdp - epsilon)) (1 - 1/a)^a / (a-1) over orders a, and at most 1. */
export function deltaAt({ orders, rdp }: RdpVector, epsilon: number): { delta: number; order: number } {
  if (!(epsilon >= 0)) throw new RangeError(`epsilon: expected a number from 0 on, got ${epsilon}`);
  let best = { delta: 1, order: Number.NaN };
  for (const [i, order] of orders.entries()) {
    const spent = rdp[i]!;
    if (spent === 0) return { delta: 0, order };
    const delta = Math.exp((order - 1) * (spent - epsilon) + order * Math.log1p(-1 / order)) / (order - 1);
    if (delta < best.delta) best = { delta, order };
  }
  return best;
}
