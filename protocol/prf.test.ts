import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME } from "./field.ts";
import { expandPolynomial, polynomialOf, polynomialWords } from "./prf.ts";

const input = fc.record({
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  kind: fc.integer({ min: 1, max: 6 }),
  slot: fc.nat(0xffff_ffff),
  reading: fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }),
  t: fc.integer({ min: 1, max: 7 }),
});
const one = { key: new Uint8Array(32), kind: 1, slot: 7, reading: 42n, t: 3 };
const tagOf = (of: typeof one): string => Buffer.from(polynomialOf(of).tag).toString("hex");

test("a retry gives the same polynomial and tag", () => {
  fc.assert(fc.property(input, (of) => assert.deepEqual(polynomialOf(of), polynomialOf({ ...of }))));
});

test("different readings of a slot have different tags and polynomials", () => {
  fc.assert(
    fc.property(input, fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }), (of, reading) => {
      fc.pre(reading !== of.reading);
      assert.notEqual(tagOf(of), tagOf({ ...of, reading }));
      if (of.t > 1) assert.notDeepEqual(polynomialOf(of).coefficients, polynomialOf({ ...of, reading }).coefficients);
    }),
  );
});

test("key, kind and slot each change the tag", () => {
  const tags = [one, { ...one, kind: 2 }, { ...one, slot: 8 }, { ...one, key: new Uint8Array(32).fill(1) }].map(tagOf);
  assert.equal(new Set(tags).size, tags.length);
});

test("the tag does not depend on the threshold, and fewer coefficients are a prefix of more", () => {
  fc.assert(
    fc.property(input, (of) => {
      const most = polynomialOf({ ...of, t: 7 });
      const { tag, coefficients } = polynomialOf(of);
      assert.deepEqual(tag, most.tag);
      assert.deepEqual(coefficients, most.coefficients.slice(0, of.t - 1));
      assert.ok(coefficients.every((value) => value >= 0n && value < FIELD_PRIME));
    }),
  );
});

test("skips candidates equal to p, and goes on with the next block when too few remain", () => {
  const words = polynomialWords(7);
  const counters: number[] = [];
  expandPolynomial(new Int32Array(8), 2, 0, 0, 0, words, (_key, counter, _n0, _n1, _n2, out) => {
    counters.push(counter);
    // All ones: seven times p in block 0, once a value in block 1, and so on up to block 6.
    out.fill(-1);
    if (counters.length > 1) out[15] = 0x0100_0000 * counters.length;
  });
  assert.deepEqual(
    counters,
    [0, 1, 2, 3, 4, 5, 6].map((index) => 2 * 2 ** 24 + index),
  );
  const high = 0x1fff_ffff;
  assert.deepEqual([...words.coefficients], [2, high, 3, high, 4, high, 5, high, 6, high, 7, high]);
  // The tag stays that of block 0.
  assert.deepEqual([...words.tag], [-1, -1]);
});

test("refuses inputs out of range and names them", () => {
  const refuse = (change: Partial<typeof one>, message: RegExp) =>
    assert.throws(() => polynomialOf({ ...one, ...change }), { name: "RangeError", message });
  refuse({ key: new Uint8Array(16) }, /^key: expected 32 bytes, got 16$/);
  refuse({ kind: 0 }, /^kind: /);
  refuse({ slot: 2 ** 32 }, /^slot: /);
  refuse({ slot: -1 }, /^slot: /);
  refuse({ reading: FIELD_PRIME }, /^reading: /);
  refuse({ reading: -1n }, /^reading: /);
  refuse({ t: 0 }, /^t: expected an integer from 1 to 7, got 0$/);
  refuse({ t: 8 }, /^t: /);
});
