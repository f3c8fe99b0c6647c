/**
 * Signed integers as field elements, centred: 0 to (p-1)/2 stand for themselves, the upper half for negatives.
 * Sums of signed values stay right as long as the true sum is within the bounds.
 */
import { assertElement, FIELD_PRIME, type FieldElement } from "./field.ts";

/** The largest magnitude that can be written: (p - 1) / 2 = 2^60 - 1. */
export const MAX_SIGNED = (FIELD_PRIME - 1n) / 2n;

/** The element for a signed integer. Throws RangeError when its magnitude exceeds MAX_SIGNED. */
export function elementFromSigned(value: bigint): FieldElement {
  if (value > MAX_SIGNED || value < -MAX_SIGNED) {
    throw new RangeError(`value: expected -(2^60 - 1) to 2^60 - 1, got ${value}`);
  }
  return value < 0n ? value + FIELD_PRIME : value;
}

/** The signed integer of an element. Throws RangeError when it is none. */
export function signedFromElement(element: FieldElement): bigint {
  assertElement("element", element);
  return element > MAX_SIGNED ? element - FIELD_PRIME : element;
}
