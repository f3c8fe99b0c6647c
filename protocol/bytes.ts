/**
 * Byte strings in message schemas. Whatever view CBOR gives is taken as it is: `z.instanceof(Uint8Array)` would infer a
 * view that owns its buffer, which a part of a larger message does not.
 */
import { z } from "zod";

/** A byte string of any length. */
export const byteString = z.custom<Uint8Array>((value) => value instanceof Uint8Array, "expected a byte string");

/** A byte string of exactly `length` bytes; `what` is for the message: "a key". */
export function bytesOfLength(length: number, what: string): z.ZodType<Uint8Array> {
  return byteString.refine((value) => value.length === length, `${what} has ${length} bytes`);
}
