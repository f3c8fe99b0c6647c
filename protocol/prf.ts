/**
 * Polynomials from a PRF: (device key, kind, slot, reading) in, a 64-bit tag and t - 1 coefficients out.
 * No random generator and no message counter goes in, so a retry gives the same polynomial, and two different
 * readings of a slot never share one. The key never leaves the device; the tag goes to every aggregator.
 *
 * ChaCha20 blocks (RFC 8439, section 2.3) with counter = kind * 2^24 + block index and
 * nonce = slot (4 bytes, big endian) || reading (8 bytes, big endian). Bytes 0 to 7 of block 0 are the tag;
 * every following group of 8 bytes, read big endian and masked to 61 bits, is a candidate; p itself is skipped.
 */
import { chacha20Block, chacha20KeyWords } from "./chacha20-block.ts";
import { assertElement, type FieldElement } from "./field.ts";
import { assertThreshold } from "./shamir/share-entries.ts";
import { assertSlot } from "./slots.ts";
import { kindName } from "./units.ts";

/** Bytes of a polynomial's tag. */
const TAG_BYTES = 8;

const HIGH_MASK = 0x1fff_ffff;

/** Working memory of one polynomial, reused from reading to reading. */
export interface PolynomialWords {
  /** The words of the current key stream block. */
  readonly block: Int32Array;
  /** The tag as the first two words of block 0: byte i of the tag is byte i % 4, lowest first, of word i / 4. */
  readonly tag: Int32Array;
  /** c1 at 0 and 1, c2 at 2 and 3 and so on: low 32 bits, then the high 29. */
  readonly coefficients: Uint32Array;
}

/** The inputs of a polynomial. `reading` is from 0 to p - 1; `t` from 1 to 7. */
export interface PolynomialInput {
  readonly key: Uint8Array;
  readonly kind: number;
  readonly slot: number;
  readonly reading: bigint;
  readonly t: number;
}

/** A polynomial without its constant term, and its tag. */
export interface Polynomial {
  readonly tag: Uint8Array;
  readonly coefficients: readonly FieldElement[];
}

/** Makes working memory for polynomials of up to `t` - 1 coefficients. */
export function polynomialWords(t: number): PolynomialWords {
  return { block: new Int32Array(16), tag: new Int32Array(2), coefficients: new Uint32Array(2 * (t - 1)) };
}

/**
 * The polynomial of one reading. Throws RangeError on a key that has not 32 bytes, an unknown kind, a slot, reading
 * or threshold out of range.
 */
export function polynomialOf(input: PolynomialInput): Polynomial {
  kindName(input.kind);
  assertSlot(input.slot);
  assertThreshold(input.t);
  assertElement("reading", input.reading);
  const words = polynomialWords(input.t);
  const high = Number(input.reading >> 32n);
  const low = Number(input.reading & 0xffff_ffffn);
  expandPolynomial(chacha20KeyWords(input.key), input.kind, input.slot, high, low, words);
  const tag = new Uint8Array(TAG_BYTES);
  const view = new DataView(tag.buffer);
  view.setInt32(0, words.tag[0]!, true);
  view.setInt32(4, words.tag[1]!, true);
  const coefficients: FieldElement[] = [];
  for (let index = 0; index < words.coefficients.length; index += 2) {
    coefficients.push((BigInt(words.coefficients[index + 1]!) << 32n) + BigInt(words.coefficients[index]!));
  }
  return { tag, coefficients };
}

/**
 * Fills `words` for the reading high * 2^32 + low. Allocates nothing and checks nothing: the hot path of splitting.
 * The number of coefficients follows from the working memory. `block` is ChaCha20 except in the test that p is skipped.
 */
export function expandPolynomial(
  key: Int32Array,
  kind: number,
  slot: number,
  high: number,
  low: number,
  words: PolynomialWords,
  block: typeof chacha20Block = chacha20Block,
): void {
  const counter = kind * 2 ** 24;
  const n0 = swapBytes(slot);
  const n1 = swapBytes(high);
  const n2 = swapBytes(low);
  block(key, counter, n0, n1, n2, words.block);
  words.tag[0] = words.block[0]!;
  words.tag[1] = words.block[1]!;
  let wanted = takeCandidates(words, 2, 0);
  // Further blocks: only when a candidate was p, about once in 2^58 readings.
  for (let index = 1; wanted > 0; index++) {
    block(key, counter + index, n0, n1, n2, words.block);
    wanted = takeCandidates(words, 0, words.coefficients.length / 2 - wanted);
  }
}

/** Takes coefficients from the block, starting at word `from`; `found` are there. Returns how many are missing. */
function takeCandidates(words: PolynomialWords, from: number, found: number): number {
  const { block, coefficients } = words;
  let at = 2 * found;
  for (let word = from; word < 16 && at < coefficients.length; word += 2) {
    const high = swapBytes(block[word]!) & HIGH_MASK;
    const low = swapBytes(block[word + 1]!);
    if (high === HIGH_MASK && low === -1) continue;
    coefficients[at] = low;
    coefficients[at + 1] = high;
    at += 2;
  }
  return (coefficients.length - at) / 2;
}

/** Turns the bytes of a 32-bit word around: ChaCha20 is little endian, this protocol big endian. */
function swapBytes(word: number): number {
  return ((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
