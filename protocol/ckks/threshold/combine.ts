/**
 * The utility's side of an opening: c0 and t parts in, the values of the slots out. Holds no key; what it opens is what
 * t aggregators gave parts for.
 */
import { inverseMod } from "../ring/modular.ts";
import type { Ring, RnsPoly } from "../ring/ring.ts";
import { openedPrimes } from "./stride.ts";

export interface CombineInput {
  readonly ring: Ring;
  /** The randomised ciphertext's first polynomial: coefficients at multiples of stride. */
  readonly c0: RnsPoly;
  /** One part from each of the active set. */
  readonly partials: readonly RnsPoly[];
  readonly stride: number;
}

/** Opened slots. Values that were real have imaginary parts of the size of the noise: another check of the opening. */
export interface OpenedSlots {
  readonly real: Float64Array;
  readonly imaginary: Float64Array;
}

/** c0 + the parts: the opened plaintext's coefficients. Throws RangeError on lengths that differ, and on no residues. */
export function combine(input: CombineInput): RnsPoly {
  const { ring, c0, partials, stride } = input;
  const primes = openedPrimes(ring, c0, stride);
  const sum = c0.slice();
  ring.assertReduced("c0", sum, primes);
  for (const [at, part] of partials.entries()) {
    if (part.length !== c0.length) {
      throw new RangeError(`partials[${at}]: expected ${c0.length} residues, got ${part.length}`);
    }
    ring.assertReduced(`partials[${at}]`, part, primes);
    ring.add(sum, part, primes);
  }
  return sum;
}

/** The integers nearest zero with these residues, by the Chinese remainder theorem, as doubles over `scale`. */
function centredValues(ring: Ring, coefficients: RnsPoly, stride: number, scale: number): Float64Array {
  const count = openedPrimes(ring, coefficients, stride);
  const width = coefficients.length / count;
  const primes = ring.primes.slice(0, count);
  const modulus = primes.reduce((product, prime) => product * prime, 1n);
  const others = primes.map((prime) => modulus / prime);
  const inverses = primes.map((prime, index) => inverseMod(others[index]!, prime));
  const values = new Float64Array(width);
  for (let at = 0; at < width; at++) {
    let sum = 0n;
    for (let index = 0; index < count; index++) {
      sum += ((coefficients[index * width + at]! * inverses[index]!) % primes[index]!) * others[index]!;
    }
    sum %= modulus;
    values[at] = Number(2n * sum > modulus ? sum - modulus : sum) / scale;
  }
  return values;
}

/**
 * The values of the window's slots, degree / (2 * stride) of them. The opened polynomial is one in Y = X^stride of
 * degree m = degree / stride, so its canonical embedding is that of the small ring: its values at exp(i pi / m)^(3^j)
 * (SEAL numbers its slots by powers of 3). A Fourier transform of size m computes them in doubles, as SEAL's decoder
 * does for the whole ring; it needs no library and no coefficients that were not opened.
 */
export function toSlots(ring: Ring, coefficients: RnsPoly, scale: number, stride: number): OpenedSlots {
  const re = centredValues(ring, coefficients, stride, scale);
  const m = re.length;
  const im = new Float64Array(m);
  for (let k = 0; k < m; k++) {
    const value = re[k]!;
    re[k] = value * Math.cos((Math.PI * k) / m);
    im[k] = value * Math.sin((Math.PI * k) / m);
  }
  fourier(re, im); // entry j is now the value at exp(i pi / m)^(2 j + 1)
  const slots: OpenedSlots = { real: new Float64Array(m / 2), imaginary: new Float64Array(m / 2) };
  for (let slot = 0, power = 1; slot < m / 2; slot++, power = (power * 3) % (2 * m)) {
    slots.real[slot] = re[(power - 1) / 2]!;
    slots.imaginary[slot] = im[(power - 1) / 2]!;
  }
  return slots;
}

/** Entry j becomes the sum over k of entry k times exp(2 pi i j k / n), in place; n is a power of two. */
function fourier(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let index = 1, reversed = 0; index < n; index++) {
    let bit = n >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed |= bit;
    if (index < reversed) {
      [re[index], re[reversed]] = [re[reversed]!, re[index]!];
      [im[index], im[reversed]] = [im[reversed]!, im[index]!];
    }
  }
  for (let half = 1; half < n; half *= 2) {
    for (let j = 0; j < half; j++) {
      const c = Math.cos((Math.PI * j) / half);
      const s = Math.sin((Math.PI * j) / half);
      for (let x = j; x < n; x += 2 * half) {
        const y = x + half;
        const r = re[y]! * c - im[y]! * s;
        const i = re[y]! * s + im[y]! * c;
        re[y] = re[x]! - r;
        im[y] = im[x]! - i;
        re[x] = re[x]! + r;
        im[x] = im[x]! + i;
      }
    }
  }
}
