import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { bitmapOf } from "../bitmap.ts";
import { FIELD_PRIME, reduce } from "../field.ts";
import { limbsOf } from "../field-words.ts";
import { ShareTotals, sumShares, weightedSum } from "./add.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });

/** Entries with these shares, and tags that would show in a sum that takes them in. */
function entriesOf(shares: readonly bigint[]): Uint8Array {
  const entries = new Uint8Array(16 * shares.length).fill(0xee);
  const view = new DataView(entries.buffer);
  for (const [index, share] of shares.entries()) view.setBigUint64(16 * index, share);
  return entries;
}

const total = (values: readonly bigint[]): bigint => reduce(values.reduce((sum, value) => sum + value, 0n));
const masked = fc.array(fc.tuple(element, fc.boolean()), { maxLength: 40 }).map((rows) => ({
  shares: rows.map(([share]) => share),
  selected: rows.flatMap(([, isIn], index) => (isIn ? [index] : [])),
}));

test("sums the shares of all entries, or of those in the mask", () => {
  fc.assert(
    fc.property(masked, ({ shares, selected }) => {
      const entries = entriesOf(shares);
      assert.equal(sumShares(entries), total(shares));
      const mask = bitmapOf(shares.length, selected);
      assert.equal(sumShares(entries, mask), total(selected.map((index) => shares[index]!)));
    }),
  );
});

// A low word of all ones, odd so that a double past 2^53 would show it. 2^21 of them reach 2^53.
const ODD = FIELD_PRIME - 2n ** 32n;
const MANY = 2 ** 21 + 2 ** 14 + 1;

test("the sum of more entries than doubles hold unreduced is exact", () => {
  const entry = entriesOf([ODD]);
  const entries = new Uint8Array(16 * MANY);
  for (let index = 0; index < MANY; index++) entries.set(entry, 16 * index);
  assert.equal(sumShares(entries), reduce(BigInt(MANY) * ODD));
});

test("sums of more meters than doubles hold unreduced are exact", () => {
  const totals = new ShareTotals(1);
  const entry = entriesOf([ODD]);
  for (let meter = 0; meter < MANY; meter++) totals.add(entry);
  assert.equal(totals.valueAt(0), reduce(BigInt(MANY) * ODD));
  totals.add(entry);
  assert.equal(totals.valueAt(0), reduce(BigInt(MANY + 1) * ODD));
});

test("weighted sums are exact for any number of entries", () => {
  const rows = fc.array(fc.tuple(element, element), { maxLength: 200 });
  fc.assert(
    fc.property(rows, (pairs) => {
      const entries = entriesOf(pairs.map(([share]) => share));
      const weights = pairs.map(([, weight]) => weight);
      assert.equal(weightedSum(entries, limbsOf(weights)), total(pairs.map(([share, weight]) => share * weight)));
      const odd = [...pairs.keys()].filter((index) => index % 2 === 1);
      assert.equal(
        weightedSum(entries, limbsOf(weights), bitmapOf(pairs.length, odd)),
        total(odd.map((index) => pairs[index]![0] * pairs[index]![1])),
      );
    }),
  );
  const most = Array.from({ length: 5000 }, () => FIELD_PRIME - 1n);
  assert.equal(weightedSum(entriesOf(most), limbsOf(most)), 5000n);
});

test("totals by slot follow each meter's mask and weight", () => {
  const meter = fc.record({
    shares: fc.array(element, { minLength: 9, maxLength: 9 }),
    selected: fc.uniqueArray(fc.nat(8)),
    weight: element,
  });
  fc.assert(
    fc.property(fc.array(meter, { maxLength: 8 }), (meters) => {
      const totals = new ShareTotals(9);
      const truth = Array.from({ length: 9 }, () => 0n);
      for (const { shares, selected, weight } of meters) {
        const entries = entriesOf(shares);
        const mask = bitmapOf(9, selected);
        totals.add(entries);
        totals.add(entries, mask);
        totals.addWeighted(entries, weight);
        totals.addWeighted(entries, weight, mask);
        for (const [slot, share] of shares.entries()) {
          const times = selected.includes(slot) ? 2n : 1n;
          truth[slot] = reduce(truth[slot]! + times * share * (1n + weight));
        }
      }
      assert.deepEqual([...totals.elements()], truth);
      const bytes = Buffer.from(totals.toBytes());
      for (const [slot, value] of truth.entries()) {
        assert.equal(totals.valueAt(slot), value);
        assert.equal(bytes.readBigUInt64BE(8 * slot), value);
      }
    }),
  );
});

test("entries may begin at any byte of a larger buffer", () => {
  const memory = new Uint8Array(40);
  memory.set(entriesOf([7n, 8n]), 3);
  assert.equal(sumShares(memory.subarray(3, 35)), 15n);
});

test("refuses what does not fit", () => {
  const entries = entriesOf([1n, 2n]);
  const totals = new ShareTotals(2);
  assert.throws(() => sumShares(entries.subarray(1)), /RangeError: entries: expected a multiple of 16 bytes, got 31/);
  assert.throws(() => sumShares(entries, new Uint8Array(2)), /RangeError: mask: expected 1 bytes for 2 members, got 2/);
  assert.throws(() => sumShares(entries, Uint8Array.of(0b100)), /RangeError: mask: expected no bit at or beyond 2/);
  assert.throws(() => weightedSum(entries, limbsOf([1n])), /RangeError: weights: expected 6 limbs, got 3/);
  assert.throws(() => weightedSum(entries, limbsOf([1n, 1n]), Uint8Array.of(4)), /RangeError: mask: /);
  assert.throws(() => totals.add(entries.subarray(16)), /RangeError: entries: expected 32 bytes, got 16/);
  assert.throws(() => totals.add(entries, Uint8Array.of(255)), /RangeError: mask: /);
  assert.throws(() => totals.addWeighted(entries, -1n), /RangeError: weight: /);
  assert.throws(() => totals.valueAt(2), /RangeError: slot: expected an integer from 0 to 1, got 2/);
  assert.throws(() => new ShareTotals(-1), /RangeError: slots: /);
});
