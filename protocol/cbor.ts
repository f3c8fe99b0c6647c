/**
 * CBOR as the protocol uses it: plain maps with string keys, byte strings as Uint8Array, integers only.
 * Decoding is the border: what is not CBOR becomes a ProtocolError, and schemas check the rest.
 */
import { Encoder } from "cbor-x";
import { ProtocolError } from "./errors.ts";

const codec = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
});

/** Encodes a value of maps, arrays, strings, integers, booleans, null and Uint8Array. */
export function encodeCbor(value: unknown): Uint8Array {
  // A copy: the encoder hands out views of a buffer that it goes on using.
  return Uint8Array.from(codec.encode(value));
}

/** Decodes one CBOR item that fills `bytes`; throws ProtocolError `malformed` for anything else. */
export function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return codec.decode(bytes) as unknown;
  } catch (cause) {
    throw new ProtocolError("malformed", `expected one CBOR item in ${bytes.length} bytes`, { cause });
  }
}
