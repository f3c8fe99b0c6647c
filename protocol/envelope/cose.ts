/**
 * COSE (RFC 9052) as far as the protocol uses it: the structures that are signed and authenticated, and the tagged
 * messages COSE_Encrypt0 and COSE_Sign1 with any headers. Which headers a message must have, its own file says.
 */
import { Encoder, Tag } from "cbor-x";
// Refuses foreign tags for every decoder of the process, this one included.
import "../cbor.ts";
import { ProtocolError } from "../errors.ts";
import { headLength, MAJOR, writeHead } from "./heads.ts";

/** Header labels of RFC 9052, section 3.1. */
export const HEADER = { alg: 1, kid: 4, iv: 5, partialIv: 6 } as const;
const TAG_OF = { encrypt0: 16, sign1: 18 } as const;

export type Headers = ReadonlyMap<number | string, unknown>;

// Maps stay maps: in an object, the label 1 and the label "1" would be the same.
const codec = new Encoder({ useRecords: false, mapsAsObjects: false, tagUint8Array: false, variableMapSize: true });

/** A header map as the protected bytes of a message; an empty map is an empty string. */
export function encodeHeaders(headers: Headers): Uint8Array {
  return headers.size === 0 ? new Uint8Array(0) : Uint8Array.from(codec.encode(headers));
}

/** Enc_structure of RFC 9052, section 5.3: what the AEAD of a COSE_Encrypt0 authenticates. */
export function encStructure(protectedBytes: Uint8Array, externalAad: Uint8Array): Uint8Array {
  return structure("Encrypt0", [protectedBytes, externalAad]);
}

/** Sig_structure of RFC 9052, section 4.4: what a COSE_Sign1 signs. */
export function sigStructure(protectedBytes: Uint8Array, externalAad: Uint8Array, payload: Uint8Array): Uint8Array {
  return structure("Signature1", [protectedBytes, externalAad, payload]);
}

function structure(context: string, parts: readonly Uint8Array[]): Uint8Array {
  const text = Buffer.from(context);
  const total = parts.reduce((sum, part) => sum + headLength(part.length) + part.length, 2 + text.length);
  const bytes = new Uint8Array(total);
  let at = writeHead(bytes, 0, MAJOR.array, parts.length + 1);
  bytes[at++] = 0x60 | text.length; // a text string shorter than 24 bytes
  bytes.set(text, at);
  at += text.length;
  for (const part of parts) {
    at = writeHead(bytes, at, MAJOR.bytes, part.length);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export interface Encrypt0 {
  readonly protectedBytes: Uint8Array;
  readonly protectedHeaders: Headers;
  readonly unprotected: Headers;
  readonly ciphertext: Uint8Array;
}

export interface Sign1 {
  readonly protectedBytes: Uint8Array;
  readonly protectedHeaders: Headers;
  readonly unprotected: Headers;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/** Writes a tagged COSE_Encrypt0. */
export function encodeEncrypt0(protectedBytes: Uint8Array, unprotected: Headers, ciphertext: Uint8Array): Uint8Array {
  return Uint8Array.from(codec.encode(new Tag([protectedBytes, unprotected, ciphertext], TAG_OF.encrypt0)));
}

/** Writes a tagged COSE_Sign1. */
export function encodeSign1(
  protectedBytes: Uint8Array,
  unprotected: Headers,
  payload: Uint8Array,
  signature: Uint8Array,
): Uint8Array {
  return Uint8Array.from(codec.encode(new Tag([protectedBytes, unprotected, payload, signature], TAG_OF.sign1)));
}

/** Reads a tagged COSE_Encrypt0 that fills `bytes`; throws ProtocolError `malformed`. Nothing is verified. */
export function decodeEncrypt0(bytes: Uint8Array): Encrypt0 {
  const [protectedBytes, unprotected, ciphertext] = decodeTagged(bytes, "encrypt0", 3);
  return { ...headersOf(protectedBytes, unprotected), ciphertext: byteString(ciphertext, "ciphertext") };
}

/** Reads a tagged COSE_Sign1 that fills `bytes`; throws ProtocolError `malformed`. Nothing is verified. */
export function decodeSign1(bytes: Uint8Array): Sign1 {
  const [protectedBytes, unprotected, payload, signature] = decodeTagged(bytes, "sign1", 4);
  return {
    ...headersOf(protectedBytes, unprotected),
    payload: byteString(payload, "payload"),
    signature: byteString(signature, "signature"),
  };
}

function decodeTagged(bytes: Uint8Array, name: keyof typeof TAG_OF, length: number): readonly unknown[] {
  const item = decodeItem(bytes);
  if (!(item instanceof Tag) || item.tag !== TAG_OF[name]) fail(`expected the tag ${TAG_OF[name]} of COSE ${name}`);
  const value: unknown = item.value;
  if (!Array.isArray(value) || value.length !== length) fail(`expected ${length} parts in a COSE ${name}`);
  return value;
}

function headersOf(protectedPart: unknown, unprotected: unknown) {
  const protectedBytes = byteString(protectedPart, "protected header");
  const decoded = protectedBytes.length === 0 ? new Map() : decodeItem(protectedBytes);
  return { protectedBytes, protectedHeaders: headerMap(decoded), unprotected: headerMap(unprotected) };
}

function headerMap(value: unknown): Headers {
  if (!(value instanceof Map)) return fail("expected a map of headers");
  return value as Headers;
}

function byteString(value: unknown, name: string): Uint8Array {
  return value instanceof Uint8Array ? value : fail(`expected ${name} to be a byte string`);
}

function decodeItem(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes) as unknown;
  } catch (cause) {
    throw new ProtocolError("malformed", `expected one CBOR item in ${bytes.length} bytes`, { cause });
  }
}

function fail(message: string): never {
  throw new ProtocolError("malformed", message);
}
