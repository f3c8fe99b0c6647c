import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addMember,
  assertBitmap,
  bitmapBytes,
  bitmapOf,
  countMembers,
  difference,
  emptyBitmap,
  equalBitmaps,
  fullBitmap,
  hasMember,
  intersection,
  isEmptyBitmap,
  members,
  removeMember,
  symmetricDifference,
  union,
} from "./bitmap.ts";

const SIZE = 77;
const set = fc.uniqueArray(fc.nat(SIZE - 1)).map((list) => new Set(list));
const sorted = (values: Iterable<number>): number[] => [...values].sort((a, b) => a - b);

test("member i is bit i % 8, lowest first, of byte i >> 3", () => {
  assert.deepEqual([...bitmapOf(18, [0, 3, 8, 17])], [0b1001, 1, 0b10]);
});

test("a bitmap behaves as the set of its members", () => {
  fc.assert(
    fc.property(set, (list) => {
      const bits = bitmapOf(SIZE, list);
      assertBitmap("bits", bits, SIZE);
      assert.deepEqual([...members(bits)], sorted(list));
      assert.equal(countMembers(bits), list.size);
      assert.equal(isEmptyBitmap(bits), list.size === 0);
      for (let member = 0; member < SIZE; member++) assert.equal(hasMember(bits, member), list.has(member));
    }),
  );
});

test("operations on two bitmaps are those on sets", () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      const [x, y] = [bitmapOf(SIZE, a), bitmapOf(SIZE, b)];
      const inBoth = [...a].filter((member) => b.has(member));
      const onlyA = [...a].filter((member) => !b.has(member));
      const onlyB = [...b].filter((member) => !a.has(member));
      assert.deepEqual([...members(intersection(x, y))], sorted(inBoth));
      assert.deepEqual([...members(union(x, y))], sorted(new Set([...a, ...b])));
      assert.deepEqual([...members(difference(x, y))], sorted(onlyA));
      assert.deepEqual([...members(symmetricDifference(x, y))], sorted([...onlyA, ...onlyB]));
      assert.equal(equalBitmaps(x, y), onlyA.length + onlyB.length === 0);
    }),
  );
});

test("members come and go", () => {
  const bits = emptyBitmap(20);
  addMember(bits, 19);
  addMember(bits, 19);
  addMember(bits, 4);
  removeMember(bits, 4);
  removeMember(bits, 5);
  assert.deepEqual([...members(bits)], [19]);
});

test("the full bitmap has every member and no stray bit", () => {
  for (const size of [0, 1, 7, 8, 9, 64, 96]) {
    const bits = fullBitmap(size);
    assertBitmap("bits", bits, size);
    assert.equal(countMembers(bits), size);
    assert.equal(bits.length, bitmapBytes(size));
  }
});

test("works on bytes that are part of a larger message", () => {
  const message = Buffer.from([255, 0b101, 255]);
  assert.deepEqual([...members(message.subarray(1, 2))], [0, 2]);
  assert.deepEqual([...intersection(message.subarray(1, 2), Uint8Array.of(1))], [1]);
});

test("refuses a wrong length and stray bits", () => {
  assert.throws(
    () => assertBitmap("mask", new Uint8Array(2), 17),
    /RangeError: mask: expected 3 bytes for 17 members, got 2/,
  );
  assert.throws(
    () => assertBitmap("mask", Uint8Array.of(0, 0b10), 9),
    /RangeError: mask: expected no bit at or beyond 9/,
  );
  assert.throws(() => assertBitmap("mask", new Uint8Array(1), 0), RangeError);
  assert.throws(() => intersection(new Uint8Array(1), new Uint8Array(2)), /RangeError: b: expected 1 bytes, got 2/);
});

test("refuses members and sizes that are out of range", () => {
  const bits = emptyBitmap(16);
  for (const member of [-1, 16, 1.5, Number.NaN, 2 ** 32]) {
    assert.throws(() => addMember(bits, member), /RangeError: member: expected an integer from 0 to 15/);
    assert.throws(() => hasMember(bits, member), RangeError);
    assert.throws(() => removeMember(bits, member), RangeError);
  }
  assert.throws(() => bitmapOf(9, [9]), /RangeError: members: expected integers from 0 to 8, got 9/);
  for (const size of [-1, 0.5, 2 ** 33]) assert.throws(() => emptyBitmap(size), /RangeError: size: /);
});
