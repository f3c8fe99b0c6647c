/**
 * A reading shared bit by bit: one entry per slot with a share of each of its bits, lowest first, and the tag of its
 * polynomials. Layout: `bits` shares of 8 bytes, big endian, below p || tag (8 bytes). The weighted sum of the shares of
 * the bits is a share of the reading, so what is proved of the bits is proved of the reading.
 */
import { ELEMENT_BYTES } from "../field.ts";
import { firstInvalidElement } from "../shamir/share-entries.ts";
import { type KindName, kindName } from "../units.ts";

const TAG_BYTES = 8;
/** Readings are at most 2^53 - 1; one bit less leaves no number that a double does not hold. */
export const MAX_BITS = 52;

/** How many bits the readings of a kind are shared by; kinds that are left out are shared as a whole. */
export type BitsByKind = Readonly<Partial<Record<KindName, number | undefined>>>;

/** 0 for a kind that is shared as a whole. */
export function bitsOfKind(bits: BitsByKind, kind: number): number {
  return bits[kindName(kind)] ?? 0;
}

/** Bytes of an entry. Throws RangeError unless `bits` is an integer from 1 to 52. */
export function bitEntryBytes(bits: number): number {
  if (!Number.isInteger(bits) || bits < 1 || bits > MAX_BITS) {
    throw new RangeError(`bits: expected an integer from 1 to ${MAX_BITS}, got ${bits}`);
  }
  return ELEMENT_BYTES * bits + TAG_BYTES;
}

/** How many entries a buffer holds. Throws RangeError when its length is no multiple of an entry's. */
export function bitEntryCount(entries: Uint8Array, bits: number): number {
  const size = bitEntryBytes(bits);
  if (entries.length % size !== 0) {
    throw new RangeError(`entries: expected a multiple of ${size} bytes, got ${entries.length}`);
  }
  return entries.length / size;
}

/** The index of the first entry with a share that is p or more, or -1 when all are field elements. */
export function firstInvalidBitEntry(entries: Uint8Array, bits: number): number {
  const size = bitEntryBytes(bits);
  const count = bitEntryCount(entries, bits);
  for (let index = 0; index < count; index++) {
    if (firstInvalidElement(entries.subarray(size * index, size * (index + 1) - TAG_BYTES), ELEMENT_BYTES) >= 0)
      return index;
  }
  return -1;
}
