/** Shares of bits: what the meter makes, and what an aggregator computes of its points. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { bitmapOf } from "../bitmap.ts";
import { FIELD_PRIME, reduce } from "../field.ts";
import { polynomialOf } from "../prf.ts";
import { interpolate } from "../shamir/interpolate.ts";
import { ENTRY_BYTES, shareAt, tagAt } from "../shamir/share-entries.ts";
import { bitEntryBytes, firstInvalidBitEntry } from "./bit-entries.ts";
import { challengeOf, commitSeed, type Sealed, weightsOf } from "./challenge.ts";
import { bitCheck, bitSum, readingShares } from "./check.ts";
import { splitBits } from "./split-bits.ts";

const hashOf = (text: string): Uint8Array => Uint8Array.from(createHash("sha256").update(text).digest());
const KEY = hashOf("key");
const base = { key: KEY, kind: 1, firstSlot: 1_900_000, bits: 20, n: 5, t: 3 };

const shareOf = (entries: Uint8Array, bits: number, index: number, bit: number): bigint =>
  Buffer.from(entries).readBigUInt64BE(bitEntryBytes(bits) * index + 8 * bit);

test("any t shares of a bit are the bit, and the shares of the reading follow from them", () => {
  const readings = [0, 1, 2, 523_777, 2 ** 20 - 1];
  const out = splitBits({ ...base, readings });
  for (const [index, reading] of readings.entries()) {
    for (let bit = 0; bit < base.bits; bit++) {
      const points = out.map((entries, i) => ({ x: i + 1, y: shareOf(entries, base.bits, index, bit) }));
      assert.deepEqual(interpolate(points, base.t), {
        value: BigInt((reading >>> bit) & 1),
        spare: 2,
        disagreeing: 0,
      });
    }
    const whole = out.map((entries, i) => ({ x: i + 1, y: shareAt(readingShares(entries, base.bits), index) }));
    assert.deepEqual(interpolate(whole, base.t), { value: BigInt(reading), spare: 2, disagreeing: 0 });
    const tags = out.map((entries) => Buffer.from(tagAt(readingShares(entries, base.bits), index)).toString("hex"));
    assert.equal(new Set(tags).size, 1, "one tag for all aggregators");
  }
  assert.equal(readingShares(out[0]!, base.bits).length, ENTRY_BYTES * readings.length);
});

test("a retry gives the same shares; another slot, kind or reading shares no coefficient, nor does the reading itself", () => {
  const seen = new Set<bigint>();
  const add = (input: typeof base, reading: number): void => {
    const [first] = splitBits({ ...input, readings: [reading] });
    assert.deepEqual(splitBits({ ...input, readings: [reading] })[0], first);
    for (let bit = 0; bit < input.bits; bit++) {
      // Share minus bit is the coefficients' part at x = 1.
      seen.add(reduce(shareOf(first!, input.bits, 0, bit) + FIELD_PRIME - BigInt((reading >>> bit) & 1)));
    }
  };
  const inputs = [base, { ...base, firstSlot: 7 }, { ...base, kind: 2 }].map((one) => ({ ...one, t: 2 }));
  for (const input of inputs) for (const reading of [0, 1, 77]) add(input, reading);
  assert.equal(seen.size, 9 * base.bits);
  for (const reading of [0n, 1n, 77n]) {
    for (const coefficient of polynomialOf({ key: KEY, kind: 1, slot: base.firstSlot, reading, t: 7 }).coefficients) {
      assert.ok(!seen.has(coefficient), "blocks of the reading's own polynomial are not used");
    }
  }
});

test("two widths share neither a tag nor a polynomial", () => {
  const [narrow, wide] = [20, 21].map((bits) => splitBits({ ...base, bits, readings: [77] })[0]!);
  assert.notDeepEqual(tagAt(readingShares(narrow!, 20), 0), tagAt(readingShares(wide!, 21), 0));
  const shares = (entries: Uint8Array, bits: number): bigint[] =>
    Array.from({ length: 20 }, (_, bit) => shareOf(entries, bits, 0, bit));
  assert.equal(new Set([...shares(narrow!, 20), ...shares(wide!, 21)]).size, 40);
});

test("finds the entry whose share is no field element, in any bit of it", () => {
  for (const [at, bit] of [
    [0, 0],
    [1, 19],
    [2, 7],
  ] as const) {
    const entries = Buffer.from(splitBits({ ...base, readings: [1, 2, 3] })[0]!);
    assert.equal(firstInvalidBitEntry(entries, 20), -1);
    entries.writeBigUInt64BE(FIELD_PRIME, bitEntryBytes(20) * at + 8 * bit);
    assert.equal(firstInvalidBitEntry(entries, 20), at);
  }
});

test("refuses readings out of range without telling them, and wrong sizes", () => {
  for (const reading of [-1, 2 ** 20, 1.5, Number.NaN]) {
    assert.throws(
      () => splitBits({ ...base, readings: [5, reading] }),
      (error: Error) =>
        error instanceof RangeError && error.message === "readings[1]: expected an integer from 0 to 2^20 - 1",
    );
  }
  for (const bits of [0, 53, 1.5]) assert.throws(() => splitBits({ ...base, readings: [], bits }), /RangeError: bits/);
  assert.throws(() => splitBits({ ...base, readings: [], t: 6 }), /RangeError: t/);
  assert.throws(() => splitBits({ ...base, readings: [1, 1], firstSlot: 2 ** 32 - 1 }), RangeError);
  const entries = new Uint8Array(bitEntryBytes(20));
  assert.throws(() => bitSum({ entries: entries.subarray(1), bits: 20 }, new Float64Array(60)), /RangeError: entries/);
  assert.throws(() => bitCheck({ entries, bits: 20 }, new Float64Array(57)), /RangeError: weights: expected 60/);
  assert.throws(
    () => bitCheck({ entries, bits: 20, mask: Uint8Array.of(2) }, new Float64Array(60)),
    /RangeError: mask/,
  );
});

/** Weights as field elements. */
const elementsOf = (weights: Float64Array): bigint[] =>
  Array.from({ length: weights.length / 3 }, (_, i) =>
    [0, 1, 2].reduce((sum, limb) => sum + (BigInt(weights[3 * i + limb]!) << BigInt(21 * limb)), 0n),
  );

