/** Range proofs on shares from end to end, without a network: who is found, who is not hurt, what is opened. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { addShares, NO_BITS, RangeAnswers } from "../../aggregator/rounds/range-answers.ts";
import { bitmapOf } from "../../protocol/bitmap.ts";
import { add, FIELD_PRIME, multiply, reduce, writeElement } from "../../protocol/field.ts";
import { bitEntryBytes } from "../../protocol/range/bit-entries.ts";
import { challengeOf, commitSeed, weightsOf } from "../../protocol/range/challenge.ts";
import { bitCheck, readingShares } from "../../protocol/range/check.ts";
import { splitBits } from "../../protocol/range/split-bits.ts";
import { interpolate, lagrangeWeights } from "../../protocol/shamir/interpolate.ts";
import { keySubsets } from "../../protocol/shamir/key-subsets.ts";
import type { SubsetKeys } from "../../protocol/shamir/prss.ts";
import { shareAt } from "../../protocol/shamir/share-entries.ts";
import { type Found, judgeRange, OffenderSearch } from "../../utility/collector/range-proof.ts";

const BITS = 20;
const METERS = 100;
const SLOT = 1_900_000;
const hashOf = (text: string): Buffer => createHash("sha256").update(text).digest();
const elementOf = (text: string): bigint => reduce(hashOf(text).readBigUInt64BE());

/** The keys of each aggregator, from a seed. */
function dealt(n: number, t: number, seed: string): SubsetKeys[] {
  const all = keySubsets(n, t).map((members) => ({ members, key: hashOf(`${seed} ${members.join()}`) }));
  return Array.from({ length: n }, (_, i) => ({
    ...{ index: i + 1, n, t },
    keys: all.filter(({ members }) => members.includes(i + 1)),
  }));
}

/** What a meter gives n aggregators in place of its bits: anything, by polynomials of degree t - 1 or of none. */
type Bit = (bit: number) => bigint;
type Share = (bit: number, x: number) => bigint;

const asShares =
  (value: Bit, t: number, seed: string): Share =>
  (bit, x) => {
    let share = 0n;
    for (let power = t - 1; power > 0; power--) {
      share = multiply(add(share, elementOf(`${seed} ${bit} ${power}`)), BigInt(x));
    }
    return add(share, reduce(value(bit) + FIELD_PRIME));
  };

function entryOf(share: Share, x: number): Uint8Array {
  const entry = new Uint8Array(bitEntryBytes(BITS));
  for (let bit = 0; bit < BITS; bit++) writeElement(share(bit, x), entry, 8 * bit);
  return entry;
}

interface SystemOptions {
  readonly n: number;
  readonly t: number;
  readonly meters?: number;
  readonly cheats?: ReadonlyMap<number, Share>;
  readonly seed?: string;
  readonly reading?: (meter: number) => number;
}

/** n aggregators with the shares of one slot of each meter, and a challenge that all of them made. */
function systemOf({ n, t, meters = METERS, cheats = new Map(), seed = "a", reading = (m) => m * 997 }: SystemOptions) {
  const shares = Array.from({ length: meters }, (_, meter) => {
    const cheat = cheats.get(meter);
    if (cheat !== undefined) return Array.from({ length: n }, (_x, i) => entryOf(cheat, i + 1));
    const readings = [reading(meter) % 2 ** BITS];
    return splitBits({ key: hashOf(`${seed} m-${meter}`), kind: 1, firstSlot: SLOT, readings, bits: BITS, n, t });
  });
  const setId = hashOf("set");
  const seeds = Array.from({ length: n }, (_, i) => ({ aggregator: i + 1, bytes: hashOf(`${seed} seed ${i}`) }));
  const commitments = seeds.map((one) => ({ aggregator: one.aggregator, bytes: commitSeed(setId, one) }));
  const challenge = challengeOf(setId, commitments, seeds);
  const aggregators = dealt(n, t, `${seed} keys`).map((keys, i) =>
    answersFrom(
      keys,
      challenge,
      shares.map((all) => all[i]!),
    ),
  );
  return { shares, challenge, aggregators, n, t };
}

