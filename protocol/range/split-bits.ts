/**
 * Splits readings into Shamir shares of their bits: of bit j aggregator x gets f_j(x), f_j(0) = the bit, f_j of degree
 * t - 1. Runs on the meter only. Coefficients come from the PRF of prf.ts, from blocks that sharing whole readings never
 * uses: else a bit and its reading would have one polynomial, and their difference would show.
 */
import { chacha20Block, chacha20KeyWords } from "../chacha20-block.ts";
import { add, type FieldElement, multiply, writeElement } from "../field.ts";
import { expandPolynomial, type PolynomialWords } from "../prf.ts";
import { assertSharing, viewOf } from "../shamir/share-entries.ts";
import { assertSlot } from "../slots.ts";
import { kindName } from "../units.ts";
import { bitEntryBytes } from "./bit-entries.ts";

/** Blocks from here on are for bits: 256 of them for each width, so that two widths share no polynomial and no tag. */
const FIRST_BLOCK = 2 ** 16;
const BLOCKS_PER_WIDTH = 256;
const TWO_32 = 2 ** 32;

export interface SplitBits {
  /** The device-only polynomial key, 32 bytes. */
  readonly key: Uint8Array;
  readonly kind: number;
  /** The slot of the first reading; the others follow slot by slot. */
  readonly firstSlot: number;
  /** Integers from 0 to 2^bits - 1. */
  readonly readings: readonly number[];
  readonly bits: number;
  readonly n: number;
  readonly t: number;
}

/**
 * For each aggregator the entries of all readings (bit-entries.ts). Throws RangeError on a wrong key length, kind, slot,
 * n, t, number of bits, or reading.
 */
export function splitBits({ key, kind, firstSlot, readings, bits, n, t }: SplitBits): Uint8Array[] {
  kindName(kind);
  assertSharing(n, t);
  assertSlot(firstSlot);
  if (readings.length > 0) assertSlot(firstSlot + readings.length - 1);
  const size = bitEntryBytes(bits);
  const out = Array.from({ length: n }, () => new Uint8Array(size * readings.length));
  const keyWords = chacha20KeyWords(key);
  const bitsBlock = blocksFrom(FIRST_BLOCK + BLOCKS_PER_WIDTH * bits);
  const words: PolynomialWords = {
    block: new Int32Array(16),
    tag: new Int32Array(2),
    coefficients: new Uint32Array(2 * bits * (t - 1)),
  };
  for (const [index, reading] of readings.entries()) {
    // The value stays out of the message: it is a reading.
    if (!Number.isSafeInteger(reading) || reading < 0 || reading >= 2 ** bits) {
      throw new RangeError(`readings[${index}]: expected an integer from 0 to 2^${bits} - 1`);
    }
    const high = Math.floor(reading / TWO_32);
    expandPolynomial(keyWords, kind, firstSlot + index, high, reading - high * TWO_32, words, bitsBlock);
    for (const [x, entries] of out.entries()) writeEntry(entries, size * index, BigInt(reading), bits, x + 1, words);
  }
  return out;
}

function blocksFrom(first: number): typeof chacha20Block {
  return (key, counter, n0, n1, n2, out) => {
    chacha20Block(key, counter + first, n0, n1, n2, out);
  };
}

function writeEntry(
  entries: Uint8Array,
  at: number,
  reading: bigint,
  bits: number,
  x: number,
  { coefficients, tag }: PolynomialWords,
): void {
  const degree = coefficients.length / 2 / bits;
  for (let bit = 0; bit < bits; bit++) {
    let share: FieldElement = 0n;
    for (let power = degree; power > 0; power--) {
      const word = 2 * (bit * degree + power - 1);
      const coefficient = (BigInt(coefficients[word + 1]!) << 32n) | BigInt(coefficients[word]!);
      share = multiply(add(share, coefficient), BigInt(x));
    }
    writeElement(add(share, (reading >> BigInt(bit)) & 1n), entries, at + 8 * bit);
  }
  const view = viewOf(entries);
  view.setInt32(at + 8 * bits, tag[0]!, true);
  view.setInt32(at + 8 * bits + 4, tag[1]!, true);
}
