import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { FIELD_PRIME } from "../field.ts";
import { limbsOf } from "../field-words.ts";
import { weightLimbs } from "./weights.ts";

test("a weight is the lowest 61 bits of its eight bytes", () => {
  const bytes = createHash("shake256", { outputLength: 8_000 }).update("weights").digest();
  const expected = Array.from({ length: 1_000 }, (_, i) => bytes.readBigUInt64BE(8 * i) & FIELD_PRIME);
  assert.deepEqual(weightLimbs(bytes), limbsOf(expected));
  assert.deepEqual(weightLimbs(bytes.subarray(3, 11)), limbsOf([bytes.readBigUInt64BE(3) & FIELD_PRIME]));
  assert.deepEqual(weightLimbs(new Uint8Array(8).fill(255)), limbsOf([FIELD_PRIME]));
  assert.deepEqual(weightLimbs(new Uint8Array(0)), new Float64Array(0));
});
