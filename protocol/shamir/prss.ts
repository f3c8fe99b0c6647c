/**
 * Pseudo-random secret sharing (Cramer, Damgard and Ishai, "Share conversion, pseudorandom secret-sharing and
 * applications to secure computation", TCC 2005): aggregators that share keys by subsets hold shares of random
 * polynomials without a word between them. Whoever lacks one key, as any t - 1 aggregators do, sees the shares of the
 * others as uniform. Keys in, own shares out; runs at the aggregators only.
 */
import { createHash } from "node:crypto";
import { add, type FieldElement, inverse, multiply, reduce, subtract } from "../field.ts";
import { keySubsets, SUBSET_KEY_BYTES } from "./key-subsets.ts";

/** The key of a subset of aggregators. */
export interface SubsetKey {
  /** Share indices, rising. */
  readonly members: readonly number[];
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** One aggregator's keys: those of every subset that it is in. */
export interface SubsetKeys {
  readonly index: number;
  readonly n: number;
  readonly t: number;
  readonly keys: readonly SubsetKey[];
}

const NONCE_BYTES = 32;
/** 128 bits reduced to 61 are uniform but for one part in 2^67. */
const DRAW_BYTES = 16;

/**
 * This aggregator's shares of `count` random polynomials of degree t - 1: the same keys and nonce give every aggregator
 * its point of the same polynomials, whose values at 0 nobody knows. A nonce stands for one use. Throws RangeError unless
 * the keys are those of the aggregator's subsets, 32 bytes each, and the nonce has 32 bytes.
 */
export function randomShares({ index, n, t, keys }: SubsetKeys, nonce: Uint8Array, count: number): BigUint64Array {
  assertKeys({ index, n, t, keys });
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`nonce: expected ${NONCE_BYTES} bytes, got ${nonce.length}`);
  const shares = new BigUint64Array(count);
  for (const { members, key } of keys) {
    const weight = subsetPolynomialAt(index, members, n);
    const draws = draw("wv/1 prss", key, nonce, count);
    for (let at = 0; at < count; at++) shares[at] = add(shares[at]!, multiply(weight, draws[at]!));
  }
  return shares;
}

/**
 * This aggregator's shares of 0 by `count` random polynomials of degree 2t - 2, as products of shares need them: uniform
 * among those polynomials that are 0 at 0, for whoever lacks one key. Throws RangeError as `randomShares`.
 */
export function zeroShares({ index, n, t, keys }: SubsetKeys, nonce: Uint8Array, count: number): BigUint64Array {
  assertKeys({ index, n, t, keys });
  if (nonce.length !== NONCE_BYTES) throw new RangeError(`nonce: expected ${NONCE_BYTES} bytes, got ${nonce.length}`);
  const shares = new BigUint64Array(count);
  for (const { members, key } of keys) {
    const weight = subsetPolynomialAt(index, members, n);
    // The subset's polynomial times x, x^2, ... x^(t-1): each with a coefficient of its own.
    const draws = draw("wv/1 przs", key, nonce, count * (t - 1));
    for (let at = 0; at < count; at++) {
      let sum = 0n;
      for (let power = t - 2; power >= 0; power--) {
        sum = multiply(add(sum, draws[at * (t - 1) + power]!), BigInt(index));
      }
      shares[at] = add(shares[at]!, multiply(weight, sum));
    }
  }
  return shares;
}

/** The polynomial of degree t - 1 that is 1 at 0 and 0 at every aggregator outside the subset, at x. */
function subsetPolynomialAt(x: number, members: readonly number[], n: number): FieldElement {
  let numerator = 1n;
  let denominator = 1n;
  for (let other = 1; other <= n; other++) {
    if (members.includes(other)) continue;
    numerator = multiply(numerator, subtract(BigInt(other), BigInt(x)));
    denominator = multiply(denominator, BigInt(other));
  }
  return multiply(numerator, inverse(denominator));
}

/** A keyed sponge: the lengths of key and nonce are fixed, so no two inputs run into each other. */
function draw(label: "wv/1 prss" | "wv/1 przs", key: Uint8Array, nonce: Uint8Array, count: number): BigUint64Array {
  const elements = new BigUint64Array(count);
  if (count === 0) return elements;
  const sponge = createHash("shake256", { outputLength: DRAW_BYTES * count });
  const bytes = sponge.update(label).update(key).update(nonce).digest();
  for (let at = 0; at < count; at++) {
    const high = bytes.readBigUInt64BE(DRAW_BYTES * at);
    elements[at] = reduce((high << 64n) | bytes.readBigUInt64BE(DRAW_BYTES * at + 8));
  }
  return elements;
}

function assertKeys({ index, n, t, keys }: SubsetKeys): void {
  const expected = keySubsets(n, t).filter((members) => members.includes(index));
  const nameOf = (members: readonly number[]): string => members.join("-");
  const wanted = expected.map(nameOf).join(", ");
  const got = keys.map(({ members }) => nameOf(members)).join(", ");
  if (wanted === "" || wanted !== got) {
    throw new RangeError(`keys: expected those of the subsets ${wanted} of aggregator ${index}, got ${got}`);
  }
  for (const { members, key } of keys) {
    if (key.length !== SUBSET_KEY_BYTES) {
      throw new RangeError(`keys: expected ${SUBSET_KEY_BYTES} bytes for subset ${nameOf(members)}, got ${key.length}`);
    }
  }
}
