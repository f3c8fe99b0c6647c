import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELD_PRIME } from "../field.ts";
import { RandomBits } from "../noise/index.ts";
import { seedStream } from "../shamir/vector-shares.ts";
import { boundBits, boundElements, holdsWithoutWrap, honestSquares, sharedElements } from "./bound.ts";
import { roundContent, type RoundContent } from "./content.ts";
import { addCosts, costOf, epsilonOf, epsilonOfAll } from "./cost.ts";
import { homeIntegers, homeNoise } from "./integers.ts";
import { ROUND_MISS } from "./shape.ts";
import { trainingRound } from "./testing/rounds.ts";

const withBound = (content: RoundContent, squares = honestSquares(content)): RoundContent => ({
  ...content,
  bound: { kind: "norm", squares },
});

test("bits of coordinates and of what is left say the vector, at the bound and far from it", () => {
  const content = withBound(trainingRound(3), 1_000);
  const { slack, coordinate } = boundBits(content.bound!);
  assert.deepEqual([slack, coordinate], [10, 6]);
  for (const values of [
    [0, 0, 0],
    [31, -6, 1],
    [-31, 6, 1],
    [-10, 30, 0],
  ]) {
    const elements = boundElements(values, { vector: content.vector, bound: content.bound! });
    assert.equal(elements.length, sharedElements(content));
    assert.ok(elements.every((bit) => bit === 0n || bit === 1n));
    const numberAt = (at: number, count: number): number =>
      elements.subarray(at, at + count).reduceRight<number>((all, bit) => 2 * all + Number(bit), 0);
    const coordinates = [0, 1, 2].map((i) => numberAt(i * coordinate, coordinate) - 32);
    assert.deepEqual(coordinates, values);
    assert.equal(numberAt(3 * coordinate, slack), 1_000 - values.reduce((sum, v) => sum + v * v, 0));
  }
  const shape = { vector: content.vector, bound: content.bound! };
  assert.throws(() => boundElements([31, 6, 2], shape), /RangeError: values: their norm is beyond the bound/);
  assert.throws(() => boundElements([2 ** 40, 0, 0], shape), /beyond the bound/);
  assert.throws(() => boundElements([1, 2], shape), /RangeError: values: expected 3 coordinates, got 2/);
});

test("a bound below what honest homes need, or beyond what the field holds, is no announcement", () => {
  const content = trainingRound(20);
  const least = honestSquares(content);
  assert.ok(roundContent.safeParse(withBound(content)).success);
  const refused = (of: RoundContent): string => roundContent.safeParse(of).error?.issues[0]?.message ?? "";
  assert.equal(refused(withBound(content, least - 1)), `honest homes need ${least}`);
  assert.equal(refused(withBound(trainingRound(2_500))), "takes more than the 34379 elements of one message");
  const wide = withBound(content, Number.MAX_SAFE_INTEGER);
  assert.ok(holdsWithoutWrap(wide, wide.bound!));
  const long = withBound(trainingRound(600), Number.MAX_SAFE_INTEGER);
  assert.equal(refused(long), "what has these bits can wrap around the field");
  // The most that coordinates of these bits and what is left can add up to.
  const { coordinate, slack } = boundBits(long.bound!);
  assert.ok(600n * 2n ** BigInt(2 * coordinate - 2) + 2n ** BigInt(slack) >= FIELD_PRIME);
});

for (const mechanism of ["skellam", "discrete-gaussian"] as const) {
  test(`${mechanism}: what a home sends at the clip is within the bound, and not far from it`, () => {
    const vector = { length: 33, bits: 12, clip: 1, scale: 2_000, laneBits: 30, lanes: 2 };
    // Half the clip for each home.
    const noise = { mechanism, variance: 10 * 1_000 ** 2, colluders: 1 };
    const content = withBound(trainingRound(33, { vector, noise, minMeters: 11 }));
    assert.ok(roundContent.safeParse(content).success);
    const bits = new RandomBits(seedStream(new Uint8Array(32).fill(7)));
    const source = homeNoise(content, bits);
    const values = Float64Array.from({ length: 33 }, (_, i) => (i % 2 === 0 ? 1 : -1));
    const norms = Array.from({ length: 200 }, () => Math.hypot(...homeIntegers(content, values, bits, source)));
    const most = Math.sqrt(content.bound!.squares);
    assert.ok(Math.max(...norms) < most);
    // Chances of 2^-80 cost: 15 deviations of a coordinate where 5.7 are usual.
    const mean = norms.reduce((sum, norm) => sum + norm, 0) / norms.length;
    assert.ok(most < 3 * mean && most < 9 * 2_000, `${most} against ${mean}`);
  });
}

test("what a home might draw beyond the bound is taken out of delta", () => {
  const content = trainingRound(33, { minMeters: 11, noise: { mechanism: "skellam", variance: 4e10, colluders: 1 } });
  const [plain, bounded] = [costOf(content), costOf(withBound(content))];
  assert.ok(plain.rdp !== undefined && bounded.rdp !== undefined);
  assert.deepEqual([plain.missed, bounded.missed], [undefined, ROUND_MISS]);
  const epsilon = epsilonOf(plain.rdp, 1e-5);
  assert.ok(Math.abs(epsilonOfAll([bounded], 1e-5) - epsilon) < 1e-9);
  // With a chance that shows: what is said holds for the delta that is left at it, and would not for a smaller one.
  const some = epsilonOf(plain.rdp, 1e-5, 1e-7);
  assert.ok(some > epsilon);
  assert.ok(Math.abs(epsilonOf(plain.rdp, 1e-5 - (1 + Math.exp(some)) * 1e-7) - some) < 1e-9);
  const missed = { rdp: plain.rdp, missed: 1e-7 };
  assert.equal(epsilonOfAll([missed, missed], 1e-5), epsilonOf(addCosts([plain.rdp, plain.rdp]), 1e-5, 2e-7));
  assert.equal(epsilonOf(plain.rdp, 1e-5, 1e-5), Number.POSITIVE_INFINITY);
});
