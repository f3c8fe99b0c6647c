/**
 * CBOR as the protocol uses it: plain maps with string keys, byte strings as Uint8Array, integers only.
 * Decoding is the border: what is not CBOR becomes a ProtocolError, and schemas check the rest.
 */
import { addExtension, Encoder } from "cbor-x";
import { ProtocolError } from "./errors.ts";

const codec = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
});

/**
 * Tags that the library would turn into values of its own: dates, big numbers (quadratic in their length), fractions,
 * regular expressions, shared references, sets, typed arrays, records. The protocol uses none of them.
 */
const FOREIGN_TAGS = [0, 1, 2, 3, 4, 5, 6, 14, 15, 25, 27, 28, 29, 51, 105, 225, 256, 258, 259];
const TYPED_ARRAY_TAGS = Array.from({ length: 24 }, (_, index) => 64 + index);
for (const tag of [...FOREIGN_TAGS, ...TYPED_ARRAY_TAGS]) {
  const refuse = (): never => {
    throw new ProtocolError("malformed", `CBOR tag ${tag} has no place in the protocol`);
  };
  addExtension({ Class: undefined as never, tag, encode: refuse, decode: refuse });
}

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
