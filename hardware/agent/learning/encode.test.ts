import assert from "node:assert/strict";
import { test } from "node:test";
import { seededBytes } from "../../../protocol/ckks/ring/sample.ts";
import { normBound, type RoundContent, unpackLanes } from "../../../protocol/learning/index.ts";
import { trainingRound } from "../../../protocol/learning/testing/rounds.ts";
import { encodeVector } from "./encode.ts";

const LENGTH = 4_000;
const seeded = (label: string) => seededBytes(new Uint8Array(32).fill(3), label);

function round(noise: RoundContent["noise"], scale = 32_000): RoundContent {
  const { vector } = trainingRound(LENGTH);
  return trainingRound(LENGTH, { noise, vector: { ...vector, scale } });
}

function encoded(values: ArrayLike<number>, content: RoundContent, label: string): number[] {
  return unpackLanes(encodeVector(values, content, seeded(label)), content.vector);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

test("a home's part of the noise has the variance that the announcement leaves to each", () => {
  for (const mechanism of ["skellam", "discrete-gaussian"] as const) {
    const content = round({ mechanism, variance: 9_000, colluders: 1 });
    const noise = encoded(new Float64Array(LENGTH), content, mechanism);
    const variance = mean(noise.map((value) => value ** 2));
    // 9,000 over 10 - 1 homes; four standard deviations of a sample of 4,000 are 9 %.
    assert.ok(Math.abs(variance / 1_000 - 1) < 0.09, `${mechanism}: ${variance}`);
    assert.ok(Math.abs(mean(noise)) < 2, `${mechanism}: mean ${mean(noise)}`);
  }
});

test("rounding keeps the mean, and the norm within the bound that is charged for", () => {
  const content = round({ mechanism: "none", variance: 0, colluders: 0 }, 100);
  const values = new Float64Array(LENGTH).fill(0.9 / Math.sqrt(LENGTH));
  const integers = encoded(values, content, "rounding");
  // 1.423 each: ones and twos.
  assert.ok(Math.abs(mean(integers) - 90 / Math.sqrt(LENGTH)) < 0.03, `${mean(integers)}`);
  assert.deepEqual([...new Set(integers)].sort(), [1, 2]);
  const long = encoded(
    values.map((value) => 50 * value),
    content,
    "long",
  );
  const norm = Math.hypot(...long);
  assert.ok(norm <= normBound(content) && norm > 95, `${norm} of ${normBound(content)}`);
});

test("another start draws other noise", () => {
  const content = round({ mechanism: "skellam", variance: 9_000, colluders: 1 });
  const zeros = new Float64Array(LENGTH);
  assert.notDeepEqual(encoded(zeros, content, "a"), encoded(zeros, content, "b"));
});
