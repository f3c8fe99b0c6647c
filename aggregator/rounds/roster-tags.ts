/** Who holds a cell of one unit, and the digest over their tags (docs/protocol.md, "A round"). Sees tags, no shares. */
import { hash } from "node:crypto";
import { addMember, emptyBitmap } from "../../protocol/bitmap.ts";

const NOTHING = new Uint8Array(0);
const TAG_BYTES = 8;

/** One unit while it is gathered meter by meter, in roster order: its bitmap, and index and tag of each. */
export class RosterTags {
  readonly bitmap: Uint8Array;
  #pairs = Buffer.alloc((2 + TAG_BYTES) * 16);
  #length = 0;

  constructor(meters: number) {
    this.bitmap = emptyBitmap(meters);
  }

  get isEmpty(): boolean {
    return this.#length === 0;
  }

  add(meter: number, tag: Uint8Array): void {
    addMember(this.bitmap, meter);
    if (this.#length + 2 + TAG_BYTES > this.#pairs.length)
      this.#pairs = Buffer.concat([this.#pairs], 2 * this.#pairs.length);
    this.#pairs.writeUInt16BE(meter, this.#length);
    this.#pairs.set(tag, this.#length + 2);
    this.#length += 2 + TAG_BYTES;
  }

  /** SHA-256 over (index u16, tag) of each meter; empty for none. */
  digest(): Uint8Array {
    return this.isEmpty ? NOTHING : hash("sha256", this.#pairs.subarray(0, this.#length), "buffer");
  }
}
