/** The laws of sharing vectors by seeds, how shares travel, and that fewer than t of them say nothing. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { ProtocolError } from "../errors.ts";
import { FIELD_PRIME } from "../field.ts";
import { addBatch, elementsToBytes } from "../field-words.ts";
import { packLanes, unpackLanes } from "../learning/lanes.ts";
import { interpolate, interpolateBatch } from "./interpolate.ts";
import { splitVector, valuesAt } from "./split-vector.ts";
import {
  elementsOfShare,
  elementsOfStream,
  packedBytes,
  packElements,
  seedStream,
  unpackElements,
} from "./vector-shares.ts";

const element = fc.oneof(
  fc.bigInt({ min: 0n, max: FIELD_PRIME - 1n }),
  fc.constantFrom(0n, 1n, FIELD_PRIME - 1n, 2n ** 32n, 2n ** 60n),
);
const elementsOf = (size: number) =>
  fc.array(element, { minLength: size, maxLength: size }).map((of) => BigUint64Array.from(of));
const vector = fc.integer({ min: 1, max: 40 }).chain(elementsOf);
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const round = "00112233445566778899aabbccddeeff";
const sharing = fc
  .integer({ min: 1, max: 7 })
  .chain((n) => fc.record({ n: fc.constant(n), t: fc.integer({ min: 1, max: n }) }));

const hashOf = (text: string): Uint8Array => Uint8Array.from(createHash("sha256").update(text).digest());
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("any t of the shares give the vector back, and all n agree", () => {
  const all = fc.tuple(sharing, key, vector);
  fc.assert(
    fc.property(all, ([{ n, t }, secret, elements]) => {
      const { shares } = splitVector({ key: secret, round, elements, n, t });
      assert.deepEqual(
        shares.map((share) => "seed" in share),
        shares.map((_, i) => i < t - 1),
      );
      const xs = shares.map((_, i) => i + 1);
      const sums = shares.map((share) => elementsToBytes(elementsOfShare(share, elements.length)));
      const { values, inconsistent } = interpolateBatch(xs, sums, t);
      assert.deepEqual(values, elements);
      assert.equal(inconsistent, 0);
    }),
  );
});

test("sums of the shares of many homes interpolate to the sum of their coordinates", () => {
  const shape = { length: 11, laneBits: 20, lanes: 3 };
  const homes = fc.array(
    fc.array(fc.integer({ min: -5_000, max: 5_000 }), { minLength: shape.length, maxLength: shape.length }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(homes, (vectors) => {
      const totals = [1, 2, 3].map(() => new BigUint64Array(4));
      for (const [home, values] of vectors.entries()) {
        const { shares } = splitVector({
          ...{ key: hashOf(`home ${home}`), round, n: 3, t: 2 },
          elements: packLanes(values, shape),
        });
        for (const [i, share] of shares.entries()) addBatch(totals[i]!, elementsOfShare(share, 4), totals[i]!);
      }
      const { values } = interpolateBatch([3, 1], [totals[2]!, totals[0]!].map(elementsToBytes), 2);
      const truth = vectors[0]!.map((_, i) => vectors.reduce((sum, one) => sum + one[i]!, 0));
      assert.deepEqual(unpackLanes(values, shape), truth);
    }),
  );
});

test("whatever t - 1 aggregators hold, every vector is possible, and by exactly one choice of seeds' values", () => {
  const case_ = sharing
    .filter(({ t }) => t > 1)
    .chain(({ n, t }) =>
      fc.record({
        t: fc.constant(t),
        known: fc.array(elementsOf(3), { minLength: t, maxLength: t }),
        other: elementsOf(3),
        colluders: fc.shuffledSubarray(
          Array.from({ length: n }, (_, i) => i + 1),
          { minLength: t - 1, maxLength: t - 1 },
        ),
      }),
    );
  fc.assert(
    fc.property(case_, ({ t, known, other, colluders }) => {
      const viewOf = (values: readonly BigUint64Array[]): BigUint64Array[] =>
        colluders.map((x) => (x < t ? values[x]! : valuesAt(x, values)));
      const view = viewOf(known);
      // The polynomial through the other vector at 0 and the view: what it is at 1 to t - 1 would have been the seeds'.
      const seeds = Array.from({ length: t - 1 }, (_, i) =>
        BigUint64Array.from(other, (value, at) => through(i + 1, [value, ...view.map((of) => of[at]!)], colluders)),
      );
      assert.deepEqual(viewOf([other, ...seeds]), view);
    }),
  );
});

/** The value at x of the polynomial with these values at 0 and at `xs`: f(x) = g(0) for g(z) = f(z + x). */
function through(x: number, values: readonly bigint[], xs: readonly number[]): bigint {
  const nodes = [0, ...xs];
  let sum = 0n;
  const mod = (value: bigint): bigint => ((value % FIELD_PRIME) + FIELD_PRIME) % FIELD_PRIME;
  for (const [i, node] of nodes.entries()) {
    let factor = values[i]!;
    for (const [j, other] of nodes.entries()) {
      if (i !== j) factor = mod(mod(factor * BigInt(x - other)) * inverseOf(mod(BigInt(node - other))));
    }
    sum = mod(sum + factor);
  }
  return sum;
}

