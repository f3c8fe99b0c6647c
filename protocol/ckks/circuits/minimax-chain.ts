/**
 * How a modulus chain is spent on a long evaluation. Its upper primes are dropped in steps of one or two; a ciphertext
 * between stages has the scale of a step. Two primes a step give scales beyond SEAL's 60 bits: each bit of scale is a
 * bit less of noise in what is opened, and so a bit more of flooding. What remains at step 0 has room for the closing
 * stage, which is not rescaled: a rescaling's noise is what flooding would have to hide.
 */
import { CkksError } from "../errors.ts";
import { roundingVariance } from "../threshold/flooding.ts";
import type { OutputNoise } from "./circuit.ts";
import { dataBits, dataLevels } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";

export interface Chain {
  /** Primes of a ciphertext at step 0. */
  readonly base: number;
  readonly primesPerStep: number;
  /** Steps of a fresh ciphertext. */
  readonly steps: number;
  /** log2 of the scale between stages. */
  readonly scaleBits: number;
}

/** Scale of the masks that pick out blocks of slots at step 0. */
export const MASK_BITS = 26;
/** For the sum's integer part, the sign, and primes a little below their power of two. */
const HEADROOM_BITS = 12;
/** A single prime below this would leave too little precision. */
const LEAST_STEP_BITS = 45;

/** Throws CkksError `wrong-parameters` where the chain is too short for a comparison. */
export function chainOf(set: CkksParameters): Chain {
  const data = dataLevels(set);
  const last = set.primeBits[data - 1]!;
  const primesPerStep = last >= LEAST_STEP_BITS ? 1 : 2;
  const scaleBits = set.primeBits.slice(data - primesPerStep, data).reduce((sum, bits) => sum + bits, 0);
  const needed = 3 * scaleBits + MASK_BITS + HEADROOM_BITS;
  let base = 1;
  while (base <= data && dataBits(set, base) < needed) base++;
  const steps = Math.floor((data - base) / primesPerStep);
  const even = set.primeBits.slice(base, data).every((bits) => Math.abs(bits - scaleBits / primesPerStep) < 1);
  if (base > data || steps < 1 || !even) {
    throw new CkksError(
      "wrong-parameters",
      `parameter set ${set.name}: no comparison fits ${data} primes; it takes ${needed} bits and then equal primes`,
    );
  }
  return { base, primesPerStep, steps, scaleBits };
}

/** Primes of a ciphertext at a step. */
export function levelAt(chain: Chain, step: number): number {
  return chain.base + step * chain.primesPerStep;
}

/** Precision that an output keeps beyond that of the stages, so that its last rescalings add nothing to speak of. */
const KEPT_BITS = 8;

/**
 * Primes that an output at `level` and `scale` keeps when what it has too many of are rescaled away: what is opened then
 * is short, and its noise small enough for the sampler of flooding. `unit` is the largest thing that values measure.
 */
export function settledLevel(set: CkksParameters, chain: Chain, level: number, scale: number, unit: number): number {
  let left = Math.log2(scale * unit);
  let kept = level;
  while (kept > 1 && left - set.primeBits[kept - 1]! >= chain.scaleBits + KEPT_BITS) {
    kept--;
    left -= set.primeBits[kept]!;
  }
  return kept;
}

/** What rescaling to settledLevel makes of an output's noise and scale, primes taken as powers of two. */
export function settledNoise(
  set: CkksParameters,
  chain: Chain,
  level: number,
  noise: OutputNoise,
  unit: number,
): OutputNoise {
  const kept = settledLevel(set, chain, level, noise.scale, unit);
  const factor = 2 ** (dataBits(set, level) - dataBits(set, kept));
  const sigma = Math.hypot(noise.sigma / factor, kept === level ? 0 : Math.sqrt(roundingVariance(set.degree)));
  return { ...noise, sigma, scale: noise.scale / factor, level: kept };
}
