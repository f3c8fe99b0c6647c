import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { z } from "zod";
import { add, inverse, multiply, subtract } from "../field.ts";
import { addBatch, elementsToBytes, multiplyBatch } from "../field-words.ts";
import { merkleRoot } from "../log/merkle.ts";
import { polynomialOf } from "../prf.ts";
import { weightsOf } from "../range/challenge.ts";
import { bitCheck, bitSum, readingShares } from "../range/check.ts";
import { splitBits } from "../range/split-bits.ts";
import { interpolate, interpolateBatch } from "../shamir/interpolate.ts";
import { keySubsets } from "../shamir/key-subsets.ts";
import { zeroShares } from "../shamir/prss.ts";
import { shareAt } from "../shamir/share-entries.ts";
import { split, splitBatch } from "../shamir/split.ts";
import { VECTOR_NAMES, vectorText } from "./generate.ts";

const read = (name: string): string => readFileSync(new URL(`${name}.json`, import.meta.url), "utf8");
const integer = z.string().regex(/^\d+$/).transform(BigInt);
const bytes = z.string().transform((hex) => new Uint8Array(Buffer.from(hex, "hex")));
const hexOf = (value: Uint8Array): string => Buffer.from(value).toString("hex");

const field = z
  .object({
    operations: z.array(z.object({ a: integer, b: integer, sum: integer, difference: integer, product: integer })),
    inverses: z.array(z.object({ a: integer, inverse: integer })),
  })
  .parse(JSON.parse(read("field")));
const inputs = { key: bytes, kind: z.int(), slot: z.int(), reading: integer, t: z.int(), tag: z.string() };
const prf = z
  .object({ polynomials: z.array(z.object({ ...inputs, coefficients: z.array(integer) })) })
  .parse(JSON.parse(read("prf")));
const shamir = z
  .object({
    splits: z.array(z.object({ ...inputs, n: z.int(), shares: z.array(integer), entries: z.array(z.string()) })),
    interpolations: z.array(
      z.object({ t: z.int(), xs: z.array(z.int()), ys: z.array(integer), value: integer, disagreeing: z.int() }),
    ),
  })
  .parse(JSON.parse(read("shamir")));
const merkle = z.object({ leaves: z.array(bytes), roots: z.array(z.string()) }).parse(JSON.parse(read("merkle")));

const range = z
  .object({
    splits: z.array(
      z.object({
        ...{ key: bytes, kind: z.int(), slot: z.int(), reading: integer, t: z.int(), n: z.int(), bits: z.int() },
        ...{ meter: z.int(), challenge: bytes, aggregator: z.int(), entry: bytes },
        ...{ sum: integer, check: integer, share: integer },
      }),
    ),
    zeros: z.array(z.object({ n: z.int(), t: z.int(), nonce: bytes, keys: z.array(bytes), shares: z.array(integer) })),
  })
  .parse(JSON.parse(read("range")));

for (const name of VECTOR_NAMES) {
  test(`${name}.json is what the generator makes`, () => {
    assert.equal(read(name), vectorText(name), "write them with: npx tsx protocol/vectors/testing/generate-main.ts");
  });
}

test("the field conforms to the vectors, one element at a time", () => {
  for (const { a, b, sum, difference, product } of field.operations) {
    assert.equal(add(a, b), sum);
    assert.equal(subtract(a, b), difference);
    assert.equal(multiply(a, b), product);
  }
  for (const vector of field.inverses) assert.equal(inverse(vector.a), vector.inverse);
});

test("the field conforms to the vectors, in batches", () => {
  const column = (name: "a" | "b" | "sum" | "product"): BigUint64Array =>
    BigUint64Array.from(field.operations.map((operation) => operation[name]));
  const out = new BigUint64Array(field.operations.length);
  addBatch(column("a"), column("b"), out);
  assert.deepEqual(out, column("sum"));
  multiplyBatch(column("a"), column("b"), out);
  assert.deepEqual(out, column("product"));
});

for (const [index, vector] of prf.polynomials.entries()) {
  test(`the polynomial PRF conforms to vector ${index}`, () => {
    const polynomial = polynomialOf(vector);
    assert.equal(hexOf(polynomial.tag), vector.tag);
    assert.deepEqual(polynomial.coefficients, vector.coefficients);
  });
}

for (const [index, vector] of shamir.splits.entries()) {
  test(`splitting conforms to vector ${index}`, () => {
    assert.deepEqual(split(vector.reading, polynomialOf(vector).coefficients, vector.n), vector.shares);
    // A batch takes readings up to 2^53 - 1 only; larger ones have no meter.
    if (vector.reading > BigInt(Number.MAX_SAFE_INTEGER)) return;
    const out = vector.entries.map(() => new Uint8Array(16));
    splitBatch({ ...vector, firstSlot: vector.slot, readings: [Number(vector.reading)], out });
    assert.deepEqual(out.map(hexOf), vector.entries);
  });
}

for (const [index, { t, xs, ys, value, disagreeing }] of shamir.interpolations.entries()) {
  test(`interpolation conforms to vector ${index}`, () => {
    const points = xs.map((x, at) => ({ x, y: ys[at]! }));
    assert.deepEqual(interpolate(points, t), { value, spare: xs.length - t, disagreeing });
    const sums = ys.map((y) => elementsToBytes(BigUint64Array.of(y)));
    const batch = interpolateBatch(xs, sums, t);
    assert.deepEqual([...batch.values], [value]);
    assert.deepEqual([...batch.disagreeing], [disagreeing]);
  });
}

for (const [index, vector] of range.splits.entries()) {
  test(`shares of bits and their checks conform to vector ${index}`, () => {
    const { bits, challenge, meter, entry: entries } = vector;
    const own = splitBits({ ...vector, firstSlot: vector.slot, readings: [Number(vector.reading)] });
    assert.equal(hexOf(own[vector.aggregator - 1]!), hexOf(entries));
    const weights = (use: "degree" | "bits") => weightsOf(challenge, use, [meter], bits);
    assert.equal(bitSum({ entries, bits }, weights("degree")), vector.sum);
    assert.equal(bitCheck({ entries, bits }, weights("bits")), vector.check);
    assert.equal(shareAt(readingShares(entries, bits), 0), vector.share);
  });
}

test("shares of 0 conform to the vectors", () => {
  for (const { n, t, nonce, keys, shares } of range.zeros) {
    const all = keySubsets(n, t).map((members, i) => ({ members, key: keys[i]! }));
    for (const [i, share] of shares.entries()) {
      const own = all.filter(({ members }) => members.includes(i + 1));
      assert.deepEqual([...zeroShares({ index: i + 1, n, t, keys: own }, nonce, 1)], [share]);
    }
  }
});

test("Merkle roots conform to the vectors", () => {
  for (const [size, root] of merkle.roots.entries()) {
    assert.equal(hexOf(merkleRoot(merkle.leaves.slice(0, size))), root, `${size} leaves`);
  }
});
