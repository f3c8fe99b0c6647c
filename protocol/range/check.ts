/**
 * An aggregator's part in testing shares of bits. Sees shares, never bits: what it computes of its points of f_j is its
 * point of the same expression of the polynomials f_j.
 */
import { assertBitmap } from "../bitmap.ts";
import type { FieldElement } from "../field.ts";
import { addProduct, carryProductSum, HIGH, LOW, storeElement, storeProductSum, wordsOf } from "../field-words.ts";
import { ENTRY_BYTES, viewOf } from "../shamir/share-entries.ts";
import { bitEntryBytes, bitEntryCount } from "./bit-entries.ts";

// addProduct allows 128 products of limbs up to 2^21; those of `addBitProduct` are hardly larger.
const MAX_LAZY_PRODUCTS = 64;
const LIMB_MASK = 0x1f_ffff;

/** Entries of one meter: consecutive slots, and those of them that count. */
export interface BitShares {
  readonly entries: Uint8Array;
  readonly bits: number;
  /** Bit i is entry i; all by default. */
  readonly mask?: Uint8Array | undefined;
}

type AddOne = (low: number, high: number, weights: Float64Array, at: number, sum: Float64Array) => void;

/**
 * The sum of weight times f_j(x) over all bits: a point of a polynomial of degree t - 1 when all f_j have that degree.
 * `weights` are limbs for each bit of each entry. Throws RangeError on a broken length of entries, weights or mask.
 */
export function bitSum(shares: BitShares, weights: Float64Array): FieldElement {
  return sumOf(shares, weights, addProduct);
}

/**
 * The sum of weight times f_j(x)^2 - f_j(x) over all bits: a point of a polynomial of degree 2t - 2 that is 0 at 0 when
 * every f_j(0) is 0 or 1. Throws RangeError as `bitSum`.
 */
export function bitCheck(shares: BitShares, weights: Float64Array): FieldElement {
  return sumOf(shares, weights, addBitProduct);
}

function sumOf({ entries, bits, mask }: BitShares, weights: Float64Array, addOne: AddOne): FieldElement {
  const count = bitEntryCount(entries, bits);
  if (weights.length !== 3 * bits * count) {
    throw new RangeError(`weights: expected ${3 * bits * count} limbs, got ${weights.length}`);
  }
  if (mask !== undefined) assertBitmap("mask", mask, count);
  const size = bitEntryBytes(bits);
  const view = viewOf(entries);
  const sum = new Float64Array(3);
  const total = new BigUint64Array(1);
  let lazy = 0;
  for (let index = 0; index < count; index++) {
    if (mask !== undefined && (mask[index >>> 3]! & (1 << (index & 7))) === 0) continue;
    for (let bit = 0; bit < bits; bit++) {
      const at = size * index + 8 * bit;
      addOne(view.getUint32(at + 4), view.getUint32(at), weights, 3 * (bits * index + bit), sum);
      if (++lazy % MAX_LAZY_PRODUCTS === 0) carryProductSum(sum);
    }
  }
  storeProductSum(sum, wordsOf(total), 0);
  return total[0]!;
}

/**
 * `bitCheck` of elements that stand one after another, as those of a vector. `weights` are limbs for each. Throws
 * RangeError for another number of weights.
 */
export function elementsBitCheck(shares: BigUint64Array, weights: Float64Array): FieldElement {
  if (weights.length !== 3 * shares.length) {
    throw new RangeError(`weights: expected ${3 * shares.length} limbs, got ${weights.length}`);
  }
  const words = wordsOf(shares);
  const sum = new Float64Array(3);
  const total = new BigUint64Array(1);
  for (let index = 0; index < shares.length; index++) {
    addBitProduct(words[2 * index + LOW]!, words[2 * index + HIGH]!, weights, 3 * index, sum);
    if ((index + 1) % MAX_LAZY_PRODUCTS === 0) carryProductSum(sum);
  }
  storeProductSum(sum, wordsOf(total), 0);
  return total[0]!;
}

/** Adds weight times f (f - 1), for f = low + 2^32 high below p, to the unreduced sum. */
function addBitProduct(low: number, high: number, weights: Float64Array, at: number, sum: Float64Array): void {
  const a0 = low & LIMB_MASK;
  const a1 = (low >>> 21) | ((high & 0x3ff) << 11);
  const a2 = high >>> 10;
  // f - 1 as f + (p - 1), limb by limb: below 2^22 each, and never negative.
  const b0 = a0 + (LIMB_MASK - 1);
  const b1 = a1 + LIMB_MASK;
  const b2 = a2 + 0x7_ffff;
  // The product's limbs, below 2^47, are carried to 21, 22 and 19 bits: canonical they need not be.
  const r0 = a0 * b0 + 4 * (a1 * b2 + a2 * b1);
  const c0 = Math.floor(r0 * 2 ** -21);
  const r1 = a0 * b1 + a1 * b0 + 4 * (a2 * b2) + c0;
  const c1 = Math.floor(r1 * 2 ** -21);
  const r2 = a0 * b2 + a1 * b1 + a2 * b0 + c1;
  const c2 = Math.floor(r2 * 2 ** -19);
  const s0 = r0 - c0 * 2 ** 21 + c2;
  const d0 = Math.floor(s0 * 2 ** -21);
  const u0 = s0 - d0 * 2 ** 21;
  const u1 = r1 - c1 * 2 ** 21 + d0;
  const u2 = r2 - c2 * 2 ** 19;
  const w0 = weights[at]!;
  const w1 = weights[at + 1]!;
  const w2 = weights[at + 2]!;
  sum[0] = sum[0]! + u0 * w0 + 4 * (u1 * w2 + u2 * w1);
  sum[1] = sum[1]! + u0 * w1 + u1 * w0 + 4 * (u2 * w2);
  sum[2] = sum[2]! + u0 * w2 + u1 * w1 + u2 * w0;
}

/**
 * Shares of the readings from shares of their bits, as entries of share and tag (shamir/share-entries.ts): the sum of
 * 2^j times the share of bit j. Throws RangeError on a broken length.
 */
export function readingShares(entries: Uint8Array, bits: number): Uint8Array {
  const count = bitEntryCount(entries, bits);
  const size = bitEntryBytes(bits);
  const view = viewOf(entries);
  const out = new Uint8Array(ENTRY_BYTES * count);
  const outView = viewOf(out);
  const words = new Uint32Array(2);
  for (let index = 0; index < count; index++) {
    // Horner's rule from the highest bit down: doubling and adding stay far below 2^53.
    words.fill(0);
    for (let bit = bits - 1; bit >= 0; bit--) {
      const at = size * index + 8 * bit;
      storeElement(2 * words[LOW]! + view.getUint32(at + 4), 2 * words[HIGH]! + view.getUint32(at), words, 0);
    }
    outView.setUint32(ENTRY_BYTES * index, words[HIGH]!);
    outView.setUint32(ENTRY_BYTES * index + 4, words[LOW]!);
    const tag = size * index + 8 * bits;
    out.set(entries.subarray(tag, tag + 8), ENTRY_BYTES * index + 8);
  }
  return out;
}
