/**
 * Uniform integers from a source of random bytes, drawn in blocks. Everything here is an integer, and every probability
 * is exactly the stated one as long as the bytes are uniform.
 */
import type { RandomBytes } from "../ckks/ring/sample.ts";

export type { RandomBytes };

const BLOCK_BYTES = 4_096;
const WORD = 2 ** 32;

/** Random bits, kept in a block: a call to the source for each number would cost more than the number. */
export class RandomBits {
  readonly #source: RandomBytes;
  #block: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #bits = 0;
  #bitsLeft = 0;

  /** `source`: node:crypto's randomBytes where it protects somebody, a seeded one in tests. */
  constructor(source: RandomBytes) {
    this.#source = source;
  }

  /** 0 or 1. */
  bit(): number {
    if (this.#bitsLeft === 0) {
      this.#bits = this.word();
      this.#bitsLeft = 32;
    }
    const bit = this.#bits & 1;
    this.#bits >>>= 1;
    this.#bitsLeft--;
    return bit;
  }

  /** Uniform from 0 to 2^32 - 1. */
  word(): number {
    if (this.#at === this.#block.byteLength) {
      const bytes = this.#source(BLOCK_BYTES);
      this.#block = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#at = 0;
    }
    const word = this.#block.getUint32(this.#at, true);
    // What was drawn stays nowhere.
    this.#block.setUint32(this.#at, 0, true);
    this.#at += 4;
    return word;
  }

  /** Uniform from 0 to 2^bits - 1, bits from 1 to 53. */
  bits(bits: number): number {
    if (bits <= 32) return this.word() >>> (32 - bits);
    return (this.word() >>> (64 - bits)) * WORD + this.word();
  }

  /** Uniform from 0 to 2^bits - 1, for any number of bits. */
  bigBits(bits: number): bigint {
    let value = 0n;
    for (let left = bits; left > 0; left -= 32) {
      const taken = Math.min(32, left);
      value = (value << BigInt(taken)) | BigInt(this.bits(taken));
    }
    return value;
  }

  /** Uniform from 0 to bound - 1 by rejection, bound from 1 to 2^53 - 1. */
  below(bound: number): number {
    if (!(Number.isSafeInteger(bound) && bound >= 1)) {
      throw new RangeError(`bound: expected an integer from 1 to 2^53 - 1, got ${bound}`);
    }
    if (bound === 1) return 0;
    const bits = bound <= WORD ? 32 - Math.clz32(bound - 1) : 64 - Math.clz32(Math.floor((bound - 1) / WORD));
    while (true) {
      const value = this.bits(bits);
      if (value < bound) return value;
    }
  }

  /** The same for a bound of any size. */
  bigBelow(bound: bigint): bigint {
    if (bound < 1n) throw new RangeError(`bound: expected at least 1, got ${bound}`);
    const bits = (bound - 1n).toString(2).length;
    while (true) {
      const value = this.bigBits(bits);
      if (value < bound) return value;
    }
  }
}
