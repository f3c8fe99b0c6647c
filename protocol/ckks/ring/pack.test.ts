import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitsOfPrime, packedBytes, packResidues, unpackResidues } from "./pack.ts";

const residues = fc.integer({ min: 1, max: 61 }).chain((bits) =>
  fc.record({
    bits: fc.constant(bits),
    values: fc.array(fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }), { maxLength: 40 }),
  }),
);

test("unpacking restores what was packed, and packs to the same bytes", () => {
  fc.assert(
    fc.property(residues, ({ bits, values }) => {
      const packed = packResidues(BigUint64Array.from(values), bits);
      assert.equal(packed.length, Math.ceil((values.length * bits) / 8));
      const unpacked = unpackResidues(packed, values.length, bits, 1n << BigInt(bits));
      assert.deepEqual([...unpacked], values);
    }),
  );
});

test("the stream holds each value lowest bit first, without gaps", () => {
  fc.assert(
    fc.property(residues, ({ bits, values }) => {
      const packed = packResidues(BigUint64Array.from(values), bits);
      const whole = values.reduceRight((sum, value) => (sum << BigInt(bits)) | value, 0n);
      const read = packed.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      assert.equal(read, whole);
    }),
  );
});

test("refuses what is no residue, wrong lengths and stray bits, and says which", () => {
  const packed = packResidues(BigUint64Array.of(96n, 97n, 0n), 7);
  assert.throws(() => unpackResidues(packed, 3, 7, 97n), { code: "malformed", message: /number 1 is not below/ });
  assert.throws(() => unpackResidues(packed, 4, 7, 128n), { code: "wrong-size", message: /expected 4 bytes, got 3/ });
  packed[2]! |= 0x80;
  assert.throws(() => unpackResidues(packed, 3, 7, 128n), { code: "malformed", message: /beyond the last/ });
  const prime = 2n ** 61n - 1n;
  const large = packResidues(BigUint64Array.of(prime - 1n, prime), 61);
  assert.throws(() => unpackResidues(large, 2, 61, prime), { code: "malformed" });
  assert.equal(unpackResidues(packResidues(BigUint64Array.of(prime - 1n), 61), 1, 61, prime)[0], prime - 1n);
  for (const bits of [7, 32, 40]) {
    const value = 1n << BigInt(bits);
    assert.throws(() => packResidues(BigUint64Array.of(0n, value), bits), /RangeError: values\[1\]: expected at most/);
  }
  assert.throws(() => packedBytes(1, 62), /RangeError: bits/);
  assert.equal(bitsOfPrime(97n), 7);
  assert.equal(bitsOfPrime(prime), 61);
});

test("long vectors are packed block by block to one stream, and faults are named by their place in all of it", () => {
  for (const bits of [45, 54, 60, 61]) {
    const count = 20_003; // three blocks, the last one uneven
    const prime = (1n << BigInt(bits)) - 1n;
    const values = BigUint64Array.from({ length: count }, (_, at) => (BigInt(at + 1) * 0x9e37_79b9_7f4a_7c15n) % prime);
    const packed = packResidues(values, bits);
    const at = 16_384; // where a block begins
    const alone = packResidues(values.slice(at), bits);
    assert.deepEqual(packed.slice((at * bits) / 8), alone);
    assert.deepEqual(unpackResidues(packed, count, bits, prime), values);
    values[at + 5] = prime;
    const message = /number 16389 is not below/;
    assert.throws(() => unpackResidues(packResidues(values, bits), count, bits, prime), { code: "malformed", message });
    values[at + 6] = prime + 1n;
    assert.throws(() => packResidues(values, bits), /values\[16390\]: expected at most/);
  }
});