test("sums and checks are those of plain BigInt, for any shares, weights and masks", () => {
  const edges = [0n, 1n, 2n, 2n ** 21n - 1n, 2n ** 42n, 2n ** 60n, FIELD_PRIME - 1n];
  const element = fc.oneof(fc.constantFrom(...edges), fc.bigInt(0n, FIELD_PRIME - 1n));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.tuple(fc.array(element, { minLength: 6, maxLength: 6 }), fc.boolean()), { maxLength: 40 }),
      fc.nat(),
      (bits, rows, seed) => {
        const entries = Buffer.alloc(bitEntryBytes(bits) * rows.length);
        for (const [index, [shares]] of rows.entries()) {
          for (let bit = 0; bit < bits; bit++) {
            entries.writeBigUInt64BE(shares[bit]!, bitEntryBytes(bits) * index + 8 * bit);
          }
        }
        const weights = weightsOf(hashOf(String(seed)), "bits", [1], bits * rows.length);
        const plain = elementsOf(weights);
        const chosen = rows.flatMap(([, isIn], index) => (isIn ? [index] : []));
        const mask = bitmapOf(rows.length, chosen);
        const expected = (of: (f: bigint) => bigint): bigint =>
          chosen.reduce(
            (sum, index) =>
              rows[index]![0].slice(0, bits).reduce((all, f, bit) => all + plain[bits * index + bit]! * of(f), sum),
            0n,
          );
        assert.equal(bitSum({ entries, bits, mask }, weights), reduce(expected((f) => f)));
        const square = expected((f) => f * f - f);
        assert.equal(bitCheck({ entries, bits, mask }, weights), reduce(square));
      },
    ),
    { numRuns: 200, seed: 5 },
  );
});

test("sums stay exact over many entries of the largest elements", () => {
  const rows = 500;
  const entries = Buffer.alloc(bitEntryBytes(20) * rows);
  for (let at = 0; at < entries.length; at += 8) entries.writeBigUInt64BE(FIELD_PRIME - 1n, at);
  const weights = new Float64Array(3 * 20 * rows).map((_, i) => [0x1f_ffff, 0x1f_ffff, 0x7_ffff][i % 3]!);
  weights[0] = 5;
  const first = elementsOf(weights)[0]!;
  // Every f is -1: f^2 - f is 2. Every other weight is p, which is 0.
  assert.equal(bitCheck({ entries, bits: 20 }, weights), reduce(2n * first));
  assert.equal(bitSum({ entries, bits: 20 }, weights), reduce(FIELD_PRIME - first));
});

test("a challenge is of all seeds as they were committed to, for this set", () => {
  const setId = hashOf("set");
  const seeds: Sealed[] = [1, 3, 5].map((aggregator) => ({ aggregator, bytes: hashOf(`seed ${aggregator}`) }));
  const commitments = seeds.map((seed) => ({ aggregator: seed.aggregator, bytes: commitSeed(setId, seed) }));
  const challenge = challengeOf(setId, commitments, seeds);
  assert.equal(challenge.length, 32);
  const changed = seeds.with(1, { aggregator: 3, bytes: hashOf("another") });
  assert.throws(() => challengeOf(setId, commitments, changed), /aggregator 3 has committed to another seed/);
  assert.throws(() => challengeOf(hashOf("other set"), commitments, seeds), /aggregator 1 has committed to another/);
  assert.throws(
    () => challengeOf(setId, commitments, seeds.slice(1)),
    /expected those of aggregators 1,3,5, rising, got 3,5/,
  );
  assert.throws(() => challengeOf(setId, commitments.toReversed(), seeds.toReversed()), /rising/);
  assert.throws(() => challengeOf(setId, [], []), /RangeError: seeds/);
  assert.throws(() => commitSeed(setId, { aggregator: 1, bytes: new Uint8Array(31) }), /RangeError: seed: expected 32/);
  const recommitted = changed.map((seed) => ({ aggregator: seed.aggregator, bytes: commitSeed(setId, seed) }));
  assert.notDeepEqual(challengeOf(setId, recommitted, changed), challenge, "every seed counts");
});

test("weights differ by challenge, use and place, and have 61 bits", () => {
  const challenge = hashOf("challenge");
  const first = elementsOf(weightsOf(challenge, "bits", [1, 2], 300));
  assert.ok(first.every((weight) => weight < 2n ** 61n) && first.some((weight) => weight >= 2n ** 60n));
  const others = [
    weightsOf(challenge, "degree", [1, 2], 300),
    weightsOf(challenge, "bits", [1, 3], 300),
    weightsOf(hashOf("other"), "bits", [1, 2], 300),
  ];
  assert.equal(new Set([first, ...others.map(elementsOf)].flat()).size, 1200);
  assert.deepEqual(weightsOf(challenge, "bits", [1], 0), new Float64Array(0));
});