/** Of one aggregator, with the entries of one slot and kind of each meter. */
function answersFrom(keys: SubsetKeys, challenge: Uint8Array, entries: readonly Uint8Array[]): RangeAnswers {
  const sums = entries.map((own, m) => addShares(NO_BITS, challenge, [m, 0, 0], { entries: own, bits: BITS }));
  return new RangeAnswers({ keys, challenge, sums });
}

type System = ReturnType<typeof systemOf>;
/** What an aggregator that lies adds to its check. */
type Lie = (x: number, meters: readonly number[]) => bigint;

/** Asks all aggregators, or those present, until the search is over. */
function find(
  { aggregators, t }: System,
  lie: Lie = () => 0n,
  present = aggregators.map((_, i) => i + 1),
  groups = [Array.from({ length: METERS }, (_, meter) => meter)],
): Found {
  const search = new OffenderSearch(groups);
  while (search.level.length > 0) {
    const verdicts = search.level.map(({ meters }) => {
      const group = bitmapOf(METERS, [...meters]);
      const points = present.map((x) => ({ x, y: add(aggregators[x - 1]!.check(group)!, reduce(lie(x, meters))) }));
      return judgeRange(points, t);
    });
    search.take(verdicts);
  }
  return search.found;
}

/** Of a search that found nothing. */
const NOTHING = { offenders: [], unproved: [], isContradicted: false, off: new Map(), opened: 1 };

/** Meters whose shares are on no polynomial of degree t - 1. */
function failingDegrees({ aggregators, t }: System): number[] {
  const answers = aggregators.map((one) => one.degrees());
  return answers[0]!.flatMap((_, meter) => {
    const points = answers.map((values, i) => ({ x: i + 1, y: values[meter]! }));
    return interpolate(points, t).disagreeing > 0 ? [meter] : [];
  });
}

/** What the shares of the bits of a meter add up to. */
function readingOf({ shares, t }: System, meter: number): bigint {
  const points = shares[meter]!.map((entry, i) => ({ x: i + 1, y: shareAt(readingShares(entry, BITS), 0) }));
  return interpolate(points, t).value;
}

const SYSTEMS = [
  { n: 3, t: 2 },
  { n: 5, t: 2 },
  { n: 5, t: 3 },
];

const CHEATS: [string, Bit, bigint][] = [
  ["negative", (bit) => (bit === 0 ? -7n : 0n), FIELD_PRIME - 7n],
  ["huge", (bit) => (bit === 19 ? 2n ** 40n : 0n), 2n ** 59n],
  ["one too much in one bit", (bit) => (bit === 5 ? 2n : 0n), 64n],
  ["in range, by bits that are none", (bit) => (bit === 0 ? 2n : bit === 1 ? -1n : 0n), 0n],
];

