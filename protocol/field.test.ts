import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  add,
  assertElement,
  FIELD_PRIME,
  inverse,
  isElement,
  multiply,
  negate,
  power,
  readElement,
  reduce,
  subtract,
  writeElement,
} from "./field.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });

test("the prime is 2^61 - 1", () => {
  assert.equal(FIELD_PRIME, 2305843009213693951n);
});

test("addition, subtraction and multiplication agree with integers modulo p", () => {
  fc.assert(
    fc.property(element, element, (a, b) => {
      assert.equal(add(a, b), (a + b) % FIELD_PRIME);
      assert.equal(add(subtract(a, b), b), a);
      assert.equal(subtract(0n, b), negate(b));
      assert.equal(multiply(a, b), (a * b) % FIELD_PRIME);
    }),
  );
});

test("every element but 0 has an inverse", () => {
  fc.assert(fc.property(element, (a) => a === 0n || multiply(a, inverse(a)) === 1n));
  assert.throws(() => inverse(0n), /RangeError: a: expected 1 to 2\^61 - 2, got 0/);
});

test("powers follow the laws of exponents", () => {
  fc.assert(
    fc.property(element, fc.bigInt({ min: 0n, max: 1000n }), fc.bigInt({ min: 0n, max: 1000n }), (a, m, n) => {
      assert.equal(power(a, m + n), multiply(power(a, m), power(a, n)));
    }),
  );
  assert.equal(power(0n, 0n), 1n);
  assert.throws(() => power(2n, -1n), /exponent: expected at least 0, got -1/);
});

test("any integer reduces to the element congruent to it", () => {
  assert.equal(reduce(-1n), FIELD_PRIME - 1n);
  assert.equal(reduce(FIELD_PRIME), 0n);
  assert.equal(reduce(-FIELD_PRIME), 0n);
  assert.equal(reduce(2n ** 61n), 1n);
});

test("elements survive their eight bytes", () => {
  fc.assert(
    fc.property(element, fc.nat(5), (value, offset) => {
      const bytes = new Uint8Array(13);
      writeElement(value, bytes, offset);
      assert.equal(readElement(bytes, offset), value);
    }),
  );
  const bytes = new Uint8Array(8);
  writeElement(0x0102_0304_0506_0708n, bytes);
  assert.deepEqual([...bytes], [1, 2, 3, 4, 5, 6, 7, 8]);
});

test("refuses bytes that encode p or more, and bytes that are not there", () => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, FIELD_PRIME);
  assert.throws(() => readElement(bytes), /bytes: expected 0 to 2\^61 - 2, got a value of 2\^61 - 1 or more/);
  assert.throws(() => readElement(bytes.fill(0xff)), RangeError);
  assert.throws(() => readElement(bytes, 1), /bytes: expected 8 bytes at offset 1, length is 8/);
  assert.throws(() => readElement(bytes, -1), RangeError);
  assert.throws(() => writeElement(1n, bytes, 0.5), RangeError);
});

test("refuses values outside the field without repeating them", () => {
  assert.equal(isElement(FIELD_PRIME), false);
  assert.throws(() => assertElement("share", FIELD_PRIME + 12345n), { message: /^share: [^]*$/ });
  assert.throws(
    () => assertElement("share", -98765n),
    (error: Error) => error instanceof RangeError && !error.message.includes("98765"),
  );
});
