/**
 * Coins whose probability is exactly a fraction, exactly exp(-fraction), or exactly a double. Source of the exponential
 * one: C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential Privacy", 2020, algorithm 1.
 */
import type { RandomBits } from "./bits.ts";

/** True with probability numerator / denominator; both safe integers, 0 <= numerator <= denominator, denominator >= 1. */
export function bernoulli(numerator: number, denominator: number, bits: RandomBits): boolean {
  return bits.below(denominator) < numerator;
}

/** True with probability exp(-numerator / denominator), numerator from 0 on; both safe integers. */
export function bernoulliExp(numerator: number, denominator: number, bits: RandomBits): boolean {
  if (!(Number.isSafeInteger(numerator) && numerator >= 0)) {
    throw new RangeError(`numerator: expected an integer from 0 to 2^53 - 1, got ${numerator}`);
  }
  const rest = numerator % denominator;
  // exp(-whole - rest) is a product: one failed factor settles it.
  for (let whole = (numerator - rest) / denominator; whole > 0; whole--)
    if (!bernoulliExpUnit(1, 1, bits)) return false;
  return bernoulliExpUnit(rest, denominator, bits);
}

/** The same for integers of any size. */
export function bernoulliExpBig(numerator: bigint, denominator: bigint, bits: RandomBits): boolean {
  if (numerator < 0n) throw new RangeError(`numerator: expected at least 0, got ${numerator}`);
  for (let whole = numerator / denominator; whole > 0n; whole--) if (!bernoulliExpUnit(1, 1, bits)) return false;
  const rest = numerator % denominator;
  return runIsOdd((length) => bits.below(length) === 0 && bits.bigBelow(denominator) < rest);
}

function bernoulliExpUnit(numerator: number, denominator: number, bits: RandomBits): boolean {
  return runIsOdd((length) => bits.below(length) === 0 && bits.below(denominator) < numerator);
}

/**
 * With x up to 1, coins of probability x / 1, x / 2, x / 3 ... are thrown until one fails: the first to fail has an odd
 * number with probability 1 - x + x^2/2 - ... = exp(-x). A coin of x / k is one of 1 / k and one of x, so that no
 * denominator outgrows what it was.
 */
function runIsOdd(coin: (length: number) => boolean): boolean {
  let length = 1;
  while (coin(length)) length++;
  return length % 2 === 1;
}

/**
 * True with exactly the probability that a double from 0 to 1 stands for: the binary digits of a uniform number are
 * drawn 32 at a time and compared with the double's, which multiplying by 2^32 and taking whole parts give without error.
 */
export function bernoulliDouble(probability: number, bits: RandomBits): boolean {
  if (!(probability >= 0 && probability <= 1)) {
    throw new RangeError(`probability: expected a number from 0 to 1, got ${probability}`);
  }
  if (probability === 1) return true;
  let rest = probability;
  while (rest > 0) {
    rest *= 2 ** 32;
    const digits = Math.floor(rest);
    const drawn = bits.word();
    if (drawn !== digits) return drawn < digits;
    rest -= digits;
  }
  return false;
}
