/** Sets of slots as 32-bit words, for the counting that the release rules do. Not a wire format. */

export type SlotBits = Uint32Array;

export function emptySlots(size: number): SlotBits {
  return new Uint32Array(Math.ceil(size / 32));
}

export function addSlot(bits: SlotBits, index: number): void {
  bits[index >>> 5]! |= 1 << (index & 31);
}

export function hasSlot(bits: SlotBits, index: number): boolean {
  return (bits[index >>> 5]! & (1 << (index & 31))) !== 0;
}

/** Puts every set bit i of a wire bitmap into `bits` at `offset` + i. */
export function addBitmap(bits: SlotBits, offset: number, bitmap: Uint8Array): void {
  if ((offset & 7) === 0) {
    for (let byte = 0; byte < bitmap.length; byte++) {
      const at = offset + 8 * byte;
      // Bits beyond the last word do not exist: a wire bitmap ends with zeros.
      if (bitmap[byte] !== 0) bits[at >>> 5]! |= bitmap[byte]! << (at & 31);
    }
    return;
  }
  for (let byte = 0; byte < bitmap.length; byte++) {
    for (let rest = bitmap[byte]!; rest > 0; rest &= rest - 1) {
      addSlot(bits, offset + 8 * byte + (31 - Math.clz32(rest & -rest)));
    }
  }
}

function ones(word: number): number {
  let x = word - ((word >>> 1) & 0x5555_5555);
  x = (x & 0x3333_3333) + ((x >>> 2) & 0x3333_3333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

export function countSlots(bits: SlotBits): number {
  let count = 0;
  for (const word of bits) count += ones(word);
  return count;
}

export function isEmpty(bits: SlotBits): boolean {
  let i = 0;
  while (i < bits.length && bits[i] === 0) i++;
  return i === bits.length;
}

export function intersects(a: SlotBits, b: SlotBits): boolean {
  for (let i = 0; i < a.length; i++) if ((a[i]! & b[i]!) !== 0) return true;
  return false;
}

/** Whether every member of `a` is in `b`. */
export function within(a: SlotBits, b: SlotBits): boolean {
  for (let i = 0; i < a.length; i++) if ((a[i]! & ~b[i]!) !== 0) return false;
  return true;
}

export function and(a: SlotBits, b: SlotBits): SlotBits {
  const both = new Uint32Array(a.length);
  for (let i = 0; i < a.length; i++) both[i] = a[i]! & b[i]!;
  return both;
}

export function andNot(a: SlotBits, b: SlotBits): SlotBits {
  const rest = new Uint32Array(a.length);
  for (let i = 0; i < a.length; i++) rest[i] = a[i]! & ~b[i]!;
  return rest;
}

/** Puts every member of `b` into `a`. */
export function absorb(a: SlotBits, b: SlotBits): void {
  for (let i = 0; i < a.length; i++) a[i]! |= b[i]!;
}

/** The members, rising. */
export function* slotsOf(bits: SlotBits): Generator<number, void, undefined> {
  for (let i = 0; i < bits.length; i++) {
    for (let rest = bits[i]!; rest !== 0; rest &= rest - 1) yield 32 * i + (31 - Math.clz32(rest & -rest));
  }
}
