/**
 * A block: the shares of one meter and kind over 96 consecutive slots, as they stand in memory and in the database.
 * In memory every slot has its place; on disk only stored entries take room.
 */
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";

/** Slots of a block: a day of quarter hours. Part of the database format. */
export const BLOCK_SLOTS = 96;
/** Days of 96 slots of which old shares go together. Part of the database format. */
export const STRETCH_DAYS = 32;
export const STRETCH_SLOTS = STRETCH_DAYS * BLOCK_SLOTS;
/** Bytes of a block's bitmap. */
export const BLOCK_BITMAP_BYTES = BLOCK_SLOTS / 8;

/** Whether an encoded block has all its entries: then they lie behind its bitmap as they do in memory. */
export function isFull(body: Uint8Array): boolean {
  return body.length === BLOCK_BITMAP_BYTES + BLOCK_SLOTS * ENTRY_BYTES;
}

/** What became of one entry that was put into a block. */
export type PutResult = "stored" | "duplicate" | "conflict";

export class Block {
  /** Which slots are stored. */
  readonly bits: Uint8Array;
  /** Share and tag of each slot; zero where nothing is stored. */
  readonly entries: Uint8Array;
  /** Holds entries that table `blocks` does not have yet. */
  dirty = false;
  /** When the block was last used, in commits. */
  touched = 0;

  constructor(bits?: Uint8Array, entries?: Uint8Array) {
    this.bits = bits ?? new Uint8Array(BLOCK_BITMAP_BYTES);
    this.entries = entries ?? new Uint8Array(BLOCK_SLOTS * ENTRY_BYTES);
  }

  /** Stores the entry at `source[offset...]` for slot `index`, or says how it relates to the one that stands there. */
  put(index: number, source: Uint8Array, offset: number): PutResult {
    const bit = 1 << (index & 7);
    const byte = this.bits[index >>> 3]!;
    const at = index * ENTRY_BYTES;
    const entries = this.entries;
    if ((byte & bit) !== 0) {
      for (let i = 0; i < ENTRY_BYTES; i++) if (entries[at + i] !== source[offset + i]) return "conflict";
      return "duplicate";
    }
    this.bits[index >>> 3] = byte | bit;
    for (let i = 0; i < ENTRY_BYTES; i++) entries[at + i] = source[offset + i]!;
    this.dirty = true;
    return "stored";
  }

  /** Bitmap, then the stored entries in order. */
  encode(): Buffer {
    const out = Buffer.allocUnsafe(BLOCK_BITMAP_BYTES + this.entries.length);
    out.set(this.bits, 0);
    let length = BLOCK_BITMAP_BYTES;
    if (this.bits.every((byte) => byte === 0xff)) {
      out.set(this.entries, length);
      return out;
    }
    for (let index = 0; index < BLOCK_SLOTS; index++) {
      if ((this.bits[index >>> 3]! & (1 << (index & 7))) === 0) continue;
      out.set(this.entries.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES), length);
      length += ENTRY_BYTES;
    }
    return out.subarray(0, length);
  }

  /** Reads what `encode` wrote, and keeps a full body as it is. Throws RangeError when length and bitmap do not fit. */
  static decode(body: Uint8Array): Block {
    if (isFull(body)) return new Block(body.subarray(0, BLOCK_BITMAP_BYTES), body.subarray(BLOCK_BITMAP_BYTES));
    const block = new Block();
    if (body.length < BLOCK_BITMAP_BYTES) throw new RangeError(`body: expected a bitmap, got ${body.length} bytes`);
    block.bits.set(body.subarray(0, BLOCK_BITMAP_BYTES));
    let at = BLOCK_BITMAP_BYTES;
    for (let index = 0; index < BLOCK_SLOTS; index++) {
      if ((block.bits[index >>> 3]! & (1 << (index & 7))) === 0) continue;
      block.entries.set(body.subarray(at, at + ENTRY_BYTES), index * ENTRY_BYTES);
      at += ENTRY_BYTES;
    }
    if (at !== body.length) throw new RangeError(`body: expected ${at} bytes for its bitmap, got ${body.length}`);
    return block;
  }
}

/** Copies `count` bits between bitmaps; whole bytes where both sides are aligned. */
export function copyBits(source: Uint8Array, from: number, target: Uint8Array, to: number, count: number): void {
  let done = 0;
  if ((from & 7) === 0 && (to & 7) === 0) {
    const whole = count >>> 3;
    target.set(source.subarray(from >>> 3, (from >>> 3) + whole), to >>> 3);
    done = whole << 3;
  }
  for (; done < count; done++) {
    const bit = from + done;
    if ((source[bit >>> 3]! & (1 << (bit & 7))) !== 0) target[(to + done) >>> 3]! |= 1 << ((to + done) & 7);
  }
}
