/**
 * Shares of a vector as they travel: a seed that stands for all of them, or 61 bits for each, without gaps. Sees shares
 * of whoever holds them, and makes none (split-vector.ts).
 */
import { createCipheriv } from "node:crypto";
import { ProtocolError } from "../errors.ts";
import { HIGH, LOW, wordsOf } from "../field-words.ts";
import { viewOf } from "./share-entries.ts";

/** Bytes of a seed. */
export const SEED_BYTES = 32;
/** Bytes of a vector's tag. */
export const VECTOR_TAG_BYTES = 8;

const ELEMENT_BITS = 61;
const CANDIDATE_BYTES = 8;
const HIGH_MASK = 0x1fff_ffff;
const ALL_ONES = 0xffff_ffff;

/** The shares of one aggregator: what it expands, or what it unpacks. */
export type VectorShare = { readonly seed: Uint8Array } | { readonly packed: Uint8Array };

/** Produces the next `size` bytes of a stream. */
export type ByteStream = (size: number) => Uint8Array;

/** The key stream of ChaCha20 (RFC 8439) from block 0 on, with nonce 0. Throws RangeError unless the seed has 32 bytes. */
export function seedStream(seed: Uint8Array): ByteStream {
  if (seed.length !== SEED_BYTES) throw new RangeError(`seed: expected ${SEED_BYTES} bytes, got ${seed.length}`);
  const cipher = createCipheriv("chacha20", seed, new Uint8Array(16));
  return (size) => cipher.update(new Uint8Array(size));
}

/** `count` field elements of a stream: of every 8 bytes, big endian, the lowest 61 bits; p itself is skipped. */
export function elementsOfStream(next: ByteStream, count: number): BigUint64Array {
  const elements = new BigUint64Array(count);
  const words = wordsOf(elements);
  for (let found = 0; found < count; ) {
    const bytes = next(CANDIDATE_BYTES * (count - found));
    const view = viewOf(bytes);
    for (let at = 0; at < bytes.length; at += CANDIDATE_BYTES) {
      const high = view.getUint32(at) & HIGH_MASK;
      const low = view.getUint32(at + 4);
      if (high === HIGH_MASK && low === ALL_ONES) continue;
      words[2 * found + HIGH] = high;
      words[2 * found + LOW] = low;
      found++;
    }
  }
  return elements;
}

/** Bytes of `count` packed elements. */
export function packedBytes(count: number): number {
  return Math.ceil((ELEMENT_BITS * count) / 8);
}

/** 61 bits for each element, highest bit first, without gaps; the bits left over in the last byte are 0. */
export function packElements(elements: BigUint64Array): Uint8Array {
  const words = wordsOf(elements);
  const size = packedBytes(elements.length);
  // The last element is written as nine bytes, too.
  const bytes = new Uint8Array(size + 9);
  const view = viewOf(bytes);
  for (let index = 0; index < elements.length; index++) {
    const bit = ELEMENT_BITS * index;
    const at = bit >>> 3;
    const shift = bit & 7;
    const low = words[2 * index + LOW]!;
    const first = (words[2 * index + HIGH]! << 3) | (low >>> 29);
    const second = low << 3;
    view.setUint32(at, view.getUint32(at) | (first >>> shift));
    if (shift === 0) view.setUint32(at + 4, second);
    else {
      view.setUint32(at + 4, (first << (32 - shift)) | (second >>> shift));
      bytes[at + 8] = second << (8 - shift);
    }
  }
  return bytes.slice(0, size);
}

/** Throws ProtocolError `wrong-length`, or `malformed` for an element that is p and for stray bits. */
export function unpackElements(packed: Uint8Array, count: number): BigUint64Array {
  const size = packedBytes(count);
  if (packed.length !== size) {
    throw new ProtocolError("wrong-length", `${count} elements take ${size} bytes, got ${packed.length}`);
  }
  const spare = 8 * size - ELEMENT_BITS * count;
  if (size > 0 && (packed[size - 1]! & ((1 << spare) - 1)) !== 0) {
    throw new ProtocolError("malformed", "packed elements have stray bits");
  }
  const bytes = new Uint8Array(size + 9);
  bytes.set(packed);
  const view = viewOf(bytes);
  const elements = new BigUint64Array(count);
  const words = wordsOf(elements);
  for (let index = 0; index < count; index++) {
    const bit = ELEMENT_BITS * index;
    const at = bit >>> 3;
    const shift = bit & 7;
    let first = view.getUint32(at);
    let second = view.getUint32(at + 4);
    if (shift > 0) {
      first = (first << shift) | (second >>> (32 - shift));
      second = (second << shift) | (bytes[at + 8]! >>> (8 - shift));
    }
    const high = first >>> 3;
    const low = ((first << 29) | (second >>> 3)) >>> 0;
    if (high === HIGH_MASK && low === ALL_ONES) {
      throw new ProtocolError("malformed", `packed element ${index} is not in the field`);
    }
    words[2 * index + HIGH] = high;
    words[2 * index + LOW] = low;
  }
  return elements;
}

/** The elements of one aggregator's shares. Throws as `unpackElements`, and RangeError for a seed of another length. */
export function elementsOfShare(share: VectorShare, count: number): BigUint64Array {
  return "seed" in share ? elementsOfStream(seedStream(share.seed), count) : unpackElements(share.packed, count);
}
