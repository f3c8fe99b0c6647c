/**
 * Renyi differential privacy as a vector over orders: mechanisms add up order by order (I. Mironov, 2017, proposition 1),
 * and the best order tells epsilon at delta, or delta at epsilon.
 */
import { assertDelta, assertRounds } from "../checks.ts";
import type { RdpCurve } from "./discrete.ts";

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

/** What all of them together cost, one after the other, each chosen in the light of the ones before. */
export function composeRdp(parts: readonly RdpVector[]): RdpVector {
  const [first, ...rest] = parts;
  if (first === undefined) return { orders: ORDERS, rdp: ORDERS.map(() => 0) };
  for (const { orders } of rest) {
    if (orders.length !== first.orders.length || orders.some((order, i) => order !== first.orders[i])) {
      throw new RangeError("parts: expected the same orders in all");
    }
  }
  return { orders: first.orders, rdp: first.rdp.map((_, i) => parts.reduce((sum, { rdp }) => sum + rdp[i]!, 0)) };
}

/**
 * Epsilon at delta, and the order that gives it: the least of rdp + ln((a-1)/a) - (ln delta + ln a) / (a-1), and never
 * below 0. C. Canonne, G. Kamath, T. Steinke, 2020, proposition 12; B. Balle, G. Barthe, M. Gaboardi, J. Hsu, T. Sato,
 * "Hypothesis Testing Interpretations and Renyi Differential Privacy", 2020, theorem 21. Nothing spent costs nothing.
 */
export function epsilonAt({ orders, rdp }: RdpVector, delta: number): { epsilon: number; order: number } {
  assertDelta(delta);
  let best = { epsilon: Number.POSITIVE_INFINITY, order: Number.NaN };
  for (const [i, order] of orders.entries()) {
    const spent = rdp[i]!;
    if (!(spent >= 0)) throw new RangeError(`rdp: expected numbers from 0 on, got ${spent} at order ${order}`);
    if (spent === 0) return { epsilon: 0, order };
    const epsilon = spent + Math.log1p(-1 / order) - (Math.log(delta) + Math.log(order)) / (order - 1);
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
