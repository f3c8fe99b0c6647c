import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { FIELD_PRIME } from "../field.ts";
import { interpolate } from "./interpolate.ts";
import { keySubsets } from "./key-subsets.ts";
import { randomShares, type SubsetKeys, zeroShares } from "./prss.ts";

const nonceOf = (text: string): Uint8Array => createHash("sha256").update(text).digest();

/** The keys of each aggregator, from a seed. */
function dealt(n: number, t: number, seed: string): SubsetKeys[] {
  const all = keySubsets(n, t).map((members) => ({ members, key: nonceOf(`${seed} ${members.join()}`) }));
  return Array.from({ length: n }, (_, i) => {
    const keys = all.filter(({ members }) => members.includes(i + 1));
    return { index: i + 1, n, t, keys };
  });
}

const SIZES = [
  [1, 1],
  [3, 1],
  [3, 2],
  [5, 2],
  [5, 3],
  [5, 5],
  [7, 4],
] as const;

test("any t - 1 aggregators lack one key, that of all the others, and any t have all", () => {
  assert.deepEqual(keySubsets(3, 2), [
    [1, 2],
    [1, 3],
    [2, 3],
  ]);
  for (const [n, t] of SIZES) {
    const subsets = keySubsets(n, t);
    for (let mask = 0; mask < 1 << n; mask++) {
      const some = Array.from({ length: n }, (_, i) => i + 1).filter((one) => (mask & (1 << (one - 1))) !== 0);
      const lacking = subsets.filter((members) => !members.some((one) => some.includes(one)));
      if (some.length === t - 1) assert.equal(lacking.length, 1, `${some.join()} of ${n}, t = ${t}`);
      if (some.length >= t) assert.deepEqual(lacking, []);
    }
  }
});

for (const [n, t] of SIZES) {
  test(`the shares of ${n} aggregators lie on polynomials of degree ${t - 1}, others for another nonce`, () => {
    const keys = dealt(n, t, "a");
    const shares = keys.map((own) => randomShares(own, nonceOf("first"), 20));
    const others = keys.map((own) => randomShares(own, nonceOf("second"), 20));
    const secrets = new Set<bigint>();
    for (let at = 0; at < 20; at++) {
      for (const run of [shares, others]) {
        const points = run.map((share, i) => ({ x: i + 1, y: share[at]! }));
        const { value, disagreeing } = interpolate(points, t);
        assert.equal(disagreeing, 0);
        secrets.add(value);
      }
    }
    assert.equal(secrets.size, 40, "no value comes twice");
  });
}

for (const [n, t] of SIZES.filter(([size, threshold]) => size >= 2 * threshold - 1)) {
  test(`the zero shares of ${n} aggregators lie on polynomials of degree ${2 * t - 2} that are 0 at 0`, () => {
    const keys = dealt(n, t, "a");
    const shares = keys.map((own) => zeroShares(own, nonceOf("first"), 20));
    const others = keys.map((own) => zeroShares(own, nonceOf("second"), 20));
    const masks = keys.map((own) => randomShares(own, nonceOf("first"), 20));
    const seen = new Set<bigint>();
    for (const run of [shares, others]) {
      for (let at = 0; at < 20; at++) {
        const points = run.map((share, i) => ({ x: i + 1, y: share[at]! }));
        assert.deepEqual(interpolate(points, 2 * t - 1), { value: 0n, spare: n - (2 * t - 1), disagreeing: 0 });
        if (t > 1) assert.notEqual(interpolate(points, 2 * t - 2).disagreeing, 0, "no smaller degree");
        seen.add(run[0]![at]!);
        assert.ok(t === 1 || run[0]![at] !== masks[0]![at], "nor are they the masks of another use");
      }
    }
    assert.equal(seen.size, t === 1 ? 1 : 40, "no share comes twice");
  });
}

test("zero shares refuse what masks refuse", () => {
  const [own] = dealt(3, 2, "a") as [SubsetKeys];
  assert.throws(() => zeroShares({ ...own, index: 2 }, nonceOf("n"), 1), /RangeError: keys: /);
  assert.throws(() => zeroShares(own, new Uint8Array(31), 1), /RangeError: nonce: expected 32 bytes, got 31/);
});

test("what t - 1 aggregators know leaves the share of any other uniform", () => {
  // They know all keys but one. Over that key a share takes values in all parts of the field alike.
  const [n, t] = [5, 3];
  const known = dealt(n, t, "known");
  const buckets = 16;
  const counts = new Array<number>(buckets).fill(0);
  const draws = 8_000;
  for (let run = 0; run < 8; run++) {
    const unknown = known[2]!.keys.map((one) =>
      one.members.join() === "3,4,5" ? { ...one, key: nonceOf(`unknown ${run}`) } : one,
    );
    for (const share of randomShares({ ...known[2]!, keys: unknown }, nonceOf("n"), draws / 8)) {
      counts[Number((share * BigInt(buckets)) / FIELD_PRIME)]! += 1;
    }
  }
  const expected = draws / buckets;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 15 degrees of freedom: above 37.7 once in a thousand; the keys are fixed, so the figure is too.
  assert.ok(chiSquare < 37.7, `chi-square ${chiSquare}`);
  // And for the two colluders the unknown key changes nothing.
  assert.ok(known[0]!.keys.every(({ members }) => members.join() !== "3,4,5"));
});

test("refuses keys of other subsets, short keys and short nonces", () => {
  const [first, second] = dealt(3, 2, "a") as [SubsetKeys, SubsetKeys];
  assert.throws(
    () => randomShares({ ...first, keys: second.keys }, nonceOf("n"), 1),
    /RangeError: keys: expected those of the subsets 1-2, 1-3 of aggregator 1, got 1-2, 2-3/,
  );
  assert.throws(() => randomShares({ ...first, index: 4 }, nonceOf("n"), 1), /RangeError: keys: /);
  const short = first.keys.map((one) => ({ ...one, key: new Uint8Array(31) }));
  assert.throws(() => randomShares({ ...first, keys: short }, nonceOf("n"), 1), /32 bytes for subset 1-2, got 31/);
  assert.throws(() => randomShares(first, new Uint8Array(31), 1), /RangeError: nonce: expected 32 bytes, got 31/);
  assert.throws(() => keySubsets(3, 4), /RangeError/);
});
