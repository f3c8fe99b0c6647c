/**
 * What a share message holds before it is sealed: one entry per slot, a share and the tag of its polynomial.
 * Layout: share (8 bytes, big endian, below p) || tag (8 bytes). Everything that splits, adds up or interpolates
 * agrees on the limits here.
 */

/** Bytes of an entry. */
export const ENTRY_BYTES = 16;
/** Where the tag begins within an entry. */
const ENTRY_TAG_OFFSET = 8;
/** The most aggregators there can be: share indices are 1 to 7. */
export const MAX_SHARES = 7;

/** Throws RangeError unless `t` is an integer from 1 to MAX_SHARES. */
export function assertThreshold(t: number): void {
  if (!Number.isInteger(t) || t < 1 || t > MAX_SHARES) {
    throw new RangeError(`t: expected an integer from 1 to ${MAX_SHARES}, got ${t}`);
  }
}

/** Throws RangeError unless 1 <= t <= n <= MAX_SHARES. */
export function assertSharing(n: number, t: number): void {
  if (!Number.isInteger(n) || n < 1 || n > MAX_SHARES) {
    throw new RangeError(`n: expected an integer from 1 to ${MAX_SHARES}, got ${n}`);
  }
  if (!Number.isInteger(t) || t < 1 || t > n)
    throw new RangeError(`t: expected an integer from 1 to n = ${n}, got ${t}`);
}

/** How many entries a buffer holds. Throws RangeError when its length is no multiple of ENTRY_BYTES. */
export function entryCount(entries: Uint8Array): number {
  if (entries.length % ENTRY_BYTES !== 0) {
    throw new RangeError(`entries: expected a multiple of ${ENTRY_BYTES} bytes, got ${entries.length}`);
  }
  return entries.length / ENTRY_BYTES;
}

/**
 * The index of the first entry whose share is p or more, or -1 when all are field elements.
 * A receiver refuses a message for which this is not -1.
 */
export function firstInvalidEntry(entries: Uint8Array): number {
  entryCount(entries);
  return firstInvalidElement(entries, ENTRY_BYTES);
}

/** The same for shares that stand every `size` bytes, whatever stands behind each. */
export function firstInvalidElement(bytes: Uint8Array, size: number): number {
  const count = Math.floor(bytes.length / size);
  const view = viewOf(bytes);
  for (let index = 0; index < count; index++) {
    const high = view.getUint32(size * index);
    if (high < 0x1fff_ffff) continue;
    if (high > 0x1fff_ffff || view.getUint32(size * index + 4) === 0xffff_ffff) return index;
  }
  return -1;
}

/** The share of entry `index`. */
export function shareAt(entries: Uint8Array, index: number): bigint {
  return viewOf(entries).getBigUint64(checked(entries, index));
}

/** The tag of entry `index`; shares the memory of `entries`. */
export function tagAt(entries: Uint8Array, index: number): Uint8Array {
  const start = checked(entries, index);
  return entries.subarray(start + ENTRY_TAG_OFFSET, start + ENTRY_BYTES);
}

/** A view of exactly the bytes of `bytes`. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function checked(entries: Uint8Array, index: number): number {
  const count = entryCount(entries);
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`index: expected an integer from 0 to ${count - 1}, got ${index}`);
  }
  return ENTRY_BYTES * index;
}