for (const { n, t } of SYSTEMS) {
  describe(`${n} aggregators, t = ${t}`, () => {
    test("honest meters pass by one opening, whatever they read", async () => {
      const system = systemOf({ n, t });
      assert.deepEqual(failingDegrees(system), []);
      assert.deepEqual(find(system), { ...NOTHING, spare: n - (2 * t - 1) });
      assert.equal(readingOf(system, 99), 99n * 997n);
    });

    for (const [what, bit, reading] of CHEATS) {
      test(`a meter whose reading is ${what} is found, and nobody else`, async () => {
        const system = systemOf({ n, t, cheats: new Map([[37, asShares(bit, t, "cheat")]]) });
        assert.equal(readingOf(system, 37), reading);
        assert.deepEqual(failingDegrees(system), [], "its polynomials are of the right degree");
        const found = find(system);
        assert.deepEqual([found.offenders, found.unproved, found.off.size], [[37], [], 0]);
        assert.ok(found.opened <= 1 + 2 * Math.ceil(Math.log2(METERS)), `${found.opened} openings`);
      });
    }

    test("several are found together, also neighbours whose bits add up to bits", async () => {
      const cheats = new Map([
        [0, asShares((bit) => (bit === 3 ? 3n : 0n), t, "first")],
        [10, asShares((bit) => (bit === 3 ? 5n : 1n), t, "second")],
        [11, asShares((bit) => (bit === 3 ? -5n : 0n), t, "third")],
        [99, asShares(() => 2n ** 55n, t, "fourth")],
      ]);
      const found = find(systemOf({ n, t, cheats }));
      assert.deepEqual(found.offenders, [0, 10, 11, 99]);
    });

    test("shares on no polynomial, made to pass the check of bits, fail that of the degree", async () => {
      // Points y with y^2 - y adding up to 0 by the check's own weights, so that any 2t - 1 answers would open 0.
      const xs = Array.from({ length: 2 * t - 1 }, (_, i) => i + 1);
      const lambdas = lagrangeWeights(xs);
      const ys = crookedPoints(lambdas);
      const honest = asShares(() => 1n, t, "crooked");
      const cheat: Share = (bit, x) => (bit === 4 ? (ys[x - 1] ?? ys[0]!) : honest(bit, x));
      const system = systemOf({ n, t, cheats: new Map([[37, cheat]]) });
      assert.deepEqual(failingDegrees(system), [37]);
      if (n === 2 * t - 1) {
        const found = find(system);
        assert.deepEqual(found.offenders, [], "that is why the degree is tested first");
      }
    });

    test("with fewer than 2t - 1 answers nothing is proved, and it says so", async () => {
      const present = Array.from({ length: 2 * t - 2 }, (_, i) => i + 1);
      const found = find(systemOf({ n, t }), undefined, present);
      assert.deepEqual([found.offenders, found.unproved.length, found.opened], [[], METERS, 1]);
    });
  });
}

/** Elements y_i, not all 0 or 1 and on no line, with the sum of lambda_i (y_i^2 - y_i) = 0. */
function crookedPoints(lambdas: readonly bigint[]): bigint[] {
  // All but the first are given; the first solves y^2 - y = c, which has a root for about every second c.
  for (let tried = 0; ; tried++) {
    const rest = lambdas.slice(1).map((_, i) => elementOf(`crooked ${tried} ${i}`));
    const sum = rest.reduce((all, y, i) => add(all, multiply(lambdas[i + 1]!, reduce(y * y + FIELD_PRIME - y))), 0n);
    const c = multiply(reduce(FIELD_PRIME - sum), inverseOf(lambdas[0]!));
    const discriminant = reduce(1n + 4n * c);
    // p = 3 modulo 4, so a root is a power.
    const root = powerOf(discriminant, (FIELD_PRIME + 1n) / 4n);
    if (multiply(root, root) !== discriminant) continue;
    return [multiply(add(1n, root), inverseOf(2n)), ...rest];
  }
}

function powerOf(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (let square = base, rest = exponent; rest > 0n; rest >>= 1n, square = multiply(square, square)) {
    if ((rest & 1n) === 1n) result = multiply(result, square);
  }
  return result;
}

const inverseOf = (value: bigint): bigint => powerOf(value, FIELD_PRIME - 2n);

