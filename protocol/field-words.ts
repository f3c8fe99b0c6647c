/**
 * GF(2^61 - 1) for batches, without BigInt: an element is a low word of 32 bits and a high word of 29.
 * In memory it is a pair in a Uint32Array that shares its buffer with a BigUint64Array, so that both see the value.
 * Sums are left unreduced in doubles (exact below 2^53) and brought below p once; the doc of each function states its bounds.
 */
import { ELEMENT_BYTES } from "./field.ts";

const TWO_32 = 2 ** 32;
const TWO_29 = 2 ** 29;
const HIGH_MASK = 0x1fff_ffff;
const LIMB_MASK = 0x1f_ffff;

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Where the low word of an element stands in its pair, so that a BigUint64Array over it reads the value. */
export const LOW = LITTLE_ENDIAN ? 0 : 1;
/** Where the high word stands in its pair. */
export const HIGH = 1 - LOW;

/** How many word pairs may be added up in doubles before a sum has to be stored: 2^20 * 2^32 is below 2^53. */
export const MAX_LAZY_SUMS = 2 ** 20;

/** The word pairs of an array of elements; shares its memory. */
export function wordsOf(elements: BigUint64Array): Uint32Array {
  return new Uint32Array(elements.buffer, elements.byteOffset, 2 * elements.length);
}

/**
 * Stores low + 2^32 * high, modulo p, as element `index` of `words`.
 * Takes any integers 0 <= low < 2^53 and 0 <= high < 2^53 - 2^21.
 */
export function storeElement(low: number, high: number, words: Uint32Array, index: number): void {
  const carry = Math.floor(low / TWO_32);
  let lo = low - carry * TWO_32;
  let hi = high + carry;
  // 2^61 = 1 modulo p: what stands above bit 29 of the high word comes back at the bottom.
  const top = Math.floor(hi / TWO_29);
  hi -= top * TWO_29;
  lo += top;
  if (lo >= TWO_32) {
    lo -= TWO_32;
    hi += 1;
    if (hi === TWO_29) {
      hi = 0;
      lo += 1;
    }
  }
  if (hi === HIGH_MASK && lo === TWO_32 - 1) hi = lo = 0;
  words[2 * index + LOW] = lo;
  words[2 * index + HIGH] = hi;
}

/**
 * Adds (low, high) * (three limbs of a factor) to the unreduced product in `sum`, three doubles of weight
 * 1, 2^21 and 2^42. One product adds less than 2^45 to each, so 128 of them stay exact.
 * Limbs have 21, 21 and 19 bits; of the five partial sums of a schoolbook product the upper two,
 * of weight 2^63 and 2^84, fold onto the lower with factor 4.
 */
export function addProduct(low: number, high: number, factor: Float64Array, at: number, sum: Float64Array): void {
  const a0 = low & LIMB_MASK;
  const a1 = (low >>> 21) | ((high & 0x3ff) << 11);
  const a2 = high >>> 10;
  const b0 = factor[at]!;
  const b1 = factor[at + 1]!;
  const b2 = factor[at + 2]!;
  sum[0] = sum[0]! + a0 * b0 + 4 * (a1 * b2 + a2 * b1);
  sum[1] = sum[1]! + a0 * b1 + a1 * b0 + 4 * (a2 * b2);
  sum[2] = sum[2]! + a0 * b2 + a1 * b1 + a2 * b0;
}

/** Stores the product sum modulo p as element `index` of `words` and clears the sum. */
export function storeProductSum(sum: Float64Array, words: Uint32Array, index: number): void {
  storeLimbs(sum[0]!, sum[1]!, sum[2]!, words, index);
  sum[0] = sum[1] = sum[2] = 0;
}

/** Brings a product sum down to limbs of 34, 21 and 19 bits without changing its value modulo p. */
export function carryProductSum(sum: Float64Array): void {
  const c0 = Math.floor(sum[0]! * 2 ** -21);
  const s1 = sum[1]! + c0;
  const c1 = Math.floor(s1 * 2 ** -21);
  const s2 = sum[2]! + c1;
  const c2 = Math.floor(s2 * 2 ** -19);
  sum[0] = sum[0]! - c0 * 2 ** 21 + c2;
  sum[1] = s1 - c1 * 2 ** 21;
  sum[2] = s2 - c2 * 2 ** 19;
}

