import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { add, FIELD_PRIME } from "./field.ts";
import { elementFromSigned, MAX_SIGNED, signedFromElement } from "./signed.ts";

const signed = fc.bigInt({ min: -MAX_SIGNED, max: MAX_SIGNED });

test("signed values survive the field", () => {
  fc.assert(fc.property(signed, (value) => signedFromElement(elementFromSigned(value)) === value));
  assert.equal(elementFromSigned(-1n), FIELD_PRIME - 1n);
  assert.equal(signedFromElement(MAX_SIGNED), MAX_SIGNED);
  assert.equal(signedFromElement(MAX_SIGNED + 1n), -MAX_SIGNED);
});

test("sums of signed values are right while they stay in range", () => {
  const half = fc.bigInt({ min: -MAX_SIGNED / 2n, max: MAX_SIGNED / 2n });
  fc.assert(
    fc.property(half, half, (a, b) => signedFromElement(add(elementFromSigned(a), elementFromSigned(b))) === a + b),
  );
});

test("refuses what does not fit", () => {
  assert.throws(() => elementFromSigned(MAX_SIGNED + 1n), /RangeError: value: expected -\(2\^60 - 1\) to 2\^60 - 1/);
  assert.throws(() => elementFromSigned(-MAX_SIGNED - 1n), RangeError);
  assert.throws(() => signedFromElement(FIELD_PRIME), /RangeError: element: /);
});
