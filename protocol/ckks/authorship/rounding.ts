/**
 * The upper digits of residue polynomials: each coefficient modulo q = q_1 ... q_L is written as
 * v_1 + v_2 q_1 + v_3 q_1 q_2 + ..., and its lower part is dropped. Two polynomials that differ by little have the same
 * upper digits nearly everywhere. All of it is exact, so everybody finds the same.
 */
import { inverseMod } from "../ring/modular.ts";
import type { Ring, RnsPoly } from "../ring/index.ts";

/** Coefficients that a difference of the allowed size moves over an edge, on average over a polynomial, at most. */
const CROSSING = 1 / 16;

/** What distances from an edge may be wrong by: they are found with doubles. */
const DOUBLES = 2 ** -30;

/** How a polynomial of so many primes is rounded: in steps of 2^shift times the product of the dropped primes. */
export interface Rounding {
  /** Digits that are dropped whole. */
  readonly dropped: number;
  /** Lower bits of the next digit that are dropped. */
  readonly shift: number;
  /** The largest difference that settled coefficients stand, in units of the dropped primes' product. */
  readonly reach: number;
  /** Bits that remain of a coefficient; less than 1 where there is no such rounding. */
  readonly bits: number;
}

/** The finest rounding that differences of up to `most` rarely cross. */
export function roundingFor(degree: number, primes: readonly bigint[], most: bigint): Rounding {
  const widest = (2 * degree * Number(most)) / CROSSING;
  let product = 1;
  let dropped = 0;
  while (dropped < primes.length && product * Number(primes[dropped]!) <= widest) product *= Number(primes[dropped++]!);
  const shift = Math.max(0, Math.ceil(Math.log2(widest / product)));
  const modulusBits = primes.reduce((sum, prime) => sum + Math.log2(Number(prime)), 0);
  return { dropped, shift, reach: Number(most) / product, bits: modulusBits - Math.log2(product) - shift };
}

export interface UpperDigits {
  /** For each kept digit, the lowest first, that of every coefficient as a little-endian word. */
  readonly bytes: Uint8Array;
  /** Whether no coefficient changes its upper digits when it is moved by the allowed difference. */
  readonly settled: boolean;
}

/** The upper digits of a polynomial in coefficient form, which is used up. There must be bits that remain. */
export function upperDigits(ring: Ring, poly: RnsPoly, { dropped, shift, reach }: Rounding): UpperDigits {
  const { degree } = ring;
  const digits = mixedRadix(ring, poly);
  const below = dropped === 0 ? undefined : digits[dropped - 1]!;
  const belowPrime = Number(ring.primes[Math.max(0, dropped - 1)]!);
  const prime = Number(ring.primes[dropped]!);
  const words = new Uint32Array(poly.buffer, poly.byteOffset + 8 * degree * dropped, 2 * degree);
  const width = 2 ** shift;
  // The lower bits of a word, by its halves.
  const lowMask = shift < 32 ? width - 1 : 0xffff_ffff;
  const highMask = shift < 32 ? 0 : 2 ** (shift - 32) - 1;
  const least = reach + DOUBLES;
  let settled = true;
  for (let place = 0; place < degree; place++) {
    const low = words[2 * place]!;
    const high = words[2 * place + 1]!;
    const lower = (high & highMask) * 2 ** 32 + ((low & lowMask) >>> 0);
    // What lies between the coefficient and the ends of its step; the last step of a digit is a shorter one.
    const from = lower + (below === undefined ? 0 : Number(below[place]!) / belowPrime);
    if (from <= least || width - from <= least || prime - (high * 2 ** 32 + low) <= least) settled = false;
    words[2 * place] = shiftedLow(low, high, shift);
    words[2 * place + 1] = shift < 32 ? high >>> shift : 0;
  }
  const start = 8 * degree * dropped;
  return { bytes: new Uint8Array(poly.buffer, poly.byteOffset + start, 8 * poly.length - start), settled };
}

/** Garner's algorithm, in place: the digits of all coefficients, the lowest digit first. */
function mixedRadix(ring: Ring, poly: RnsPoly): RnsPoly[] {
  const { degree } = ring;
  const digits = Array.from({ length: ring.primeCount(poly) }, (_, i) => poly.subarray(i * degree, (i + 1) * degree));
  for (const [index, digit] of digits.entries()) {
    const here = ring.at(index);
    for (let lower = 0; lower < index; lower++) {
      const known = digits[lower]!.slice();
      here.affine(known, 1n, 0n);
      here.subtract(digit, known);
      here.affine(digit, inverseMod(ring.primes[lower]!, here.prime), 0n);
    }
  }
  return digits;
}

/** The lower half of a word without its lower `shift` bits. */
function shiftedLow(low: number, high: number, shift: number): number {
  if (shift === 0) return low;
  return shift < 32 ? (low >>> shift) | (high << (32 - shift)) : high >>> (shift - 32);
}
