/**
 * Sets of small integers as bits: the slots of a range, the meters of a roster.
 * Member i is bit i % 8, lowest first, of byte i >> 3; bits beyond the size are zero. Bytes travel as they are.
 */

const ONES_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) ones++;
  return ones;
});

/** Bytes of a bitmap over `size` members. Throws RangeError unless `size` is an integer from 0 to 2^32. */
export function bitmapBytes(size: number): number {
  if (!Number.isInteger(size) || size < 0 || size > 2 ** 32) {
    throw new RangeError(`size: expected an integer from 0 to 2^32, got ${size}`);
  }
  return Math.ceil(size / 8);
}

/** The empty set. */
export function emptyBitmap(size: number): Uint8Array {
  return new Uint8Array(bitmapBytes(size));
}

/** The set of all members from 0 to `size` - 1. */
export function fullBitmap(size: number): Uint8Array {
  const bits = emptyBitmap(size).fill(0xff);
  if (size % 8 !== 0) bits[bits.length - 1] = (1 << (size % 8)) - 1;
  return bits;
}

/** The set of the given members. Throws RangeError on a member outside 0 to `size` - 1. */
export function bitmapOf(size: number, members: Iterable<number>): Uint8Array {
  const bits = emptyBitmap(size);
  for (const member of members) {
    if (member >= size) throw new RangeError(`members: expected integers from 0 to ${size - 1}, got ${member}`);
    addMember(bits, member);
  }
  return bits;
}

/** Throws RangeError unless `bits` has the length for `size` and no stray bit at or beyond `size`. */
export function assertBitmap(name: string, bits: Uint8Array, size: number): void {
  const expected = bitmapBytes(size);
  if (bits.length !== expected) {
    throw new RangeError(`${name}: expected ${expected} bytes for ${size} members, got ${bits.length}`);
  }
  const last = bits[expected - 1] ?? 0;
  if (size % 8 !== 0 && last >> (size % 8) !== 0) {
    throw new RangeError(`${name}: expected no bit at or beyond ${size}, last byte is ${last}`);
  }
}

/** Whether `member` is in the set. Throws RangeError when it is outside the bytes of the bitmap. */
export function hasMember(bits: Uint8Array, member: number): boolean {
  return (byteOf(bits, member) & (1 << (member & 7))) !== 0;
}

/** Puts `member` into the set. Throws RangeError when it is outside the bytes of the bitmap. */
export function addMember(bits: Uint8Array, member: number): void {
  bits[member >>> 3] = byteOf(bits, member) | (1 << (member & 7));
}

/** Takes `member` out of the set. Throws RangeError when it is outside the bytes of the bitmap. */
export function removeMember(bits: Uint8Array, member: number): void {
  bits[member >>> 3] = byteOf(bits, member) & ~(1 << (member & 7));
}

/** How many members the set has. */
export function countMembers(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) count += ONES_OF_BYTE[byte]!;
  return count;
}

/** Whether the set has no member. */
export function isEmptyBitmap(bits: Uint8Array): boolean {
  // A plain loop: a callback for each byte costs ten times as much, and bills ask this of millions of bytes.
  let i = 0;
  while (i < bits.length && bits[i] === 0) i++;
  return i === bits.length;
}

/** The members in both sets. Throws RangeError on unequal lengths, as do the other operations on two sets. */
export function intersection(a: Uint8Array, b: Uint8Array): Uint8Array {
  assertSameLength(a, b);
  return a.map((byte, index) => byte & b[index]!);
}

/** The members in either set. */
export function union(a: Uint8Array, b: Uint8Array): Uint8Array {
  assertSameLength(a, b);
  return a.map((byte, index) => byte | b[index]!);
}

/** The members in exactly one of the sets. */
export function symmetricDifference(a: Uint8Array, b: Uint8Array): Uint8Array {
  assertSameLength(a, b);
  return a.map((byte, index) => byte ^ b[index]!);
}

/** The members of `a` that are not in `b`. */
export function difference(a: Uint8Array, b: Uint8Array): Uint8Array {
  assertSameLength(a, b);
  return a.map((byte, index) => byte & ~b[index]!);
}

/** Whether two sets over the same size are the same. */
export function equalBitmaps(a: Uint8Array, b: Uint8Array): boolean {
  assertSameLength(a, b);
  return a.every((byte, index) => byte === b[index]);
}

/** The members in rising order. */
export function* members(bits: Uint8Array): Generator<number, void, undefined> {
  for (let index = 0; index < bits.length; index++) {
    for (let rest = bits[index]!; rest > 0; rest &= rest - 1) {
      yield 8 * index + (31 - Math.clz32(rest & -rest));
    }
  }
}

function byteOf(bits: Uint8Array, member: number): number {
  const byte = Number.isInteger(member) && member >= 0 ? bits[Math.floor(member / 8)] : undefined;
  if (byte === undefined)
    throw new RangeError(`member: expected an integer from 0 to ${8 * bits.length - 1}, got ${member}`);
  return byte;
}

function assertSameLength(a: Uint8Array, b: Uint8Array): void {
  if (a.length !== b.length) throw new RangeError(`b: expected ${a.length} bytes, got ${b.length}`);
}
