import assert from "node:assert/strict";
import { test } from "node:test";
import { FIELD_PRIME } from "../field.ts";
import { assertThreshold, entryCount, firstInvalidEntry, shareAt, tagAt } from "./share-entries.ts";
import { split, splitBatch } from "./split.ts";

const batch = () => ({
  key: new Uint8Array(32),
  kind: 1,
  firstSlot: 10,
  readings: [1, 2],
  n: 3,
  t: 2,
  out: [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)],
});

test("shares are the values of the polynomial at 1 to n", () => {
  assert.deepEqual(split(5n, [3n], 3), [8n, 11n, 14n]);
  assert.deepEqual(split(5n, [3n, 2n], 4), [10n, 19n, 32n, 49n]);
  assert.deepEqual(split(5n, [], 2), [5n, 5n]);
  assert.deepEqual(split(FIELD_PRIME - 1n, [1n], 2), [0n, 1n]);
});

test("a batch writes share and tag of each slot, the same tag for all aggregators", () => {
  const { out, ...rest } = batch();
  splitBatch({ ...rest, out });
  for (const index of [0, 1]) {
    const shares = out.map((entries) => shareAt(entries, index));
    const slope = (shares[1]! - shares[0]! + FIELD_PRIME) % FIELD_PRIME;
    assert.equal((shares[0]! - slope + FIELD_PRIME) % FIELD_PRIME, BigInt(index + 1));
    for (const entries of out) assert.deepEqual(tagAt(entries, index), tagAt(out[0]!, index));
  }
  assert.deepEqual(out.map(entryCount), [2, 2, 2]);
});

test("an empty batch is no fault", () => {
  splitBatch({ ...batch(), readings: [], out: [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)] });
});

test("output may lie within larger buffers", () => {
  const memory = new Uint8Array(100);
  const { out, ...rest } = batch();
  splitBatch({ ...rest, out: [memory.subarray(1, 33), memory.subarray(34, 66), memory.subarray(67, 99)] });
  splitBatch({ ...rest, out });
  assert.deepEqual(memory.subarray(34, 66), out[1]);
  assert.deepEqual([memory[0], memory[33], memory[66], memory[99]], [0, 0, 0, 0]);
});

test("refuses a batch with anything out of range before it writes", () => {
  const refuse = (change: Partial<ReturnType<typeof batch>>, message: RegExp): void => {
    const input = { ...batch(), ...change };
    assert.throws(() => splitBatch(input), { name: "RangeError", message });
    assert.ok(input.out.every((entries) => entries.every((byte) => byte === 0)));
  };
  refuse({ key: new Uint8Array(33) }, /^key: /);
  refuse({ kind: 7 }, /^kind: /);
  refuse({ firstSlot: 0xffff_ffff }, /^slot: /);
  refuse({ n: 0 }, /^n: expected an integer from 1 to 7, got 0$/);
  refuse({ n: 8 }, /^n: /);
  refuse({ t: 4 }, /^t: expected an integer from 1 to n = 3, got 4$/);
  refuse({ t: 0 }, /^t: /);
  refuse({ out: [new Uint8Array(32)] }, /^out: expected 3 buffers, got 1$/);
  refuse(
    { out: [new Uint8Array(32), new Uint8Array(31), new Uint8Array(32)] },
    /^out\[1\]: expected 32 bytes, got 31$/,
  );
  refuse({ readings: [1, -1] }, /^readings\[1\]: expected an integer from 0 to 2\^53 - 1$/);
  refuse({ readings: [0.5, 1] }, /^readings\[0\]: /);
  refuse({ readings: [1, 2 ** 53] }, /^readings\[1\]: /);
  refuse({ readings: [1, Number.NaN] }, /^readings\[1\]: /);
});

test("refuses single values outside the field", () => {
  assert.throws(() => split(-1n, [1n], 3), /RangeError: reading: /);
  assert.throws(() => split(1n, [FIELD_PRIME], 3), /RangeError: coefficients\[0\]: /);
  assert.throws(() => split(1n, [1n, 2n], 2), /RangeError: t: expected an integer from 1 to n = 2, got 3/);
  assert.throws(() => assertThreshold(1.5), /RangeError: t: /);
});

test("finds the first entry whose share is not below p", () => {
  const entries = new Uint8Array(48);
  assert.equal(firstInvalidEntry(entries), -1);
  const view = new DataView(entries.buffer);
  view.setBigUint64(16, FIELD_PRIME - 1n);
  assert.equal(firstInvalidEntry(entries), -1);
  view.setBigUint64(32, FIELD_PRIME);
  assert.equal(firstInvalidEntry(entries), 2);
  view.setBigUint64(16, 2n ** 64n - 1n);
  assert.equal(firstInvalidEntry(entries), 1);
  assert.throws(
    () => firstInvalidEntry(new Uint8Array(17)),
    /RangeError: entries: expected a multiple of 16 bytes, got 17/,
  );
  assert.throws(() => shareAt(entries, 3), /RangeError: index: expected an integer from 0 to 2, got 3/);
});
