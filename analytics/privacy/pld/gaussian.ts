/**
 * Privacy losses of the Gaussian mechanism on a Poisson sample of the households, in both directions. P and Q are N(0, noise^2)
 * and the mixture (1 - rate) N(0, noise^2) + rate N(1, noise^2): a dominating pair (Y. Zhu, J. Dong, Y.-X. Wang, "Optimal
 * Accounting of Differential Privacy via Characteristic Function", 2022, theorem 11).
 */
import { assertAbove, assertRate } from "../checks.ts";
import type { GaussianMechanism } from "../rdp/gaussian.ts";
import { upperTail } from "../special.ts";
import { LossBuilder, type LossDistribution, type Rounding, TAIL } from "./loss-distribution.ts";

/** `remove`: P is the mixture (the household is in the first data set only). `add`: Q is. */
export type Direction = "remove" | "add";

/** P[|Z| > REACH] is below TAIL. */
const REACH = 9;
/** Nodes and weights of Gauss and Legendre for four points on [-1, 1]: exact for polynomials up to degree 7. */
const NODES = [
  [-0.8611363115940526, 0.34785484513745385],
  [-0.3399810435848563, 0.6521451548625461],
  [0.3399810435848563, 0.6521451548625461],
  [0.8611363115940526, 0.34785484513745385],
] as const;
/** No interval of the quadrature is longer, in standard deviations. */
const LONGEST = 1 / 16;

/** Loss of the mixture against the plain Gaussian at x; grows with x. */
function mixtureLoss(x: number, noise: number, rate: number): number {
  const likelihood = (2 * x - 1) / (2 * noise * noise);
  if (rate === 1) return likelihood;
  // ln(1 + rate (e^l - 1)), from the side that neither overflows nor cancels.
  return likelihood > 0
    ? likelihood + Math.log(rate + (1 - rate) * Math.exp(-likelihood))
    : Math.log1p(rate * Math.expm1(likelihood));
}

/** Where the loss is `loss`; undefined where no x has it. */
function placeOf(loss: number, noise: number, rate: number): number | undefined {
  const ratio = 1 + Math.expm1(loss) / rate;
  if (ratio <= 0) return undefined;
  const log = loss > 30 ? loss + Math.log(1 / rate + Math.exp(-loss) * (1 - 1 / rate)) : Math.log(ratio);
  return noise * noise * log + 0.5;
}

/** Losses of one round on a grid of `step`. Throws RangeError. */
export function gaussianLosses(
  { noise, rate = 1 }: GaussianMechanism,
  direction: Direction,
  step: number,
  rounding: Rounding = "spread",
): LossDistribution {
  assertAbove("noise", noise, 0);
  assertAbove("step", step, 0);
  assertRate(rate);
  if (rate === 0) return { step, first: 0, masses: Float64Array.of(1), infinite: 0 };
  const from = -REACH * noise;
  const to = REACH * noise + (direction === "remove" ? 1 : rate === 1 ? 0 : 1);
  const sign = direction === "remove" ? 1 : -1;
  const ends = [mixtureLoss(from, noise, rate), mixtureLoss(to, noise, rate)].map((loss) => sign * loss);
  const builder = new LossBuilder(step, Math.min(...ends), Math.max(...ends), rounding);
  const scale = 1 / (noise * Math.sqrt(2 * Math.PI));
  const density = (x: number): number => {
    const plain = Math.exp(-(x * x) / (2 * noise * noise));
    if (direction === "add") return scale * plain;
    return scale * ((1 - rate) * plain + rate * Math.exp(-((x - 1) ** 2) / (2 * noise * noise)));
  };
  // How a loss is divided bends at grid points, so no interval of the quadrature goes over one.
  let x = from;
  for (let index = Math.floor(mixtureLoss(from, noise, rate) / step) + 1; x < to; index++) {
    const end = Math.min(to, placeOf(index * step, noise, rate) ?? from);
    const pieces = Math.max(1, Math.ceil((end - x) / (LONGEST * noise)));
    const half = (end - x) / (2 * pieces);
    if (half <= 0) continue;
    for (let piece = 0; piece < pieces; piece++) {
      const middle = x + (2 * piece + 1) * half;
      for (const [node, weight] of NODES) {
        const at = middle + half * node;
        builder.add(half * weight * density(at), sign * mixtureLoss(at, noise, rate));
      }
    }
    x = end;
  }
  const beyond = tails(direction, noise, rate, from, to);
  // Large losses are at the right when the household is removed, at the left when it is added.
  builder.addInfinite((direction === "remove" ? beyond.right : beyond.left) + TAIL);
  return builder.build();
}

function tails(direction: Direction, noise: number, rate: number, from: number, to: number) {
  const mixed = direction === "remove" ? rate : 0;
  return {
    left: (1 - mixed) * upperTail(-from / noise) + mixed * upperTail((1 - from) / noise),
    right: (1 - mixed) * upperTail(to / noise) + mixed * upperTail((to - 1) / noise),
  };
}
