/**
 * Proofs of norms on shares from end to end, without a network: what a home can choose and fails with, and that what is opened
 * of honest ones tells nothing.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { boundedSums, type BoundedShape, laneElements } from "../../aggregator/learning/bounded-vectors.ts";
import { RangeAnswers } from "../../aggregator/rounds/range-answers.ts";
import { FIELD_PRIME, reduce } from "../../protocol/field.ts";
import { boundBits, boundElements } from "../../protocol/learning/bound.ts";
import { packLanes, unpackLanes } from "../../protocol/learning/lanes.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { keySubsets } from "../../protocol/shamir/key-subsets.ts";
import type { SubsetKeys } from "../../protocol/shamir/prss.ts";
import { splitVector } from "../../protocol/shamir/split-vector.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import { judgeRange } from "../../utility/collector/range-proof.ts";

const SHAPE: BoundedShape = { length: 5, laneBits: 20, lanes: 3, squares: 1_000 };
const VECTOR = { ...SHAPE, bits: 6, clip: 30, scale: 1 };
const ONLY = Uint8Array.of(1);
const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();

/** The keys of each aggregator. */
function dealt(n: number, t: number): SubsetKeys[] {
  const all = keySubsets(n, t).map((members) => ({ members, key: hashOf(`keys ${members.join()}`) }));
  return Array.from({ length: n }, (_, i) => ({
    ...{ index: i + 1, n, t },
    keys: all.filter(({ members }) => members.includes(i + 1)),
  }));
}

const sharesOf = (elements: BigUint64Array, n: number, t: number, seed = "home"): BigUint64Array[] =>
  splitVector({ key: hashOf(seed), round: "ab".repeat(16), elements, n, t }).shares.map((share) =>
    elementsOfShare(share, elements.length),
  );

const elementsOf = (values: readonly number[]): BigUint64Array =>
  boundElements(values, { vector: VECTOR, bound: { squares: SHAPE.squares } });

/** What an aggregator answers about one home under a challenge. */
const answersOf = (keys: SubsetKeys, own: BigUint64Array, challenge: Uint8Array): RangeAnswers =>
  new RangeAnswers({ keys, challenge, sums: [boundedSums(own, SHAPE, challenge, 0)] });

const answers = (shares: readonly BigUint64Array[], t: number, challenge: Uint8Array): RangeAnswers[] =>
  dealt(shares.length, t).map((keys, i) => answersOf(keys, shares[i]!, challenge));

const pointsOf = (all: readonly RangeAnswers[], of: (one: RangeAnswers) => bigint | undefined) =>
  all.map((one, i) => ({ x: i + 1, y: of(one)! }));
const verdict = (shares: readonly BigUint64Array[], t: number, challenge = hashOf("challenge")) =>
  judgeRange(
    pointsOf(answers(shares, t, challenge), (one) => one.check(ONLY)),
    t,
  );

/** Elements whose last relation holds modulo p, by a slack of any number in place of its lowest bit. */
function balanced(elements: BigUint64Array): BigUint64Array {
  const { coordinate, slack } = boundBits(SHAPE);
  const squares = Array.from({ length: SHAPE.length }, (_, i) => {
    const own = elements.subarray(i * coordinate, (i + 1) * coordinate);
    return (own.reduceRight<bigint>((sum, bit) => 2n * sum + bit, 0n) - 2n ** BigInt(coordinate - 1)) ** 2n;
  });
  const left = (BigInt(SHAPE.squares) - squares.reduce((sum, one) => sum + one, 0n)) % FIELD_PRIME;
  return elements.fill(0n, -slack).with(elements.length - slack, reduce(left + FIELD_PRIME));
}

const WRONGS: [string, () => BigUint64Array][] = [
  ["a huge coordinate by a bit that is none", () => elementsOf([1, 2, 3, 4, 5]).with(2, 2n ** 40n)],
  ["the same with the relation of squares made right", () => balanced(elementsOf([1, 2, 3, 4, 5]).with(2, 2n ** 40n))],
  // 2^31 squared is 2, so the relation of squares holds by right bits of what is left.
  [
    "a coordinate whose square wraps around",
    () =>
      elementsOf([0, 1, 1, 0, 0])
        .fill(0n, 6, 18)
        .with(0, 2n ** 31n)
        .with(11, 1n)
        .with(17, 1n),
  ],
  [
    "coordinates in range that are too long together",
    () => {
      const elements = elementsOf([0, 0, 0, 0, 0]).fill(0n, -boundBits(SHAPE).slack);
      for (let i = 0; i < SHAPE.length; i++) elements.set([1n, 1n, 1n, 1n, 0n, 1n], i * 6);
      return elements;
    },
  ],
  [
    "the same, with a negative slack",
    () => {
      const elements = elementsOf([0, 0, 0, 0, 0]);
      for (let i = 0; i < SHAPE.length; i++) elements.set([1n, 1n, 1n, 1n, 0n, 1n], i * 6);
      return balanced(elements);
    },
  ],
  [
    "a slack that is one off",
    () => {
      const elements = elementsOf([1, 2, 3, 4, 5]);
      return elements.with(-1, 1n - elements.at(-1)!);
    },
  ],
];