/** Splits elements into the limbs `addProduct` takes: three doubles for each. */
export function limbsOf(elements: readonly bigint[]): Float64Array {
  const limbs = new Float64Array(3 * elements.length);
  for (const [index, value] of elements.entries()) {
    limbs[3 * index] = Number(value & 0x1f_ffffn);
    limbs[3 * index + 1] = Number((value >> 21n) & 0x1f_ffffn);
    limbs[3 * index + 2] = Number(value >> 42n);
  }
  return limbs;
}

/** out[i] = a[i] * b[i]. Elements must be below p; `out` may be `a` or `b`. Throws RangeError on unequal lengths. */
export function multiplyBatch(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array): void {
  assertLengths(a, b, out);
  const aWords = wordsOf(a);
  const bWords = wordsOf(b);
  const words = wordsOf(out);
  for (let index = 0; index < a.length; index++) {
    const aLow = aWords[2 * index + LOW]!;
    const aHigh = aWords[2 * index + HIGH]!;
    const bLow = bWords[2 * index + LOW]!;
    const bHigh = bWords[2 * index + HIGH]!;
    const a0 = aLow & LIMB_MASK;
    const a1 = (aLow >>> 21) | ((aHigh & 0x3ff) << 11);
    const a2 = aHigh >>> 10;
    const b0 = bLow & LIMB_MASK;
    const b1 = (bLow >>> 21) | ((bHigh & 0x3ff) << 11);
    const b2 = bHigh >>> 10;
    // The same product as in addProduct, kept in registers.
    const r0 = a0 * b0 + 4 * (a1 * b2 + a2 * b1);
    const r1 = a0 * b1 + a1 * b0 + 4 * (a2 * b2);
    const r2 = a0 * b2 + a1 * b1 + a2 * b0;
    storeLimbs(r0, r1, r2, words, index);
  }
}

/** out[i] = a[i] + b[i]. Elements must be below p; `out` may be `a` or `b`. Throws RangeError on unequal lengths. */
export function addBatch(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array): void {
  assertLengths(a, b, out);
  const aWords = wordsOf(a);
  const bWords = wordsOf(b);
  const words = wordsOf(out);
  for (let index = 0; index < a.length; index++) {
    const low = aWords[2 * index + LOW]! + bWords[2 * index + LOW]!;
    const high = aWords[2 * index + HIGH]! + bWords[2 * index + HIGH]!;
    storeElement(low, high, words, index);
  }
}

/** Writes elements as 8 bytes each, big endian. */
export function elementsToBytes(elements: BigUint64Array): Uint8Array {
  const words = wordsOf(elements);
  const bytes = new Uint8Array(ELEMENT_BYTES * elements.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < elements.length; index++) {
    view.setUint32(ELEMENT_BYTES * index, words[2 * index + HIGH]!);
    view.setUint32(ELEMENT_BYTES * index + 4, words[2 * index + LOW]!);
  }
  return bytes;
}

/** Stores r0 + 2^21 * r1 + 2^42 * r2 modulo p; each limb may be as large as 2^52. */
function storeLimbs(r0: number, r1: number, r2: number, words: Uint32Array, index: number): void {
  const c0 = Math.floor(r0 * 2 ** -21);
  const s1 = r1 + c0;
  const c1 = Math.floor(s1 * 2 ** -21);
  const s2 = r2 + c1;
  const c2 = Math.floor(s2 * 2 ** -19);
  // c2 has weight 2^61 = 1. From here on everything but the lowest limb, below 2^35, fits 32-bit integers.
  const s0 = r0 - c0 * 2 ** 21 + c2;
  const d0 = Math.floor(s0 * 2 ** -21);
  const limb0 = s0 - d0 * 2 ** 21;
  const wide1 = s1 - c1 * 2 ** 21 + d0;
  const limb1 = wide1 & LIMB_MASK;
  const limb2 = s2 - c2 * 2 ** 19 + (wide1 >> 21);
  const low = limb0 | (limb1 << 21);
  const high = (limb1 >>> 11) | (limb2 << 10);
  if (high >= HIGH_MASK) {
    // Perhaps p itself, or a carry to 2^61: rare enough to leave to the general case.
    storeElement(low >>> 0, high, words, index);
    return;
  }
  words[2 * index + LOW] = low;
  words[2 * index + HIGH] = high;
}

function assertLengths(a: BigUint64Array, b: BigUint64Array, out: BigUint64Array): void {
  if (b.length !== a.length) throw new RangeError(`b: expected ${a.length} elements, got ${b.length}`);
  if (out.length !== a.length) throw new RangeError(`out: expected ${a.length} elements, got ${out.length}`);
}
