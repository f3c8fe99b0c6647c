/**
 * Discrete Gaussian noise over the integers with a standard deviation from 2^9 to 2^140, for flooding.
 *
 * A base sampler draws from standard deviation 512 by a table of 128-bit cumulative probabilities; wide noise is
 * x0 + 2^8 x1 + 2^16 x2 + ... + a * xTop. Every factor is at most half the standard deviation of what it is added to,
 * so the sum is again a discrete Gaussian up to a relative error of 2^-112 a term (convolution: D. Micciancio and
 * M. Walter, "Gaussian sampling over the integers", 2017; the term is the smoothing error of width 2). Unlike a
 * rounded double, such noise has no empty low bits.
 *
 * Precision: a base sample is within 2^-114 of the true distribution (rounding of the table, and tails cut at 13.4
 * standard deviations); a coefficient of up to 18 terms within 2^-107 in statistical distance, an opening of 32,768
 * coefficients within 2^-92. That is far below every margin in docs/flooding.md. Not constant in time: looking up the
 * table takes longer in the tails. A party that times an aggregator to the nanosecond is outside the model.
 */
import type { RandomBytes } from "./sample.ts";

/** Wide noise: the coefficient i is the sum over limbs of weight * values[i]. Limbs fit Ring.addSigned. */
export interface WideNoise {
  readonly sigma: number;
  readonly limbs: readonly { readonly weight: bigint; readonly values: Int32Array }[];
}

const BASE_SIGMA = 512;
const TAIL = 6861; // 13.4 * 512
const FRACTION_BITS = 192n; // of the fixed-point numbers from which the table is made
const TABLE_BITS = 128n;
const GUIDE_SHIFT = 20;
export const SIGMA_BITS = { least: 9, most: 140 };

interface Table {
  /** The upper 32 bits of P(x <= index - TAIL) * 2^128. */
  readonly upper: Uint32Array;
  /** All of it. */
  readonly whole: readonly bigint[];
  /** Where to begin for each value of the upper 12 random bits. */
  readonly guide: Uint16Array;
}

let table: Table | undefined;

/** e^-1/(2 * 512^2) as a fixed-point number, by its series. */
function baseRatio(): bigint {
  const one = 1n << FRACTION_BITS;
  let term = one;
  let sum = 0n;
  for (let order = 1n; term !== 0n; order++) {
    sum += term;
    term = -term / (order * 2n * BigInt(BASE_SIGMA) ** 2n);
  }
  return sum;
}

function makeTable(): Table {
  // weight(x + 1) = weight(x) * ratio^(2x + 1)
  const ratio = baseRatio();
  const square = (ratio * ratio) >> FRACTION_BITS;
  const weights: bigint[] = [1n << FRACTION_BITS];
  let step = ratio;
  for (let x = 1; x <= TAIL; x++) {
    weights.push((weights[x - 1]! * step) >> FRACTION_BITS);
    step = (step * square) >> FRACTION_BITS;
  }
  const total = weights.reduce((sum, weight) => sum + 2n * weight, 0n) - weights[0]!;
  const whole: bigint[] = [];
  let sum = 0n;
  for (let x = -TAIL; x <= TAIL; x++) {
    sum += weights[Math.abs(x)]!;
    whole.push((sum << TABLE_BITS) / total);
  }
  whole[2 * TAIL] = 1n << TABLE_BITS;
  const upper = Uint32Array.from(whole, (value) => Number(BigInt.asUintN(32, value >> 96n)));
  upper[2 * TAIL] = 0xffff_ffff;
  const guide = new Uint16Array(2 ** (32 - GUIDE_SHIFT));
  let place = 0;
  for (let index = 0; index < guide.length; index++) {
    while (upper[place]! < index * 2 ** GUIDE_SHIFT) place++;
    guide[index] = place;
  }
  return { upper, whole, guide };
}

/** Draws `count` numbers from the discrete Gaussian of standard deviation 512, adding factor * number to `into`. */
function addBase(into: Int32Array, factor: number, random: RandomBytes): void {
  table ??= makeTable();
  const { upper, whole, guide } = table;
  const bytes = random(4 * into.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let index = 0; index < into.length; index++) {
    const draw = view.getUint32(4 * index, true);
    let place = guide[draw >>> GUIDE_SHIFT]!;
    while (upper[place]! < draw) place++;
    // The first 32 bits leave it open once in 300,000 draws: then 96 more decide.
    if (upper[place] === draw) place = exactPlace(whole, place, draw, random);
    into[index] = into[index]! + factor * (place - TAIL);
  }
}

function exactPlace(whole: readonly bigint[], from: number, draw: number, random: RandomBytes): number {
  let exact = BigInt(draw);
  for (const byte of random(12)) exact = (exact << 8n) | BigInt(byte);
  let place = from;
  while (whole[place]! <= exact) place++;
  return place;
}

/**
 * The factors of the base samples and the standard deviation they give: the least of this form that is at least
 * 2^sigmaBits, but for the rounding of doubles. Throws RangeError for bits outside 9 to 140.
 */
export function noiseFactors(sigmaBits: number): { readonly factors: readonly bigint[]; readonly sigma: number } {
  if (!(sigmaBits >= SIGMA_BITS.least && sigmaBits <= SIGMA_BITS.most)) {
    throw new RangeError(
      `sigmaBits: expected a number from ${SIGMA_BITS.least} to ${SIGMA_BITS.most}, got ${sigmaBits}`,
    );
  }
  const wanted = 2 ** sigmaBits;
  const factors = [1n];
  let sigma = BASE_SIGMA;
  // What is missing by rounding alone is not worth a term.
  while (sigma < wanted * (1 - 1e-12)) {
    const full = 256n ** BigInt(factors.length);
    const missing = Math.sqrt(wanted * wanted - sigma * sigma) / BASE_SIGMA;
    const factor = missing >= Number(full) ? full : BigInt(Math.max(1, Math.ceil(missing)));
    factors.push(factor);
    sigma = Math.hypot(sigma, Number(factor) * BASE_SIGMA);
  }
  return { factors, sigma };
}

/** Discrete Gaussian noise for `count` coefficients, of a standard deviation of 2^sigmaBits or slightly more. */
export function gaussianNoise(count: number, sigmaBits: number, random: RandomBytes): WideNoise {
  const { factors, sigma } = noiseFactors(sigmaBits);
  const limbs: { weight: bigint; values: Int32Array }[] = [];
  let at = 0;
  while (at < factors.length) {
    // Three full steps fit 32 bits: 6861 * (1 + 2^8 + 2^16) < 2^29.
    const weight = factors[at]!;
    const values = new Int32Array(count);
    let step = 1;
    for (; step <= 65_536 && factors[at] === weight * BigInt(step); step *= 256, at++) addBase(values, step, random);
    limbs.push({ weight, values });
  }
  return { sigma, limbs };
}
