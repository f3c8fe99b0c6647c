import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { centredBinomial, seededBytes, ternary, uniform } from "./sample.ts";

const SEED = Uint8Array.from({ length: 32 }, (_, index) => index);
const digestOf = (values: Int32Array | BigUint64Array): string =>
  createHash("sha256")
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest("hex")
    .slice(0, 16);
const moments = (values: Int32Array): { mean: number; variance: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
};

test("conforms to its vectors: the same seed gives the same polynomials everywhere", () => {
  const random = seededBytes(SEED, "vector");
  assert.equal(Buffer.from(random(8)).toString("hex"), "b20a093de31ee37f");
  assert.deepEqual([...ternary(12, random)], [1, 0, 0, 0, 0, -1, 1, -1, -1, -1, 0, 0]);
  assert.deepEqual([...centredBinomial(12, random)], [0, -5, -7, -2, 3, -4, -5, -1, -5, 5, 0, 6]);
  assert.deepEqual([...uniform(2, 2n ** 61n - 1n, random)], [1911301163547267515n, 1104336899666597674n]);
  assert.equal(digestOf(ternary(4096, random)), "925e75f14155d7f8");
  assert.equal(digestOf(centredBinomial(4096, random)), "b1867cffcaf35388");
  assert.equal(digestOf(uniform(4096, 97n, random)), "77e40554d01f5aa3");
});

test("streams of other labels and seeds differ; a seed of another length is refused", () => {
  const first = Buffer.from(seededBytes(SEED, "a")(32)).toString("hex");
  assert.notEqual(Buffer.from(seededBytes(SEED, "b")(32)).toString("hex"), first);
  assert.notEqual(Buffer.from(seededBytes(new Uint8Array(32), "a")(32)).toString("hex"), first);
  const twice = seededBytes(SEED, "a");
  assert.equal(Buffer.concat([twice(5), twice(27)]).toString("hex"), first);
  assert.throws(() => seededBytes(new Uint8Array(31), "a"), /RangeError: seed: expected 32 bytes, got 31/);
});

test("ternary, binomial and uniform samples have their distributions", () => {
  const count = 60_000;
  const random = seededBytes(SEED, "distribution");
  const small = ternary(count, random);
  for (const value of [-1, 0, 1]) {
    const seen = small.filter((entry) => entry === value).length;
    assert.ok(Math.abs(seen - count / 3) < 5 * Math.sqrt((count * 2) / 9), `${value}: ${seen}`);
  }
  const noise = centredBinomial(count, random);
  const { mean, variance } = moments(noise);
  assert.ok(Math.abs(mean) < 5 * Math.sqrt(10.5 / count));
  assert.ok(Math.abs(variance - 10.5) < 5 * 10.5 * Math.sqrt(2 / count));
  assert.ok(noise.every((value) => Math.abs(value) <= 21));
  const residues = uniform(count, 97n, random);
  const counts = new Float64Array(97);
  for (const value of residues) counts[Number(value)]! += 1;
  const chiSquare = counts.reduce((sum, seen) => sum + (seen - count / 97) ** 2 / (count / 97), 0);
  assert.ok(Math.abs(chiSquare - 96) < 5 * Math.sqrt(2 * 96), `chi-square ${chiSquare}`);
});
