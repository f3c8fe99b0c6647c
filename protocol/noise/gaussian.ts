/**
 * Discrete Laplace and discrete Gaussian noise, exactly: C. Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for
 * Differential Privacy", 2020, algorithms 2 and 3. Integers only, so there are no low bits that a rounded logarithm or
 * a table would give away (I. Mironov, "On Significance of the Least Significant Bits", 2012).
 */
import { bernoulliExp, bernoulliExpBig } from "./bernoulli.ts";
import type { RandomBits } from "./bits.ts";
import { assertPositive, integerSquareRoot, type Rational } from "./rational.ts";

/** Scales up to here leave room for hundreds of scales of noise within safe integers. */
const LARGEST_SCALE = 2 ** 40;

/** P[x] proportional to exp(-|x| / scale), for an integer scale from 1 to 2^40. */
export function discreteLaplace(scale: number, bits: RandomBits): number {
  if (!(Number.isInteger(scale) && scale >= 1 && scale <= LARGEST_SCALE)) {
    throw new RangeError(`scale: expected an integer from 1 to 2^40, got ${scale}`);
  }
  while (true) {
    const low = bits.below(scale);
    if (!bernoulliExp(low, scale, bits)) continue;
    let high = 0;
    while (bernoulliExp(1, 1, bits)) high++;
    const size = low + scale * high;
    const negative = bits.bit() === 1;
    // Zero has no sign: it must not come up twice as often.
    if (!(negative && size === 0)) return negative ? -size : size;
  }
}

/** Draws from one discrete Gaussian: P[x] proportional to exp(-x^2 / (2 variance)). */
export class DiscreteGaussian {
  readonly #bits: RandomBits;
  readonly #numerator: bigint;
  readonly #denominator: bigint;
  readonly #scale: number;
  readonly #safe: { readonly numerator: number; readonly step: number; readonly divisor: number } | undefined;

  /** `variance` is the parameter sigma^2, up to 2^80; the variance of the draws is never above it. Throws RangeError. */
  constructor(variance: Rational, bits: RandomBits) {
    assertPositive("variance", variance);
    const { numerator, denominator } = variance;
    const scale = integerSquareRoot(numerator / denominator) + 1n;
    if (scale > BigInt(LARGEST_SCALE))
      throw new RangeError(`variance: expected less than 2^80, got ${numerator}/${denominator}`);
    this.#bits = bits;
    this.#numerator = numerator;
    this.#denominator = denominator;
    this.#scale = Number(scale);
    const divisor = 2n * numerator * denominator * scale * scale;
    this.#safe =
      divisor <= BigInt(Number.MAX_SAFE_INTEGER)
        ? { numerator: Number(numerator), step: Number(denominator * scale), divisor: Number(divisor) }
        : undefined;
  }

  draw(): number {
    while (true) {
      const value = discreteLaplace(this.#scale, this.#bits);
      if (this.#keeps(Math.abs(value))) return value;
    }
  }

  /** With probability exp(-(size - variance / scale)^2 / (2 variance)): the Gaussian over the Laplace. */
  #keeps(size: number): boolean {
    if (this.#safe !== undefined) {
      const { numerator, step, divisor } = this.#safe;
      const distance = Math.abs(size * step - numerator);
      // Products of safe integers are exact where they are safe themselves; else the long way.
      if (distance < 94_906_265) return bernoulliExp(distance * distance, divisor, this.#bits);
    }
    const scale = BigInt(this.#scale);
    const distance = BigInt(size) * this.#denominator * scale - this.#numerator;
    const divisor = 2n * this.#numerator * this.#denominator * scale * scale;
    return bernoulliExpBig(distance * distance, divisor, this.#bits);
  }
}
