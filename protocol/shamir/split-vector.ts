/**
 * Splits a vector of field elements into Shamir shares. Of each element's polynomial of degree t - 1 the value at 0 is
 * the element and the values at 1 to t - 1 come from seeds, which is all that those aggregators are sent. Runs at the
 * customer only. Seeds are a PRF of the device over round and vector: a repeat is the same bytes, and two vectors of one
 * round, as a restored backup could make them, never share a polynomial.
 */
import { createHash, createHmac, hkdfSync } from "node:crypto";
import { type FieldElement, inverse, multiply, negate, reduce } from "../field.ts";
import { addProduct, elementsToBytes, HIGH, limbsOf, LOW, storeProductSum, wordsOf } from "../field-words.ts";
import { assertSharing } from "./share-entries.ts";
import {
  elementsOfStream,
  packElements,
  SEED_BYTES,
  seedStream,
  VECTOR_TAG_BYTES,
  type VectorShare,
} from "./vector-shares.ts";

export interface SplitVector {
  /** The device-only polynomial key, 32 bytes. */
  readonly key: Uint8Array;
  /** The round: 32 hex digits. */
  readonly round: string;
  /** Below p. */
  readonly elements: BigUint64Array;
  readonly n: number;
  readonly t: number;
}

export interface VectorShares {
  /** The same for all aggregators: who holds this tag holds a share of this vector. */
  readonly tag: Uint8Array;
  /** Of aggregator x at x - 1. */
  readonly shares: readonly VectorShare[];
}

const ROUND = /^[0-9a-f]{32}$/;

/** Throws RangeError on a wrong length of the key, a wrong round, n or t. */
export function splitVector({ key, round, elements, n, t }: SplitVector): VectorShares {
  assertSharing(n, t);
  if (key.length !== 32) throw new RangeError(`key: expected 32 bytes, got ${key.length}`);
  if (!ROUND.test(round)) throw new RangeError(`round: expected 32 hex digits, got ${round}`);
  const vectorKey = Buffer.from(hkdfSync("sha256", key, new Uint8Array(0), "wv/1/vector", 32));
  const digest = createHash("sha256").update(elementsToBytes(elements)).digest();
  const prf = (purpose: string, x: number, bytes: number): Uint8Array =>
    Uint8Array.from(
      createHmac("sha256", vectorKey)
        .update(`wv/1 vector ${purpose}`)
        .update(Buffer.from(round, "hex"))
        .update(Uint8Array.of(x))
        .update(digest)
        .digest()
        .subarray(0, bytes),
    );
  const seeds = Array.from({ length: t - 1 }, (_, index) => prf("seed", index + 1, SEED_BYTES));
  const known = [elements, ...seeds.map((seed) => elementsOfStream(seedStream(seed), elements.length))];
  const values = Array.from({ length: n - t + 1 }, (_, index) => packElements(valuesAt(t + index, known)));
  return {
    tag: prf("tag", 0, VECTOR_TAG_BYTES),
    shares: [...seeds.map((seed) => ({ seed })), ...values.map((packed) => ({ packed }))],
  };
}

/** The values at x of the polynomials whose values at 0, 1, ... are `known`; x is none of these. Elements below p. */
export function valuesAt(x: number, known: readonly BigUint64Array[]): BigUint64Array {
  const factors = limbsOf(lagrangeAt(x, known.length));
  const words = known.map(wordsOf);
  const values = new BigUint64Array(known[0]!.length);
  const out = wordsOf(values);
  const sum = new Float64Array(3);
  for (let index = 0; index < values.length; index++) {
    for (let node = 0; node < words.length; node++) {
      const of = words[node]!;
      addProduct(of[2 * index + LOW]!, of[2 * index + HIGH]!, factors, 3 * node, sum);
    }
    storeProductSum(sum, out, index);
  }
  return values;
}

/** What the values at 0 to nodes - 1 count in the value at x. */
function lagrangeAt(x: number, nodes: number): FieldElement[] {
  return Array.from({ length: nodes }, (_, i) => {
    let factor = 1n;
    for (let j = 0; j < nodes; j++) {
      if (j === i) continue;
      const below = i > j ? BigInt(i - j) : negate(BigInt(j - i));
      factor = multiply(factor, multiply(reduce(BigInt(x - j)), inverse(below)));
    }
    return factor;
  });
}
