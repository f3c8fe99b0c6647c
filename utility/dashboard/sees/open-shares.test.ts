import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELD_PRIME, reduce } from "../../../protocol/field.ts";
import { splitBatch } from "../../../protocol/shamir/split.ts";
import { shareAt } from "../../../protocol/shamir/share-entries.ts";
import { readingOf } from "./open-shares.ts";

const element = fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n });

test("any two shares of a line give its value at zero, and one gives nothing", () => {
  fc.assert(
    fc.property(element, element, (reading, slope) => {
      const shares = [1, 2, 3].map((x) => ({ x, share: reduce(reading + slope * BigInt(x)) }));
      for (const left of shares) {
        const others = shares.filter((one) => one !== left);
        assert.equal(readingOf(others, 2), reading);
        assert.equal(readingOf([left], 2), undefined);
      }
    }),
    { numRuns: 50 },
  );
});

test("opens what a meter has really split", () => {
  const out = [1, 2, 3].map(() => Buffer.alloc(16));
  splitBatch({ key: new Uint8Array(32).fill(7), kind: 1, firstSlot: 1_930_000, readings: [417], n: 3, t: 2, out });
  const shares = out.map((entries, i) => ({ x: i + 1, share: shareAt(entries, 0) }));
  assert.equal(readingOf(shares.slice(1), 2), 417n);
});
