/** Adding shares of vectors: of many homes element by element, and of one home under weights. Runs at aggregators only. */
import type { FieldElement } from "../field.ts";
import {
  addProduct,
  carryProductSum,
  elementsToBytes,
  HIGH,
  LOW,
  MAX_LAZY_SUMS,
  storeElement,
  storeProductSum,
  wordsOf,
} from "../field-words.ts";

// Products pile up unreduced this many times; addProduct allows 128.
const MAX_LAZY_PRODUCTS = 64;

/**
 * Running totals of vectors of one length. Invariant: a total is low + 2^32 * high, both exact in a double; they are
 * brought below p before they can overflow.
 */
export class VectorTotals {
  readonly #low: Float64Array;
  readonly #high: Float64Array;
  #lazySums = 0;

  /** Totals of `elements` elements, all zero. */
  constructor(elements: number) {
    this.#low = new Float64Array(elements);
    this.#high = new Float64Array(elements);
  }

  /** Adds one home's shares, each below p. Throws RangeError unless there is one for each element. */
  add(shares: BigUint64Array): void {
    if (shares.length !== this.#low.length) {
      throw new RangeError(`shares: expected ${this.#low.length} elements, got ${shares.length}`);
    }
    this.#reserveSum();
    const [low, high, words] = [this.#low, this.#high, wordsOf(shares)];
    for (let index = 0; index < low.length; index++) {
      low[index] = low[index]! + words[2 * index + LOW]!;
      high[index] = high[index]! + words[2 * index + HIGH]!;
    }
  }

  /** All totals, below p, as they go on the wire: 8 bytes each, big endian. */
  toBytes(): Uint8Array {
    return elementsToBytes(this.elements());
  }

  /** All totals, below p. */
  elements(): BigUint64Array {
    const values = new BigUint64Array(this.#low.length);
    const words = wordsOf(values);
    for (let index = 0; index < values.length; index++) {
      storeElement(this.#low[index]!, this.#high[index]!, words, index);
    }
    return values;
  }

  #reserveSum(): void {
    this.#lazySums++;
    // A stored total counts as one sum.
    if (this.#lazySums < MAX_LAZY_SUMS) return;
    const words = wordsOf(this.elements());
    for (let index = 0; index < this.#low.length; index++) {
      this.#low[index] = words[2 * index + LOW]!;
      this.#high[index] = words[2 * index + HIGH]!;
    }
    this.#lazySums = 2;
  }
}

/**
 * The sum of weight i times share i over a vector. `weights` are field elements as `limbsOf` splits them, once for all
 * homes. Throws RangeError unless there is one for each share.
 */
export function weightedVectorSum(shares: BigUint64Array, weights: Float64Array): FieldElement {
  if (weights.length !== 3 * shares.length) {
    throw new RangeError(`weights: expected ${3 * shares.length} limbs, got ${weights.length}`);
  }
  const words = wordsOf(shares);
  const sum = new Float64Array(3);
  const total = new BigUint64Array(1);
  for (let index = 0; index < shares.length; index++) {
    addProduct(words[2 * index + LOW]!, words[2 * index + HIGH]!, weights, 3 * index, sum);
    if ((index + 1) % MAX_LAZY_PRODUCTS === 0) carryProductSum(sum);
  }
  storeProductSum(sum, wordsOf(total), 0);
  return total[0]!;
}
