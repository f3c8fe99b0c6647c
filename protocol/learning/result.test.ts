import assert from "node:assert/strict";
import { test } from "node:test";
import { TOPICS } from "../topics.ts";
import { learnResult, type OpenedPart, resultParts, sumOfParts } from "./result.ts";

const FACTS = {
  ...{ round: "ab".repeat(16), campaign: "forecast", step: 4, settledAt: 1_800_000_000 },
  ...{ meters: 12, setId: "cd".repeat(32), spareAnswers: 1 },
};

test("a sum comes out of its messages as it went in, each of which fits the topic", () => {
  for (const values of [[-2_147_483_648, 0, 2_147_483_647], [-(2 ** 53) + 1, 2 ** 53 - 1, -5], wide(40_000)]) {
    const texts = resultParts(FACTS, values).map((part) => JSON.stringify(part));
    assert.ok(texts.every((text) => text.length <= TOPICS.learnResult.maxBytes));
    const parts = texts.map((text) => learnResult.parse(JSON.parse(text)) as OpenedPart);
    assert.deepEqual(sumOfParts(parts.toReversed()), values);
  }
});

function wide(length: number): number[] {
  return Array.from({ length }, (_, i) => (i % 2 === 0 ? 1 : -1) * (2 ** 40 + i));
}

test("a sum without one of its parts, or with one of another, is none", () => {
  const parts = resultParts(FACTS, wide(40_000));
  assert.equal(parts.length, 3);
  assert.throws(() => sumOfParts(parts.slice(1)), /RangeError: parts: expected each of 3 once, got 2/);
  assert.throws(() => sumOfParts([parts[0]!, parts[1]!, parts[1]!]), /expected each of 3 once/);
  assert.throws(() => sumOfParts([...parts.slice(0, 2), { ...parts[2]!, setId: "ef".repeat(32) }]), /of one sum/);
  assert.throws(() => sumOfParts([]), /expected each of 1 or more once, got 0/);
});

test("a round without a sum says why, and nothing says it is final without one", () => {
  const { round, campaign, step, settledAt } = FACTS;
  const closed = { v: 1, round, campaign, step, settledAt, status: "too-few-meters", reason: "4 meters" };
  assert.deepEqual(learnResult.parse(closed), closed);
  assert.equal(learnResult.safeParse({ ...closed, status: "final" }).success, false);
});
