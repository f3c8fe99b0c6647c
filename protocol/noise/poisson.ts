/**
 * Poisson and Skellam noise, exactly, by integers alone.
 *
 * Method: inversion in the random-bit model (D. Knuth, A. Yao, "The complexity of nonuniform random number generation",
 * 1976; L. Devroye, "Non-Uniform Random Variate Generation", 1986, II.2 and XV). A uniform number U is drawn bit by bit and
 * the draw is the least k with U < F(k). Neighbouring probabilities of a Poisson distribution have rational ratios,
 * mean / (k + 1), so integers rounded down and up enclose every F(k) as closely as wanted, without exp or a factorial. The
 * first 52 bits of U almost always decide; where an enclosure still straddles them, more bits are drawn and narrower
 * enclosures made, until they decide. What comes out has the Poisson distribution itself, not one close to it.
 */
import type { RandomBits } from "./bits.ts";
import { assertPositive, type Rational } from "./rational.ts";

/** F(first + j) lies in [low[j], high[j] + 1) / 2^bits; F(first - 1) below (before + 1) / 2^bits. */
interface Enclosures {
  readonly first: number;
  readonly before: bigint;
  readonly low: bigint[];
  readonly high: bigint[];
}

const FAST_BITS = 52;
/** More precision than bits of U: enclosures wider than the last bit would leave many draws open. */
const GUARD_BITS = 64n;
/** A table for 2^30 has 700,000 numbers and takes half a second to make. */
const LARGEST_MEAN = 2n ** 30n;

interface Weight {
  readonly low: bigint;
  readonly high: bigint;
}

/** Weights relative to 2^precision at the mode, from there to `step`'s end; and what is beyond at most. */
function oneSide(mode: bigint, step: 1n | -1n, mean: Rational, precision: bigint): { weights: Weight[]; tail: bigint } {
  const { numerator, denominator } = mean;
  const small = 1n << (GUARD_BITS / 2n);
  const weights: Weight[] = [];
  let low = 1n << precision;
  let high = low;
  for (let k = mode; ; k += step) {
    const up = step === 1n ? numerator : denominator * k;
    const down = step === 1n ? denominator * (k + 1n) : numerator;
    // From here on each weight is at most up / down of the one before: a geometric series.
    if (up === 0n) return { weights, tail: 0n };
    if (high < small) return { weights, tail: (high * up) / (down - up) + 1n };
    low = (low * up) / down;
    high = (high * up) / down + 1n;
    weights.push({ low, high });
  }
}

function enclose(mean: Rational, bits: number): Enclosures {
  const precision = BigInt(bits) + GUARD_BITS;
  const mode = mean.numerator / mean.denominator;
  const below = oneSide(mode, -1n, mean, precision);
  const above = oneSide(mode, 1n, mean, precision);
  const top = { low: 1n << precision, high: 1n << precision };
  const weights = [...below.weights.toReversed(), top, ...above.weights];
  const least = weights.reduce((sum, { low }) => sum + low, 0n);
  const most = weights.reduce((sum, { high }) => sum + high, below.tail + above.tail);
  const low: bigint[] = [];
  const high: bigint[] = [];
  let lowSum = 0n;
  let highSum = below.tail;
  for (const weight of weights) {
    lowSum += weight.low;
    highSum += weight.high;
    low.push((lowSum << BigInt(bits)) / most);
    high.push((highSum << BigInt(bits)) / least);
  }
  const before = below.tail === 0n ? -1n : (below.tail << BigInt(bits)) / least;
  return { first: Number(mode) - below.weights.length, before, low, high };
}

/** Draws from one Poisson distribution. */
export class Poisson {
  readonly #mean: Rational;
  readonly #random: RandomBits;
  readonly #fastBits: number;
  readonly #first: number;
  readonly #low: Float64Array;
  readonly #high: Float64Array;

  /** `mean` above 0 and up to 2^30. `fastBits`, from 1 to 52, decide most draws. Throws RangeError. */
  constructor(mean: Rational, random: RandomBits, { fastBits = FAST_BITS }: { readonly fastBits?: number } = {}) {
    assertPositive("mean", mean);
    if (mean.numerator > LARGEST_MEAN * mean.denominator) {
      throw new RangeError(`mean: expected at most 2^30, got ${mean.numerator}/${mean.denominator}`);
    }
    this.#mean = mean;
    this.#random = random;
    this.#fastBits = fastBits;
    const { first, before, low, high } = enclose(mean, fastBits);
    this.#first = first;
    // Up to 2^52: doubles hold these integers exactly.
    this.#low = Float64Array.from(low, Number);
    this.#high = Float64Array.from([before, ...high], Number);
  }

  draw(): number {
    const drawn = this.#random.bits(this.#fastBits);
    // The least place with F certainly above U.
    let from = 0;
    let to = this.#low.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (drawn < this.#low[middle]!) to = middle;
      else from = middle + 1;
    }
    const certain = from < this.#low.length && drawn > this.#high[from]!;
    return certain ? this.#first + from : this.#drawOn(BigInt(drawn));
  }

  /** Goes on with the bits that are drawn already: starting again would prefer what is easily decided. */
  #drawOn(start: bigint): number {
    let drawn = start;
    for (let bits = this.#fastBits + 64; ; bits += 64) {
      drawn = (drawn << 64n) | this.#random.bigBits(64);
      const { first, before, low, high } = enclose(this.#mean, bits);
      const place = low.findIndex((value) => drawn < value);
      if (place >= 0 && drawn > (place === 0 ? before : high[place - 1]!)) return first + place;
    }
  }
}

/**
 * Draws from a symmetric Skellam distribution: the difference of two Poisson numbers, each with half the variance as
 * its mean. Sums of independent draws are Skellam again, and their variances add up.
 */
export class Skellam {
  readonly #poisson: Poisson;

  /** `variance` above 0 and up to 2^31. Throws RangeError. */
  constructor(variance: Rational, random: RandomBits) {
    assertPositive("variance", variance);
    this.#poisson = new Poisson({ numerator: variance.numerator, denominator: 2n * variance.denominator }, random);
  }

  draw(): number {
    return this.#poisson.draw() - this.#poisson.draw();
  }
}
