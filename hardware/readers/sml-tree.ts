/**
 * The elements of SML: a type-length field and content. Bytes go in, a tree comes out; its depth and the number of its
 * elements are bounded by the bytes themselves and by `MAX_DEPTH`.
 */

/** `undefined` is an optional element that was left out. */
export type SmlElement = Uint8Array | bigint | boolean | undefined | readonly SmlElement[];

/** Lists within lists; responses of meters have five. */
const MAX_DEPTH = 10;

/** The bytes are not built as SML is. */
export class SmlSyntaxError extends Error {}

/** Reads elements one after the other. */
export class SmlCursor {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get atEnd(): boolean {
    return this.#offset === this.#bytes.length;
  }

  /** The next byte, without taking it; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#offset];
  }

  skip(): void {
    this.#offset++;
  }

  /** How many elements the list has that begins here. Throws SmlSyntaxError when none does. */
  list(): number {
    const { type, length } = this.#head();
    if (type !== 7) throw new SmlSyntaxError("expected a list");
    return length;
  }

  /** The next element. Throws SmlSyntaxError. */
  element(depth = 0): SmlElement {
    if (depth > MAX_DEPTH) throw new SmlSyntaxError(`lists within lists, over ${MAX_DEPTH} deep`);
    const { type, length } = this.#head();
    if (type === 7) {
      // Each element has a byte or more: a longer list is not there, and must not cost its length.
      if (length > this.#bytes.length - this.#offset) throw new SmlSyntaxError("a list longer than the telegram");
      return Array.from({ length }, () => this.element(depth + 1));
    }
    if (length > this.#bytes.length - this.#offset) throw new SmlSyntaxError("an element longer than the telegram");
    const content = this.#bytes.subarray(this.#offset, this.#offset + length);
    this.#offset += length;
    if (type === 0) return length === 0 ? undefined : content.slice();
    if (type === 4 && length === 1) return content[0] !== 0;
    if ((type === 5 || type === 6) && length >= 1 && length <= 8) return integerOf(content, type === 5);
    throw new SmlSyntaxError(`an element of type ${type} and ${length} bytes`);
  }

  /** Type, and the length of the content: bytes, or elements of a list. */
  #head(): { type: number; length: number } {
    const first = this.#bytes[this.#offset++];
    if (first === undefined) throw new SmlSyntaxError("the telegram ends within an element");
    if (first === 0) throw new SmlSyntaxError("the end of a message within a list");
    let length = first & 0x0f;
    let fields = 1;
    for (let more = (first & 0x80) !== 0; more; fields++) {
      const next = this.#bytes[this.#offset++];
      if (next === undefined || fields === 4 || (next & 0x70) !== 0) throw new SmlSyntaxError("a broken length");
      length = (length << 4) | (next & 0x0f);
      more = (next & 0x80) !== 0;
    }
    const type = (first >>> 4) & 0x07;
    if (type === 7) return { type, length };
    // Except for lists, the length counts the bytes that state it.
    if (length < fields) throw new SmlSyntaxError("a length shorter than itself");
    return { type, length: length - fields };
  }
}

function integerOf(bytes: Uint8Array, signed: boolean): bigint {
  const unsigned = bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
  return signed ? BigInt.asIntN(8 * bytes.length, unsigned) : unsigned;
}
