/**
 * The few CBOR items that sealed messages are made of, in shortest form only: heads of integers, strings, arrays and
 * maps. A constrained device writes and reads exactly these bytes, so a reader accepts no other spelling of them.
 */
import { ProtocolError } from "../errors.ts";

/** Major types of RFC 8949, section 3.1, as far as they are used here. */
export const MAJOR = { unsigned: 0, bytes: 2, text: 3, array: 4, map: 5 } as const;
type Major = (typeof MAJOR)[keyof typeof MAJOR];

const MAX_ARGUMENT = 0xffff_ffff;

/** Bytes that the head of a value or length takes. */
export function headLength(value: number): number {
  if (value < 24) return 1;
  if (value < 0x100) return 2;
  return value < 0x1_0000 ? 3 : 5;
}

/** Writes a head at `at` and returns the offset behind it. `value` is an unsigned 32-bit integer. */
export function writeHead(target: Uint8Array, at: number, major: Major, value: number): number {
  const first = major << 5;
  const length = headLength(value);
  if (length === 1) target[at] = first | value;
  else {
    target[at] = first | (length === 2 ? 24 : length === 3 ? 25 : 26);
    for (let i = 1, shift = (length - 2) * 8; i < length; i++, shift -= 8) target[at + i] = (value >>> shift) & 0xff;
  }
  return at + length;
}

/** Writes an unsigned 32-bit integer, big-endian. */
export function writeU32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = (value >>> 16) & 0xff;
  target[at + 2] = (value >>> 8) & 0xff;
  target[at + 3] = value & 0xff;
}

/** Reads an unsigned 32-bit integer, big-endian; the caller knows that the bytes are there. */
export function readU32(source: Uint8Array, at: number): number {
  return ((source[at]! << 24) | (source[at + 1]! << 16) | (source[at + 2]! << 8) | source[at + 3]!) >>> 0;
}

/** Throws RangeError unless `value` is an unsigned 32-bit integer. */
export function assertU32(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value > MAX_ARGUMENT) {
    throw new RangeError(`${name}: expected an integer from 0 to ${MAX_ARGUMENT}, got ${value}`);
  }
}

/** Reads items in order; whatever is not there, or not in shortest form, is `malformed`. */
export class HeadReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #at: number;

  /** `what` names the message in errors, such as "an ack". */
  constructor(bytes: Uint8Array, what: string, at = 0) {
    this.#bytes = bytes;
    this.#what = what;
    this.#at = at;
  }

  /** The argument of the next head, which must have this major type. */
  head(major: Major): number {
    const first = this.#bytes[this.#at] ?? this.#fail("ends early");
    if (first >> 5 !== major) this.#fail("has an item of another type than expected");
    const short = first & 0x1f;
    this.#at += 1;
    if (short < 24) return short;
    const size = short === 24 ? 1 : short === 25 ? 2 : short === 26 ? 4 : this.#fail("has a length out of range");
    if (this.#at + size > this.#bytes.length) this.#fail("ends early");
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#bytes[this.#at + i]!;
    this.#at += size;
    if (headLength(value) !== size + 1) this.#fail("has an item that is not in shortest form");
    return value;
  }

  /** Like `head`, for an item whose argument is known. */
  expect(major: Major, value: number): void {
    if (this.head(major) !== value) this.#fail("has an item of another length or value than expected");
  }

  /** The content of the next byte string, as a view. */
  bytes(): Uint8Array {
    return this.#content(MAJOR.bytes);
  }

  /** The next text string, which must be ASCII. */
  text(): string {
    const content = this.#content(MAJOR.text);
    if (content.some((byte) => byte > 0x7f)) this.#fail("has a text that is not ASCII");
    return Buffer.from(content).toString("latin1");
  }

  #content(major: Major): Uint8Array {
    const length = this.head(major);
    if (this.#at + length > this.#bytes.length) this.#fail("ends early");
    const content = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return content;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) this.#fail("has trailing bytes");
  }

  #fail(problem: string): never {
    throw new ProtocolError("malformed", `${this.#what} ${problem}`);
  }
}
