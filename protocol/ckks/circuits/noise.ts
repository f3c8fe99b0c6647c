/**
 * Noise of ciphertexts, as standard deviations of coefficients (canonical embedding heuristics as in Costache, Curtis,
 * Hales, Murphy, Ogilvie, Player: On the precision loss in approximate homomorphic encryption, 2022). What they assume:
 * coefficients are independent and nearly Gaussian. Tests hold the bounds on results against them, not the
 * deviations themselves.
 */
import { periodOf } from "../packed.ts";
import { dataBits, dataLevels } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import type { JobShape, OutputNoise } from "./circuit.ts";

/** Variance of SEAL's centred binomial error, 21 bits against 21. */
const ERROR_VARIANCE = 10.5;
/** Standard deviations of tail: a Gaussian passes 9 with probability below 2^-61. */
const TAIL = 9;
/**
 * Relative error of SEAL's encoder and decoder, which compute in doubles: 2^-51.9 of the largest value in 20 encoded and
 * decoded days at degrees 4096 and 8192. The rest is for sums and products, whose decoding has larger numbers.
 */
const DOUBLE_ERROR = 2 ** -44;

/** Rounding after a division by a prime: 1/12 for c0, and as much times the secret's weight for c1. */
function roundingVariance(degree: number): number {
  return (1 + (2 * degree) / 3) / 12;
}

/** Fresh ciphertexts with `level` primes: SEAL encrypts with one prime more and divides by it. */
export function freshSigma(set: CkksParameters, level: number): number {
  const { degree, primeBits } = set;
  const extra = 2 ** (primeBits[level]! - 1);
  const variance = (ERROR_VARIANCE * ((4 * degree) / 3 + 1)) / extra ** 2 + roundingVariance(degree);
  return Math.sqrt(variance + 1 / 12); // the encoded values are rounded, too
}

/** What one switching of keys adds (relinearisation, rotation). */
export function keySwitchSigma(set: CkksParameters, level: number): number {
  const { degree, primeBits } = set;
  const special = primeBits[dataLevels(set)]!;
  const widest = Math.max(...primeBits.slice(0, level));
  const variance = ((level * degree) / 12) * ERROR_VARIANCE * 4 ** (widest - special + 1);
  return Math.sqrt(variance + roundingVariance(degree));
}

/** The sum of fresh ciphertexts. */
export function sumNoise(set: CkksParameters, level: number, shape: JobShape): OutputNoise {
  return {
    sigma: Math.sqrt(shape.meters) * freshSigma(set, level),
    scale: 2 ** set.scaleBits,
    magnitude: shape.meters * shape.maxValue,
  };
}

/** A product with a plaintext of values up to `most` at `scale`, whose own rounding changes the values a little. */
export function timesPlain(noise: OutputNoise, most: number, scale: number): OutputNoise {
  return { sigma: noise.sigma * most * scale, scale: noise.scale * scale, magnitude: noise.magnitude * most };
}

/** The sum over all slots of a period by log2(period) rotations. */
export function overTime(set: CkksParameters, level: number, noise: OutputNoise, slots: number): OutputNoise {
  const period = periodOf(slots);
  const sigma = period * (noise.sigma + keySwitchSigma(set, level));
  return { sigma, scale: noise.scale, magnitude: noise.magnitude * slots };
}

/** The sum of one product per meter, of values up to maxValue on both sides, relinearised once. */
export function productNoise(set: CkksParameters, level: number, shape: JobShape): OutputNoise {
  const fresh = freshSigma(set, level);
  const scale = 2 ** set.scaleBits;
  const each = 2 * scale * shape.maxValue * fresh + Math.sqrt(set.degree) * fresh ** 2;
  return {
    sigma: Math.sqrt(shape.meters) * each + keySwitchSigma(set, level),
    scale: scale ** 2,
    magnitude: shape.meters * shape.maxValue ** 2,
  };
}

/** The square of a ciphertext that is not fresh. */
export function squareNoise(set: CkksParameters, level: number, noise: OutputNoise): OutputNoise {
  const each = 2 * noise.scale * noise.magnitude * noise.sigma + Math.sqrt(set.degree) * noise.sigma ** 2;
  return { sigma: each + keySwitchSigma(set, level), scale: noise.scale ** 2, magnitude: noise.magnitude ** 2 };
}

/**
 * Bound on the error of an opened slot. An opening takes the 2 * period coefficients of the window's class, so a slot's
 * error has sqrt(period) times the deviation of a coefficient. `floodingSigma` is that of each of `openers` partials,
 * their Lagrange factors are in the shares and do not scale it.
 */
export function slotError(noise: OutputNoise, slots: number, floodingSigma: number, openers: number): number {
  const sigma = Math.sqrt(noise.sigma ** 2 + openers * floodingSigma ** 2);
  return (TAIL * Math.sqrt(periodOf(slots)) * sigma) / noise.scale + noise.magnitude * DOUBLE_ERROR;
}

/** Bits between an output with its flooding and the modulus; below zero it does not fit. */
export function roomBits(set: CkksParameters, level: number, noise: OutputNoise, floodingSigma: number): number {
  const largest = noise.magnitude * noise.scale + TAIL * (noise.sigma + floodingSigma);
  return dataBits(set, level) - 2 - Math.log2(largest); // one bit for the sign, one for primes below their power of two
}