describe("a meter and an aggregator that collude", () => {
  /** They know everything of the meter, so also what must be added at that aggregator's point to open 0. */
  const hiding = (system: System, meter: number, rogue: number, xs: number[]): Lie => {
    const error = xs.reduce((sum, x, i) => {
      const weights = weightsOf(system.challenge, "bits", [meter, 0, 0], BITS);
      const check = bitCheck({ entries: system.shares[meter]![x - 1]!, bits: BITS }, weights);
      return add(sum, multiply(lagrangeWeights(xs)[i]!, check));
    }, 0n);
    const lambda = lagrangeWeights(xs)[xs.indexOf(rogue)]!;
    const added = multiply(reduce(FIELD_PRIME - error), inverseOf(lambda));
    return (x, meters) => (x === rogue && meters.includes(meter) ? added : 0n);
  };
  const cheats = (t: number) => new Map([[37, asShares(() => 2n ** 40n, t, "cheat")]]);

  test("(3, 2): can hide a false reading: no answer is to spare", async () => {
    const system = systemOf({ n: 3, t: 2, cheats: cheats(2) });
    const found = find(system, hiding(system, 37, 2, [1, 2, 3]));
    assert.deepEqual(found, { ...NOTHING, spare: 0 });
  });

  test("(5, 2): cannot: it is found, and so is the aggregator, wherever it answers", async () => {
    const system = systemOf({ n: 5, t: 2, cheats: cheats(2) });
    for (const xs of [
      [1, 2, 3],
      [2, 4, 5],
    ]) {
      const found = find(system, hiding(system, 37, 2, xs));
      assert.deepEqual([found.offenders, [...found.off.keys()]], [[37], [2]]);
    }
  });

  test("(5, 2) with four answers: the lie is seen, though not who told it", async () => {
    const system = systemOf({ n: 5, t: 2, cheats: cheats(2) });
    const found = find(system, hiding(system, 37, 2, [1, 2, 3]), [1, 2, 3, 4]);
    assert.deepEqual([found.isContradicted, found.offenders, found.unproved.length], [true, [], METERS]);
  });

  test("an aggregator alone: (3, 2) it can have an honest meter left out, (5, 2) it only names itself", async () => {
    const blame: Lie = (x, meters) => (x === 2 && meters.includes(50) ? 9n : 0n);
    const three = find(systemOf({ n: 3, t: 2 }), blame);
    assert.deepEqual([three.offenders, three.spare], [[50], 0]);
    const five = find(systemOf({ n: 5, t: 2 }), blame);
    assert.deepEqual([five.offenders, [...five.off.keys()]], [[], [2]]);
  });

  test("a whole that is broken though its parts are right is a lie that nobody can be named for", async () => {
    const lie: Lie = (x, meters) => (x === 2 && meters.length === METERS ? 9n : 0n);
    const found = find(systemOf({ n: 3, t: 2 }), lie);
    assert.deepEqual([found.isContradicted, found.offenders, found.unproved.length], [true, [], METERS]);
  });
});

test("a false reading passes by chance as often as two weights agree, and no more", () => {
  // The worst meter: two errors that cancel when their weights are equal. Weights of 61 bits make it 2^-60 at most
  // (p and 0 are both 0); of 6 bits it shows: once in 64.
  const [bits, draws] = [6, 20_000];
  const share: Share = (bit) => (bit === 0 ? 2n : bit === 1 ? elementWithBitError(-2n) : 0n);
  // Shares of constant polynomials: what is opened is the check itself.
  const entries = entryOf(share, 1);
  let passed = 0;
  for (let draw = 0; draw < draws; draw++) {
    const weights = weightsOf(hashOf(`draw ${draw}`), "bits", [0], BITS);
    const short = weights.map((limb, i) => (i % 3 === 0 ? limb % 2 ** bits : 0));
    if (bitCheck({ entries, bits: BITS }, short) === 0n) passed++;
  }
  const expected = draws / 2 ** bits;
  // Five standard deviations; the draws are fixed, so the figure is too.
  assert.ok(Math.abs(passed - expected) < 5 * Math.sqrt(expected), `${passed} of ${draws}, expected ${expected}`);
});

/** y with y^2 - y = error. */
function elementWithBitError(error: bigint): bigint {
  const root = powerOf(reduce(1n + 4n * (error + FIELD_PRIME)), (FIELD_PRIME + 1n) / 4n);
  const y = multiply(add(1n, root), inverseOf(2n));
  assert.equal(reduce(y * y - y + FIELD_PRIME), reduce(error + FIELD_PRIME));
  return y;
}

