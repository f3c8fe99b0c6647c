/** The collector against shares made by hand: totals, surplus checks, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitmapOf, countMembers, members } from "../../protocol/bitmap.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import { assertSums, CollectError, collect, type SumsAnswer, unanswered } from "./collect.ts";

/** The answer of an aggregator to outputs of f(x) = total + slope x. */
function answerOf(aggregator: number, totals: readonly bigint[], have: Iterable<number>, lie = 0n): SumsAnswer {
  const bitmap = bitmapOf(totals.length, have);
  const values = Buffer.alloc(8 * countMembers(bitmap));
  [...members(bitmap)].forEach((output, i) => {
    const slope = BigInt(1000 + output) ** 5n;
    values.writeBigUInt64BE(((totals[output] ?? 0n) + slope * BigInt(aggregator) + lie) % FIELD_PRIME, 8 * i);
  });
  return { aggregator, have: Uint8Array.from(bitmap), values: Uint8Array.from(values) };
}

const totalList = fc.array(fc.bigInt({ min: 0n, max: 2n ** 50n }), { minLength: 1, maxLength: 20 });

test("any two of three answers give the totals; the third is a spare", () => {
  fc.assert(
    fc.property(totalList, fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 2 }), (totals, who) => {
      const result = collect(
        who.map((aggregator) => answerOf(aggregator, totals, totals.keys())),
        totals.length,
        2,
      );
      assert.deepEqual([...result.values], totals);
      assert.ok([...result.spare].every((spare) => spare === who.length - 2));
    }),
  );
});

test("outputs with different answers are worked out each from its own", () => {
  const totals = [5n, 6n, 7n];
  const answers = [answerOf(1, totals, [0, 1]), answerOf(2, totals, [0, 1]), answerOf(3, totals, [0, 2])];
  const result = collect(answers, 3, 2);
  assert.deepEqual([...members(result.have)], [0, 1]);
  assert.deepEqual([result.values[0], result.values[1]], [5n, 6n]);
  assert.deepEqual([result.spare[0], result.spare[1]], [1, 0]);
  assert.deepEqual(unanswered(answers, bitmapOf(3, [0, 1, 2]), 2), [2]);
});

test("a wrong surplus answer fails the set and names who took part, not their sums", () => {
  const totals = [5n, 6n];
  const answers = [1, 2, 3].map((i) => answerOf(i, totals, totals.keys(), i === 2 ? 1n : 0n));
  assert.throws(
    () => collect(answers, 2, 2),
    (error) => {
      assert.ok(error instanceof CollectError);
      assert.equal(error.code, "inconsistent-sums");
      assert.deepEqual(error.evidence, { aggregators: [1, 2, 3], outputs: [0, 1], spare: 1 });
      return true;
    },
  );
});

test("of five answers one wrong is found, wherever and however, and the totals are those of the others", () => {
  const lies = fc.array(fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }), { minLength: 20, maxLength: 20 });
  fc.assert(
    fc.property(totalList, fc.integer({ min: 1, max: 5 }), lies, (totals, liar, lie) => {
      const answers = [1, 2, 3, 4, 5].map((aggregator) => answerOf(aggregator, totals, totals.keys()));
      const wrong = answers[liar - 1]!;
      const values = Buffer.from(wrong.values);
      for (const i of totals.keys())
        values.writeBigUInt64BE((values.readBigUInt64BE(8 * i) + lie[i]!) % FIELD_PRIME, 8 * i);
      answers[liar - 1] = { ...wrong, values };
      const { values: found, spare, corrected } = collect(answers, totals.length, 2);
      const outputs = [...totals.keys()].filter((i) => lie[i] !== 0n);
      assert.deepEqual([...found], totals);
      assert.deepEqual(corrected, outputs.length === 0 ? [] : [{ aggregator: liar, outputs }]);
      assert.ok([...spare].every((count) => count === (outputs.length === 0 ? 3 : 2)));
    }),
  );
});

test("two of five are too many, also where each alone could be told apart in other outputs", () => {
  const totals = [5n, 6n, 7n];
  const lying = (aggregator: number, at: number): SumsAnswer => {
    const answer = answerOf(aggregator, totals, [0, 1, 2]);
    const values = Buffer.from(answer.values);
    values.writeBigUInt64BE((values.readBigUInt64BE(8 * at) + 1n) % FIELD_PRIME, 8 * at);
    return { ...answer, values };
  };
  const honest = [1, 2, 3].map((i) => answerOf(i, totals, [0, 1, 2]));
  assert.throws(() => collect([...honest, lying(4, 0), lying(5, 2)], 3, 2), { code: "inconsistent-sums" });
  // Outputs that other aggregators answered are decoded apart.
  const some = answerOf(3, totals, [0, 1]);
  const first = [...honest.slice(0, 2), some, lying(4, 0), lying(5, 2)];
  assert.throws(() => collect(first, 3, 2), { code: "inconsistent-sums" });
});

test("a total that is negative or beyond any load is not believed, though nobody is left to contradict", () => {
  for (const total of [FIELD_PRIME - 5n, 2n ** 53n]) {
    const answers = [1, 2].map((i) => answerOf(i, [total], [0]));
    assert.throws(() => collect(answers, 1, 2), { code: "implausible-total" });
  }
});

test("refuses sums of another shape than the set's", () => {
  const answer = answerOf(1, [5n, 6n], [0, 1]);
  assert.throws(() => assertSums(answer, 20), { code: "malformed-sums" });
  assert.throws(() => assertSums({ ...answer, values: answer.values.subarray(8) }, 2), { code: "malformed-sums" });
  const beyond = Buffer.alloc(16, 0xff);
  assert.throws(() => assertSums({ ...answer, values: beyond }, 2), { code: "malformed-sums", message: /field/ });
});
