/**
 * Noise of a composition evaluated on ciphertexts, as standard deviations of slots. Roundings of rescalings are what
 * counts; a stage multiplies what came in by its slope, which is large only where the sign turns. So the bound is the
 * largest over all arguments, as if every value lay at the worst distance from its level.
 */
import type { CkksParameters } from "../parameters.ts";
import { slopeOdd, evaluateOdd } from "./minimax.ts";
import type { CompositeSign, OddPolynomial } from "./minimax.ts";
import type { Chain } from "./minimax-chain.ts";
import { roundingVariance } from "../threshold/flooding.ts";

/** A slot's rounding after a rescaling to `scaleBits`: a sum of N coefficients, each times a root of unity. */
export function roundingOf(set: CkksParameters, scaleBits: number): number {
  return Math.sqrt((roundingVariance(set.degree) * set.degree) / 2) / 2 ** scaleBits;
}

/** What one stage adds by itself, in units of one rounding. Errors of terms may go together, so they add up. */
function ownRoundings(polynomial: OddPolynomial): number {
  const depth = Math.log2(2 * polynomial.length);
  const powers = [0];
  for (let k = 1; k < depth; k++) powers.push(4 * powers[k - 1]! + 1);
  const errorOf = (b: OddPolynomial): number => {
    if (b.length === 1) return 1;
    const half = b.length / 2;
    const upper = b.slice(half);
    const q = upper.map((one) => 2 * one);
    const r = b.slice(0, half).map((one, at) => one - upper[half - 1 - at]!);
    const most = q.reduce((sum, one) => sum + Math.abs(one), 0);
    return errorOf(q) + most * powers[Math.log2(b.length)]! + (half === 1 ? 0 : errorOf(r)) + 1;
  };
  return errorOf(polynomial);
}

/**
 * Largest deviation of an evaluated composition, its closing stage not rescaled, at any argument in [-1, 1]; `input` is
 * the deviation of the argument.
 */
export function compositeNoise(set: CkksParameters, chain: Chain, sign: CompositeSign, input: number): number {
  const rounding = roundingOf(set, chain.scaleBits);
  const own = sign.stages.map((stage) => rounding * ownRoundings(stage));
  let worst = 0;
  for (let at = 0; at <= 2_000; at++) {
    let x = at / 2_000;
    let variance = input ** 2;
    for (const [index, stage] of sign.stages.entries()) {
      variance = variance * slopeOdd(stage, x) ** 2 + own[index]! ** 2;
      x = evaluateOdd(stage, x);
    }
    worst = Math.max(worst, variance * (sign.gain * (3 - 3 * x * x)) ** 2);
  }
  return Math.sqrt(worst);
}
