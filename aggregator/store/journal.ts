/**
 * The journal's records: runs of shares as they were accepted, packed behind each other until the next commit.
 * Record: meter number u32 || kind u8 || first slot u32 || count u16 || count entries (big endian).
 */
import { ENTRY_BYTES } from "../../protocol/shamir/share-entries.ts";

const HEADER_BYTES = 11;
const INITIAL_BYTES = 1 << 16;

/** A run of stored entries of consecutive slots. */
export interface JournalRecord {
  readonly meter: number;
  readonly kind: number;
  readonly firstSlot: number;
  readonly entries: Uint8Array;
}

/** Records waiting for their commit. */
export class JournalBuffer {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;
  #records = 0;

  get records(): number {
    return this.#records;
  }

  /** Appends `count` entries of `source` from entry `first` on. */
  append(meter: number, kind: number, firstSlot: number, source: Uint8Array, first: number, count: number): void {
    const body = count * ENTRY_BYTES;
    this.#reserve(HEADER_BYTES + body);
    const bytes = this.#bytes;
    let at = this.#length;
    bytes.writeUInt32BE(meter, at);
    bytes[at + 4] = kind;
    bytes.writeUInt32BE(firstSlot, at + 5);
    bytes.writeUInt16BE(count, at + 9);
    at += HEADER_BYTES;
    const from = first * ENTRY_BYTES;
    if (count === 1) for (let i = 0; i < ENTRY_BYTES; i++) bytes[at + i] = source[from + i]!;
    else bytes.set(source.subarray(from, from + body), at);
    this.#length = at + body;
    this.#records++;
  }

  /** What waits; a view that is valid until the next append. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#records = 0;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    larger.set(this.bytes());
    this.#bytes = larger;
  }
}

/** The records of a journal row. Throws RangeError when the row is cut short. */
export function* readRecords(body: Buffer): Generator<JournalRecord, void, undefined> {
  let at = 0;
  while (at < body.length) {
    if (at + HEADER_BYTES > body.length) throw new RangeError(`body: a record header is cut short at byte ${at}`);
    const count = body.readUInt16BE(at + 9);
    const from = at + HEADER_BYTES;
    const to = from + count * ENTRY_BYTES;
    if (to > body.length) throw new RangeError(`body: expected ${count} entries at byte ${from}, the row ends before`);
    yield {
      meter: body.readUInt32BE(at),
      kind: body[at + 4]!,
      firstSlot: body.readUInt32BE(at + 5),
      entries: body.subarray(from, to),
    };
    at = to;
  }
}