for (const [n, t] of [
  [3, 2],
  [5, 2],
  [5, 3],
] as const) {
  describe(`${n} aggregators, t = ${t}`, () => {
    test("homes within the bound and at its edge pass, and their shares are those of the vector", () => {
      for (const values of [
        [0, 0, 0, 0, 0],
        [30, -10, 0, 0, 0],
        [-1, 2, -31, 3, -5],
        [-14, 14, 14, -14, 14],
      ]) {
        const shares = sharesOf(elementsOf(values), n, t);
        assert.deepEqual(verdict(shares, t), { kind: "right", off: [], spare: n - (2 * t - 1) });
        const own = shares.map((one) => laneElements(one, SHAPE, 1));
        const opened = BigUint64Array.from(
          own[0]!.map(
            (_, i) =>
              interpolate(
                own.map((one, x) => ({ x: x + 1, y: one[i]! })),
                t,
              ).value,
          ),
        );
        assert.deepEqual(opened, packLanes(values, SHAPE));
        assert.deepEqual(unpackLanes(opened, SHAPE), values);
      }
    });

    for (const [what, wrong] of WRONGS) {
      test(`found: ${what}`, () => {
        for (const draw of ["a", "b", "c"]) {
          assert.equal(verdict(sharesOf(wrong(), n, t), t, hashOf(draw)).kind, "broken");
        }
      });
    }

    test("shares on no polynomial of degree t - 1 fail the test of the degree", () => {
      const shares = sharesOf(elementsOf([1, 2, 3, 4, 5]), n, t).map((own, i) =>
        i === n - 1 ? own.with(7, reduce(own[7]! + 1n)) : own,
      );
      const points = pointsOf(answers(shares, t, hashOf("challenge")), (one) => one.degrees()[0]);
      assert.ok(interpolate(points, t).disagreeing > 0);
    });

    test("an aggregator that lies is found where an answer is to spare, and can only be hidden where none is", () => {
      const all = answers(sharesOf(elementsOf([1, 2, 3, 4, 5]), n, t), t, hashOf("challenge"));
      const points = pointsOf(all, (one) => one.check(ONLY)).map((one) =>
        one.x === 2 ? { x: 2, y: reduce(one.y + 9n) } : one,
      );
      const spare = n - (2 * t - 1);
      const judged = judgeRange(points, t);
      if (spare === 0) assert.equal(judged.kind, "broken");
      else assert.deepEqual(judged, { kind: "right", off: [2], spare: spare - 1 });
      assert.deepEqual(judgeRange(points.slice(0, 2 * t - 2), t), { kind: "unproved" });
    });
  });
}

test("two errors of the same size never cancel: each has a weight of its own", () => {
  const shares = sharesOf(
    elementsOf([1, 2, 3, 4, 5])
      .with(0, 2n)
      .with(1, FIELD_PRIME - 1n),
    3,
    2,
  );
  for (let draw = 0; draw < 20; draw++) assert.equal(verdict(shares, 2, hashOf(`draw ${draw}`)).kind, "broken");
});

describe("the utility with t - 1 aggregators sees what it could have drawn itself", () => {
  // As in range-proofs.test.ts: 0 at 0 and the colluders' t - 1 points leave t - 1 points of a check free, and one of a degree.
  const [n, t, draws] = [5, 3, 800];
  const keys = dealt(n, t);
  const assertUniform = (counts: readonly number[], what: string): void => {
    const expected = draws / counts.length;
    const chiSquare = counts.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0);
    // 15 degrees of freedom: above 37.7 once in a thousand; everything is fixed, so the figure is too.
    assert.ok(chiSquare < 37.7, `${what}: chi-square ${chiSquare} of ${counts.join()}`);
  };
  const part = (y: bigint, parts: number): number => Number((y * BigInt(parts)) / FIELD_PRIME);

  test("of a home at the edge of the bound", () => {
    const shares = sharesOf(elementsOf([-14, 14, 14, -14, 14]), n, t);
    const [checks, degrees] = [new Array<number>(16).fill(0), new Array<number>(16).fill(0)];
    for (let draw = 0; draw < draws; draw++) {
      const challenge = hashOf(`challenge ${draw}`);
      const [third, fourth] = [2, 3].map((i) => answersOf(keys[i]!, shares[i]!, challenge));
      checks[4 * part(third!.check(ONLY)!, 4) + part(fourth!.check(ONLY)!, 4)]! += 1;
      degrees[part(third!.degrees()[0]!, 16)]! += 1;
      // 0 at 0, the colluders' points and the free ones fix the polynomial, so they fix the rest of the view.
      if (draw < 10) assert.equal(verdict(shares, t, challenge).kind, "right");
    }
    assertUniform(checks, "free points of checks");
    assertUniform(degrees, "the free point of degrees");
  });
});
