/**
 * Privacy losses of integer noise on one number, exactly from its probabilities: P[noise = x] against P[noise = x - shift].
 *
 * Only for scalars. For a vector the losses depend on the whole difference of two neighbours, not on its norms alone, and which
 * difference of given norms is the worst is not known for Skellam or discrete Gaussian noise; there the bounds of rdp/discrete.ts
 * hold. A difference that is known coordinate by coordinate, as when a household moves between two bins of a
 * histogram, is a composition of scalars, and so is covered. A smaller shift is never worse: both kinds of noise are log-concave,
 * and then delta(epsilon) grows with the shift.
 */
import { assertAbove, assertRate } from "../checks.ts";
import type { Direction } from "./gaussian.ts";
import { LossBuilder, type LossDistribution, type Rounding, TAIL } from "./loss-distribution.ts";

/** Logarithms of the probabilities of 0, 1, 2 ...; the noise is symmetric. Ends where the mass beyond is below `TAIL`. */
export type LogPmf = readonly number[];

/** A parameter sigma^2 of 10^8 has 180,000 probabilities. */
const LARGEST_VARIANCE = 1e8;
/** Standard deviations, and the heavier tail of Skellam noise: exp(-t) with sqrt(2 v t) + t / 3, t = 50. */
function reachOf(variance: number): number {
  if (variance > LARGEST_VARIANCE)
    throw new RangeError(`variance: expected at most ${LARGEST_VARIANCE}, got ${variance}`);
  return Math.ceil(Math.sqrt(100 * variance) + 50 / 3);
}

/** P[x] proportional to exp(-x^2 / (2 variance)). */
export function discreteGaussianPmf(variance: number): LogPmf {
  assertAbove("variance", variance, 0);
  return normalised(Array.from({ length: reachOf(variance) + 1 }, (_, x) => -(x * x) / (2 * variance)));
}

/**
 * P[x] = exp(-v) I_x(v), v the variance. The Bessel functions by their recurrence I_(x-1) = I_(x+1) + (2 x / v) I_x downwards,
 * where it is stable (J. Miller, 1952; M. Abramowitz, I. Stegun, 9.12), and by their ratios, so that nothing overflows.
 */
export function skellamPmf(variance: number): LogPmf {
  assertAbove("variance", variance, 0);
  const reach = reachOf(variance);
  const ratios = new Float64Array(reach + 52); // ratios[x] = I_(x+1) / I_x
  for (let x = reach + 51; x > 0; x--) ratios[x - 1] = 1 / ((2 * x) / variance + ratios[x]!);
  const logs = [0];
  for (let x = 0; x < reach; x++) logs.push(logs[x]! + Math.log(ratios[x]!));
  return normalised(logs);
}

function normalised(logs: readonly number[]): LogPmf {
  let total = 0;
  for (let x = logs.length - 1; x >= 0; x--) total += (x === 0 ? 1 : 2) * Math.exp(logs[x]!);
  return logs.map((log) => log - Math.log(total));
}

export interface DiscreteMechanism {
  readonly pmf: LogPmf;
  /** The most that one household changes the number by: an integer from 1 on. */
  readonly shift: number;
  readonly rate?: number;
}

/** Losses of one release, in either direction, on a grid of `step`. Throws RangeError. */
export function discreteLosses(
  { pmf, shift, rate = 1 }: DiscreteMechanism,
  direction: Direction,
  step: number,
  rounding: Rounding = "spread",
): LossDistribution {
  if (!(Number.isSafeInteger(shift) && shift >= 1)) {
    throw new RangeError(`shift: expected an integer from 1 on, got ${shift}`);
  }
  assertAbove("step", step, 0);
  assertRate(rate);
  const reach = pmf.length - 1;
  const at = (x: number): number => pmf[Math.abs(x)] ?? Number.NEGATIVE_INFINITY;
  const atoms: { mass: number; loss: number }[] = [];
  let infinite = TAIL;
  for (let x = -reach; x <= reach + shift; x++) {
    const plain = at(x);
    const moved = at(x - shift);
    const most = Math.max(plain, moved);
    const mixed =
      rate === 1 ? moved : most + Math.log((1 - rate) * Math.exp(plain - most) + rate * Math.exp(moved - most));
    const [p, q] = direction === "remove" ? [mixed, plain] : [plain, mixed];
    if (p === Number.NEGATIVE_INFINITY) continue;
    // Where the other side's table ends, nothing is known of the loss.
    if (q === Number.NEGATIVE_INFINITY) infinite += Math.exp(p);
    else atoms.push({ mass: Math.exp(p), loss: p - q });
  }
  const least = atoms.reduce((low, { loss }) => Math.min(low, loss), 0);
  const largest = atoms.reduce((high, { loss }) => Math.max(high, loss), 0);
  const builder = new LossBuilder(step, least, largest, rounding);
  for (const { mass, loss } of atoms) builder.add(mass, loss);
  builder.addInfinite(infinite);
  return builder.build();
}
