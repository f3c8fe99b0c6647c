/**
 * Deterministic CBOR of JSON values (RFC 8949, section 4.2.1, keys sorted by their encoded bytes), so that all who hold
 * the same announcement name it alike. Integers up to 2^53 are integers in shortest form, other numbers are doubles.
 */
import { createHash } from "node:crypto";

/** A key with the value undefined is as one that is not there. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Values may be nested so deep; a deeper one is refused before anything recurses into it. */
const MAX_DEPTH = 32;
const MAJOR = { unsigned: 0, negative: 1, text: 3, array: 4, map: 5 } as const;

/** Half a character: UTF-8 has none, so two different strings would be the same bytes. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Is this what JSON can hold, with finite numbers and whole characters, and nested at most 32 deep? */
export function isJson(value: unknown, depth = 0): value is JsonValue {
  if (depth > MAX_DEPTH) return false;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string") return !LONE_SURROGATE.test(value);
  if (value === null || typeof value === "boolean") return true;
  if (typeof value !== "object" || Object.keys(value).some((key) => LONE_SURROGATE.test(key))) return false;
  return Object.values(value).every((one) => isJson(one, depth + 1));
}

/** The bytes of a value. Undefined values of an object are left out, as JSON does. */
export function canonicalCbor(value: JsonValue): Buffer {
  const parts: Uint8Array[] = [];
  write(value, parts);
  return Buffer.concat(parts);
}

/** SHA-256 of `canonicalCbor`. */
export function canonicalHash(value: JsonValue): Buffer {
  return createHash("sha256").update(canonicalCbor(value)).digest();
}

function write(value: JsonValue, parts: Uint8Array[]): void {
  if (value === null) parts.push(Uint8Array.of(0xf6));
  else if (typeof value === "boolean") parts.push(Uint8Array.of(value ? 0xf5 : 0xf4));
  else if (typeof value === "number") writeNumber(value, parts);
  else if (typeof value === "string") writeText(value, parts);
  else if (Array.isArray(value)) {
    parts.push(head(MAJOR.array, value.length));
    for (const item of value as readonly JsonValue[]) write(item, parts);
  } else writeMap(value as Readonly<Record<string, JsonValue>>, parts);
}

function writeNumber(value: number, parts: Uint8Array[]): void {
  if (Number.isSafeInteger(value)) {
    parts.push(value < 0 ? head(MAJOR.negative, -1 - value) : head(MAJOR.unsigned, value));
    return;
  }
  const bytes = Buffer.alloc(9);
  bytes[0] = 0xfb;
  bytes.writeDoubleBE(value, 1);
  parts.push(bytes);
}

function writeText(value: string, parts: Uint8Array[]): void {
  const bytes = Buffer.from(value);
  parts.push(head(MAJOR.text, bytes.length), bytes);
}

function writeMap(value: Readonly<Record<string, JsonValue | undefined>>, parts: Uint8Array[]): void {
  const entries = Object.entries(value)
    .filter((entry): entry is [string, JsonValue] => entry[1] !== undefined)
    .map(([key, item]) => ({ key: canonicalCbor(key), item }))
    .sort((a, b) => Buffer.compare(a.key, b.key));
  parts.push(head(MAJOR.map, entries.length));
  for (const { key, item } of entries) {
    parts.push(key);
    write(item, parts);
  }
}

/** `value` is an integer from 0 to 2^53 - 1. */
function head(major: (typeof MAJOR)[keyof typeof MAJOR], value: number): Uint8Array {
  const first = major << 5;
  if (value < 24) return Uint8Array.of(first | value);
  if (value < 0x100) return Uint8Array.of(first | 24, value);
  const bytes = Buffer.alloc(9);
  bytes.writeBigUInt64BE(BigInt(value), 1);
  const size = value < 0x1_0000 ? 2 : value < 0x1_0000_0000 ? 4 : 8;
  const out = Buffer.alloc(1 + size);
  out[0] = first | (size === 2 ? 25 : size === 4 ? 26 : 27);
  bytes.copy(out, 1, 9 - size);
  return out;
}
