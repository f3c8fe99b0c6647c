/**
 * Adds up shares: of one meter over the slots of a mask, or of many meters slot by slot.
 * Sees shares, never readings: the sum of shares at x is the share at x of the sum.
 */
import { assertBitmap } from "../bitmap.ts";
import { assertElement, type FieldElement } from "../field.ts";
import {
  addProduct,
  carryProductSum,
  elementsToBytes,
  HIGH,
  limbsOf,
  LOW,
  MAX_LAZY_SUMS,
  storeElement,
  storeProductSum,
  wordsOf,
} from "../field-words.ts";
import { ENTRY_BYTES, entryCount, viewOf } from "./share-entries.ts";

// Products pile up unreduced this many times; addProduct allows 128.
const MAX_LAZY_PRODUCTS = 64;

/**
 * The sum of the shares of all entries, or of those in `mask` (bit i is entry i).
 * Throws RangeError on a broken length of `entries` or `mask`, and on stray bits.
 */
export function sumShares(entries: Uint8Array, mask?: Uint8Array): FieldElement {
  const count = entryCount(entries);
  if (mask !== undefined) assertBitmap("mask", mask, count);
  const view = viewOf(entries);
  const total = new BigUint64Array(1);
  const words = wordsOf(total);
  for (let from = 0; from < count; from += MAX_LAZY_SUMS) {
    let low = words[LOW]!;
    let high = words[HIGH]!;
    const to = Math.min(count, from + MAX_LAZY_SUMS);
    for (let index = from; index < to; index++) {
      if (mask !== undefined && (mask[index >>> 3]! & (1 << (index & 7))) === 0) continue;
      high += view.getUint32(ENTRY_BYTES * index);
      low += view.getUint32(ENTRY_BYTES * index + 4);
    }
    storeElement(low, high, words, 0);
  }
  return total[0]!;
}

/**
 * The sum of weight i times share i over all entries, or over those in `mask` (bit i is entry i). `weights` are field
 * elements as `limbsOf` splits them, once for all meters. Throws RangeError on a broken length of any of the three, and
 * on stray bits.
 */
export function weightedSum(entries: Uint8Array, weights: Float64Array, mask?: Uint8Array): FieldElement {
  const count = entryCount(entries);
  if (weights.length !== 3 * count) {
    throw new RangeError(`weights: expected ${3 * count} limbs, got ${weights.length}`);
  }
  if (mask !== undefined) assertBitmap("mask", mask, count);
  const view = viewOf(entries);
  const sum = new Float64Array(3);
  const total = new BigUint64Array(1);
  for (let index = 0, lazy = 0; index < count; index++) {
    if (mask !== undefined && (mask[index >>> 3]! & (1 << (index & 7))) === 0) continue;
    addProduct(view.getUint32(ENTRY_BYTES * index + 4), view.getUint32(ENTRY_BYTES * index), weights, 3 * index, sum);
    if (++lazy % MAX_LAZY_PRODUCTS === 0) carryProductSum(sum);
  }
  storeProductSum(sum, wordsOf(total), 0);
  return total[0]!;
}

/**
 * Running totals of a range of slots over many meters. Each meter's entries cover the same slots in the same order.
 * Invariant: a total is low + 2^32 * high, both exact in a double; they are brought below p before they can overflow.
 */
export class ShareTotals {
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  #lazySums = 0;

  /** Totals of `slots` slots, all zero. Throws RangeError unless `slots` is an integer of at least 0. */
  constructor(slots: number) {
    if (!Number.isInteger(slots) || slots < 0) {
      throw new RangeError(`slots: expected an integer of at least 0, got ${slots}`);
    }
    this.#low = new Float64Array(slots);
    this.#high = new Float64Array(slots);
  }

  /** How many slots there are. */
  get slots(): number {
    return this.#low.length;
  }

  /** Adds one meter's shares, all or those in `mask`. Throws RangeError when entries or mask do not fit the slots. */
  add(entries: Uint8Array, mask?: Uint8Array): void {
    this.#assertFits(entries, mask);
    this.#reserveSum();
    const low = this.#low;
    const high = this.#high;
    const view = viewOf(entries);
    for (let slot = 0; slot < low.length; slot++) {
      if (mask !== undefined && (mask[slot >>> 3]! & (1 << (slot & 7))) === 0) continue;
      high[slot] = high[slot]! + view.getUint32(ENTRY_BYTES * slot);
      low[slot] = low[slot]! + view.getUint32(ENTRY_BYTES * slot + 4);
    }
  }

  /** Adds weight * share of one meter to every slot. Throws RangeError as `add`, and on a weight outside the field. */
  addWeighted(entries: Uint8Array, weight: FieldElement, mask?: Uint8Array): void {
    this.#assertFits(entries, mask);
    assertElement("weight", weight);
    this.#reserveSum();
    const limbs = limbsOf([weight]);
    const sum = new Float64Array(3);
    const product = new Uint32Array(2);
    const view = viewOf(entries);
    for (let slot = 0; slot < this.slots; slot++) {
      if (mask !== undefined && (mask[slot >>> 3]! & (1 << (slot & 7))) === 0) continue;
      addProduct(view.getUint32(ENTRY_BYTES * slot + 4), view.getUint32(ENTRY_BYTES * slot), limbs, 0, sum);
      storeProductSum(sum, product, 0);
      this.#addWords(slot, product);
    }
  }

  /** The total of a slot, below p. Throws RangeError when there is no such slot. */
  valueAt(slot: number): FieldElement {
    if (!Number.isInteger(slot) || slot < 0 || slot >= this.slots) {
      throw new RangeError(`slot: expected an integer from 0 to ${this.slots - 1}, got ${slot}`);
    }
    const value = new BigUint64Array(1);
    storeElement(this.#low[slot]!, this.#high[slot]!, wordsOf(value), 0);
    return value[0]!;
  }

  /** All totals, below p. */
  elements(): BigUint64Array {
    const values = new BigUint64Array(this.slots);
    const words = wordsOf(values);
    for (let slot = 0; slot < this.slots; slot++) {
      storeElement(this.#low[slot]!, this.#high[slot]!, words, slot);
    }
    return values;
  }

  /** All totals as they go on the wire: 8 bytes each, big endian. */
  toBytes(): Uint8Array {
    return elementsToBytes(this.elements());
  }

  #addWords(slot: number, words: Uint32Array): void {
    this.#low[slot] = this.#low[slot]! + words[LOW]!;
    this.#high[slot] = this.#high[slot]! + words[HIGH]!;
  }

  #assertFits(entries: Uint8Array, mask: Uint8Array | undefined): void {
    const expected = ENTRY_BYTES * this.slots;
    if (entries.length !== expected) throw new RangeError(`entries: expected ${expected} bytes, got ${entries.length}`);
    if (mask !== undefined) assertBitmap("mask", mask, this.slots);
  }

  /** Brings the totals below p when one more addition could make a double inexact. */
  #reserveSum(): void {
    this.#lazySums++;
    // A stored total counts as one sum.
    if (this.#lazySums < MAX_LAZY_SUMS) return;
    const words = wordsOf(this.elements());
    for (let slot = 0; slot < this.slots; slot++) {
      this.#low[slot] = words[2 * slot + LOW]!;
      this.#high[slot] = words[2 * slot + HIGH]!;
    }
    this.#lazySums = 2;
  }
}
