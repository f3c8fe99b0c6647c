/**
 * The field GF(p), p = 2^61 - 1 (a Mersenne prime), one element at a time, as `bigint`.
 * This is the plain face of the field, for a few values; `field-words.ts` serves batches without BigInt.
 * In memory and on the wire an element is 8 bytes, big endian, below p. Nothing here runs in constant time.
 */

/** An integer from 0 to p - 1. */
export type FieldElement = bigint;

/** p = 2^61 - 1. */
export const FIELD_PRIME = 2n ** 61n - 1n;

/** Bytes of an element on the wire. */
export const ELEMENT_BYTES = 8;

/** True for integers from 0 to p - 1. */
export function isElement(value: bigint): value is FieldElement {
  return value >= 0n && value < FIELD_PRIME;
}

/**
 * Throws RangeError unless `value` is from 0 to p - 1. `name` is the argument named in the error.
 * The value is left out of the message: elements are shares, and a share is a secret.
 */
export function assertElement(name: string, value: bigint): void {
  if (isElement(value)) return;
  throw new RangeError(
    `${name}: expected 0 to 2^61 - 2, got a value ${value < 0n ? "below 0" : "of 2^61 - 1 or more"}`,
  );
}

/** The element congruent to any integer. */
export function reduce(value: bigint): FieldElement {
  const rest = value % FIELD_PRIME;
  return rest < 0n ? rest + FIELD_PRIME : rest;
}

/** a + b. Arguments must be elements. */
export function add(a: FieldElement, b: FieldElement): FieldElement {
  const sum = a + b;
  return sum >= FIELD_PRIME ? sum - FIELD_PRIME : sum;
}

/** a - b. Arguments must be elements. */
export function subtract(a: FieldElement, b: FieldElement): FieldElement {
  return a >= b ? a - b : a - b + FIELD_PRIME;
}

/** -a. The argument must be an element. */
export function negate(a: FieldElement): FieldElement {
  return a === 0n ? 0n : FIELD_PRIME - a;
}

/** a * b. Arguments must be elements. */
export function multiply(a: FieldElement, b: FieldElement): FieldElement {
  const product = a * b;
  // 2^61 = 1 modulo p, so the upper 61 bits fold onto the lower ones.
  const folded = (product & FIELD_PRIME) + (product >> 61n);
  return folded >= FIELD_PRIME ? folded - FIELD_PRIME : folded;
}

/** base^exponent for an integer exponent of at least 0; 0^0 is 1. */
export function power(base: FieldElement, exponent: bigint): FieldElement {
  if (exponent < 0n) throw new RangeError(`exponent: expected at least 0, got ${exponent}`);
  let result = 1n;
  let square = base;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

/** 1 / a, by Fermat: a^(p-2). Throws RangeError for 0, which has no inverse. */
export function inverse(a: FieldElement): FieldElement {
  if (a === 0n) throw new RangeError("a: expected 1 to 2^61 - 2, got 0, which has no inverse");
  return power(a, FIELD_PRIME - 2n);
}

/** Writes an element as 8 bytes, big endian. Throws RangeError when it is no element or does not fit. */
export function writeElement(value: FieldElement, out: Uint8Array, offset = 0): void {
  assertElement("value", value);
  viewOf("out", out, offset).setBigUint64(0, value);
}

/** Reads 8 bytes, big endian. Throws RangeError when they are missing or encode p or more. */
export function readElement(bytes: Uint8Array, offset = 0): FieldElement {
  const value = viewOf("bytes", bytes, offset).getBigUint64(0);
  assertElement("bytes", value);
  return value;
}

function viewOf(name: string, bytes: Uint8Array, offset: number): DataView {
  if (!Number.isInteger(offset) || offset < 0 || offset + ELEMENT_BYTES > bytes.length) {
    throw new RangeError(`${name}: expected ${ELEMENT_BYTES} bytes at offset ${offset}, length is ${bytes.length}`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset + offset, ELEMENT_BYTES);
}
