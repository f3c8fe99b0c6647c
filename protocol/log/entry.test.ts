import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCbor } from "../cbor.ts";
import { assertCommitted, commit, decodeEntry, encodeEntry, type EntryContent } from "./entry.ts";

const hash = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
const ENTRIES: EntryContent[] = [
  { type: "set", round: "l-f-1-5-1", purpose: "load", feeder: "f-1", segments: [[5, 9]], setId: hash(1) },
  { type: "loads", round: "l-f-1-5-1", feeder: "f-1", setId: hash(1), loads: [[4500, 1234, null, 6]] },
  { type: "totals", round: "b-1", feeder: "f-1", setId: hash(1), count: 12, commitment: hash(2) },
  { type: "bill", commitment: hash(3) },
  { type: "job", job: "abc", circuit: "sum", status: "final", transcript: hash(4), result: hash(5) },
  { type: "key", id: "a-1", use: "signing", fingerprint: hash(6) },
  { type: "failure", round: "b-1", code: "inconsistent", commitment: hash(7) },
  { type: "lie", round: "b-1", code: "wrong-sum", servers: ["a-2"], commitment: hash(8) },
  {
    type: "model",
    ...{ round: "0f".repeat(16), campaign: "c-1", step: 3, model: hash(9), setId: hash(10), meters: 20 },
    sum: hash(11),
    cost: {
      ...{ mechanism: "skellam", variance: 1e9, colluders: 2, minMeters: 10, norm: 812.5 },
      ...{ epsilonMilli: 1500, deltaExponent: 5 },
    },
  },
  { type: "erase", before: "2025-01-16", count: 6, commitment: hash(9) },
  { type: "budget", account: "learning", epsilonMilli: 1500, deltaExponent: 5 },
];

test("every type of entry reads as it was written", () => {
  for (const content of ENTRIES) {
    assert.deepEqual(decodeEntry(encodeEntry(1_700_000_000, content)), { version: 1, time: 1_700_000_000, content });
  }
});

test("refuses what is no entry, or of another version", () => {
  const [bill] = ENTRIES.slice(3);
  const malformed = [
    [1, 5],
    [2, 5, bill],
    [1, -5, bill],
    [1, 5, { ...bill, meter: "m-001" }],
    [1, 5, { type: "joke" }],
  ];
  for (const value of malformed) {
    assert.throws(() => decodeEntry(encodeCbor(value)), { name: "LogError", code: "malformed" }, JSON.stringify(value));
  }
  assert.throws(() => decodeEntry(Uint8Array.of(0xff)), { name: "LogError", code: "malformed" });
  assert.throws(() => encodeEntry(1.5, bill!), /RangeError: entry/);
  assert.throws(() => encodeEntry(1, { type: "lie", round: "b", code: "x", servers: ["m-001"], commitment: hash(1) }));
});

test("a commitment holds for its content and salt alone, and tells nothing without the salt", () => {
  const [salt, text] = [hash(1), Buffer.from("a bill")];
  const committed = commit(salt, text);
  assertCommitted(committed, salt, text);
  for (const [otherSalt, other] of [
    [hash(2), text],
    [salt, Buffer.from("a bilk")],
    [hash(1).subarray(1), text],
  ] as const) {
    assert.throws(() => assertCommitted(committed, otherSalt, other), { name: "LogError", code: "bad-commitment" });
  }
  assert.notDeepEqual(commit(hash(2), text), committed);
  assert.throws(() => commit(new Uint8Array(8), text), /RangeError: salt: expected 32 bytes, got 8/);
});