function inverseOf(value: bigint): bigint {
  let result = 1n;
  let square = value;
  for (let rest = FIELD_PRIME - 2n; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % FIELD_PRIME;
    square = (square * square) % FIELD_PRIME;
  }
  return result;
}

test("a single share of three looks uniform whether the vector is 0 or as large as can be", () => {
  for (const value of [0n, FIELD_PRIME - 1n]) {
    const elements = new BigUint64Array(4_000).fill(value);
    const { shares } = splitVector({ key: hashOf("chi"), round, elements, n: 3, t: 2 });
    for (const share of shares) {
      const counts = new Array<number>(64).fill(0);
      for (const one of elementsOfShare(share, 4_000)) counts[Number(one >> 55n)]! += 1;
      const chi = counts.reduce((sum, count) => sum + (count - 62.5) ** 2 / 62.5, 0);
      // 63 degrees of freedom: beyond 120 lies a chance of 2e-5; the key is fixed.
      assert.ok(chi < 120, `chi-square ${chi}`);
    }
  }
});

test("a repeat is the same bytes; another vector, round or key shares neither seed nor tag", () => {
  const base = { key: hashOf("device"), round, elements: BigUint64Array.of(1n, 2n, 3n), n: 5, t: 3 };
  const first = splitVector(base);
  assert.deepEqual(splitVector(base), first);
  const others = [
    splitVector({ ...base, elements: BigUint64Array.of(1n, 2n, 4n) }),
    splitVector({ ...base, round: `${round.slice(0, 31)}0` }),
    splitVector({ ...base, key: hashOf("another device") }),
  ];
  const secrets = [first, ...others].flatMap(({ tag, shares }) => [
    hex(tag),
    ...shares.flatMap((share) => ("seed" in share ? [hex(share.seed)] : [])),
  ]);
  assert.equal(new Set(secrets).size, 12);
});

test("with t = 1 everyone has the vector itself", () => {
  const elements = BigUint64Array.of(5n, FIELD_PRIME - 1n);
  const { shares } = splitVector({ key: hashOf("k"), round, elements, n: 2, t: 1 });
  for (const share of shares) assert.deepEqual(elementsOfShare(share, 2), elements);
});

test("refuses a wrong key, round or sharing", () => {
  const base = { key: hashOf("k"), round, elements: BigUint64Array.of(1n), n: 3, t: 2 };
  assert.throws(() => splitVector({ ...base, key: new Uint8Array(31) }), /key: expected 32 bytes, got 31/);
  assert.throws(() => splitVector({ ...base, round: "r-1" }), /round: expected 32 hex digits/);
  assert.throws(() => splitVector({ ...base, t: 4 }), /t: expected an integer from 1 to n = 3/);
});

test("a seed is the key stream of ChaCha20: RFC 8439, appendix A.1, vector 1", () => {
  const block = Buffer.from(seedStream(new Uint8Array(32))(64));
  assert.equal(block.toString("hex", 0, 16), "76b8e0ada0f13d90405d6ae55386bd28");
  const first = elementsOfStream(seedStream(new Uint8Array(32)), 8);
  assert.deepEqual(
    [...first],
    Array.from({ length: 8 }, (_, i) => block.readBigUInt64BE(8 * i) & FIELD_PRIME),
  );
});

test("p is skipped when a seed is expanded", () => {
  const candidates = [FIELD_PRIME, 7n, FIELD_PRIME, 2n ** 61n + 8n, 9n];
  const bytes = Buffer.alloc(40);
  for (const [i, value] of candidates.entries()) bytes.writeBigUInt64BE(value, 8 * i);
  let at = 0;
  const stream = (size: number): Uint8Array => bytes.subarray(at, (at += size));
  assert.deepEqual([...elementsOfStream(stream, 3)], [7n, 8n, 9n]);
});

test("61 bits for each element, without gaps, highest bit first", () => {
  fc.assert(
    fc.property(vector, (elements) => {
      const packed = packElements(elements);
      const bits = [...elements].map((value) => value.toString(2).padStart(61, "0")).join("");
      const padded = bits.padEnd(8 * packedBytes(elements.length), "0");
      assert.equal(hex(packed), BigInt(`0b1${padded}`).toString(16).slice(1));
      assert.deepEqual(unpackElements(packed, elements.length), elements);
    }),
  );
});

test("refuses packed shares of another length, with stray bits, or outside the field", () => {
  const refuses = (packed: Uint8Array, count: number, code: string): void => {
    assert.throws(
      () => unpackElements(packed, count),
      (error) => error instanceof ProtocolError && error.code === code,
    );
  };
  const packed = packElements(BigUint64Array.of(1n, 2n));
  refuses(packed.subarray(1), 2, "wrong-length");
  refuses(packed, 3, "wrong-length");
  const stray = Uint8Array.from(packed);
  stray[15]! |= 1;
  refuses(stray, 2, "malformed");
  refuses(new Uint8Array(16).fill(255, 0, 8), 2, "malformed");
});

test("the t-th share checks against plain interpolation", () => {
  const elements = BigUint64Array.of(123_456_789n);
  const { shares } = splitVector({ key: hashOf("k"), round, elements, n: 4, t: 3 });
  const points = shares.map((share, i) => ({ x: i + 1, y: elementsOfShare(share, 1)[0]! }));
  assert.deepEqual(interpolate(points, 3), { value: 123_456_789n, spare: 1, disagreeing: 0 });
});