describe("the utility with t - 1 aggregators sees what it could have drawn itself", () => {
  // Of a check over honest meters they know: that it is 0 at 0, and the colluders' own points. A polynomial of degree
  // 2t - 2 through these has t - 1 points free: all others follow. The simulator draws those uniformly.
  const [n, t, draws] = [5, 3, 1_600];
  const keys = dealt(n, t, "view");
  const colluders = [1, 2];
  const free = [3, 4];
  const ONLY = Uint8Array.of(1);

  const KEY = hashOf("m-1");
  const answersOf = (reading: number) => {
    const shares = splitBits({ key: KEY, kind: 1, firstSlot: SLOT, readings: [reading], bits: BITS, n, t });
    return (draw: number, x: number): RangeAnswers =>
      answersFrom(keys[x - 1]!, hashOf(`challenge ${draw}`), [shares[x - 1]!]);
  };
  const all = keys.map(({ index }) => index);
  /** Counts by the highest bits of the free points; two of each make 16 parts. */
  const count = (counts: number[], parts: readonly bigint[]): void => {
    const each = 16 ** (1 / parts.length);
    const part = parts.reduce((all, y) => all * each + Number((y * BigInt(each)) / FIELD_PRIME), 0);
    counts[part]! += 1;
  };
  const assertUniform = (counts: readonly number[], what: string): void => {
    const expected = draws / counts.length;
    const chiSquare = counts.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0);
    // 15 degrees of freedom: above 37.7 once in a thousand; everything is fixed, so the figure is too.
    assert.ok(chiSquare < 37.7, `${what}: chi-square ${chiSquare} of ${counts.join()}`);
  };

  for (const reading of [0, 2 ** BITS - 1]) {
    test(`of checks, when the reading is ${reading}`, () => {
      const answers = answersOf(reading);
      const counts = new Array<number>(16).fill(0);
      for (let draw = 0; draw < draws; draw++) {
        const parts = free.map((x) => answers(draw, x).check(ONLY)!);
        count(counts, parts);
        if (draw >= 20) continue;
        // 0 at 0, the colluders' points and the free ones fix the polynomial, so they fix the rest of the view.
        const points = all.map((x) => ({ x, y: answers(draw, x).check(ONLY)! }));
        assert.deepEqual(judgeRange(points, t), { kind: "right", off: [], spare: 0 });
      }
      assertUniform(counts, "free points");
    });

    test(`of tests of the degree, when the reading is ${reading}`, () => {
      // A polynomial of degree t - 1 through the colluders' points has one point free.
      const answers = answersOf(reading);
      const counts = new Array<number>(16).fill(0);
      for (let draw = 0; draw < draws; draw++) {
        count(counts, [answers(draw, free[0]!).degrees()[0]!]);
        if (draw >= 20) continue;
        const points = all.map((x) => ({ x, y: answers(draw, x).degrees()[0]! }));
        assert.equal(interpolate(points, t).disagreeing, 0);
      }
      assertUniform(counts, "the free point");
    });
  }

  test("and nobody's point is of the colluders' making", () => {
    for (const x of free) {
      const known = keys.filter(({ index }) => colluders.includes(index)).flatMap((own) => own.keys);
      const unknown = keys[x - 1]!.keys.filter(
        ({ members }) => !known.some((one) => one.members.join() === members.join()),
      );
      assert.deepEqual(
        unknown.map(({ members }) => members),
        [[3, 4, 5]],
      );
    }
  });

  test("two groups of one set never have one mask, so that their difference tells nothing", () => {
    const entries = splitBits({ key: KEY, kind: 1, firstSlot: SLOT, readings: [5], bits: BITS, n, t })[0]!;
    const nothing = new Uint8Array(entries.length);
    // The shares of the second meter are zeros: of checks without masks these three would be the same.
    const answers = answersFrom(keys[0]!, hashOf("challenge"), [entries, nothing, nothing]);
    const groups = [[0], [0, 1], [0, 2], [0, 1, 2]].map((meters) => bitmapOf(3, meters));
    assert.equal(new Set(groups.map((group) => answers.check(group))).size, 4);
    assert.throws(() => answers.check(Uint8Array.of(0)), /RangeError: group: expected a member/);
    assert.throws(() => answers.check(Uint8Array.of(9)), /RangeError: group/);
  });
});
