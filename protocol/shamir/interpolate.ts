/**
 * Interpolates sums of shares at 0: points (x, f(x)) in, f(0) out. Any t of the n points are enough; the others are
 * checked against the polynomial of the first t. Runs at the utility's collector only, and only on totals.
 * With a points the check detects up to a - t wrong ones; it does not say which.
 */
import { add, assertElement, ELEMENT_BYTES, type FieldElement, inverse, multiply, negate } from "../field.ts";
import { addProduct, HIGH, limbsOf, LOW, storeProductSum, wordsOf } from "../field-words.ts";
import { assertThreshold, MAX_SHARES, viewOf } from "./share-entries.ts";

/** One aggregator's answer: the value of the polynomial at its index. */
export interface Point {
  readonly x: number;
  readonly y: FieldElement;
}

/** A value and how well it is supported. */
export interface Interpolation {
  readonly value: FieldElement;
  /** Points beyond the first t: what there was to check with. */
  readonly spare: number;
  /** How many of the spare points are off the polynomial through the first t. Any above 0 means somebody lied. */
  readonly disagreeing: number;
}

/** Interpolations of many values from the same aggregators. */
export interface BatchInterpolation {
  readonly values: BigUint64Array;
  readonly spare: number;
  /** For each value, how many of the spare points disagree. */
  readonly disagreeing: Uint8Array;
  /** How many values have a point that disagrees. */
  readonly inconsistent: number;
}

// At most 13,700 ordered selections of 7 indices, times 8 places: the cache is bounded by its keys.
const weightCache = new Map<string, readonly FieldElement[]>();

/**
 * Lagrange's weights: f(at) is the sum of weights[i] * f(xs[i]) for every polynomial of degree below xs.length.
 * Throws RangeError when there is no index, one is outside 1 to 7 or occurs twice, or `at` is outside 0 to 7.
 */
export function lagrangeWeights(xs: readonly number[], at = 0): readonly FieldElement[] {
  assertIndices(xs);
  if (!Number.isInteger(at) || at < 0 || at > MAX_SHARES) {
    throw new RangeError(`at: expected an integer from 0 to ${MAX_SHARES}, got ${at}`);
  }
  const key = `${at}:${xs.join()}`;
  const known = weightCache.get(key);
  if (known !== undefined) return known;
  const weights = xs.map((own) => {
    let numerator = 1n;
    let denominator = 1n;
    for (const other of xs) {
      if (other === own) continue;
      numerator = multiply(numerator, difference(at, other));
      denominator = multiply(denominator, difference(own, other));
    }
    return multiply(numerator, inverse(denominator));
  });
  weightCache.set(key, weights);
  return weights;
}

/**
 * f(0) from t or more points of a polynomial of degree t - 1. Throws RangeError on fewer than t points, on indices
 * outside 1 to 7 or given twice, and on values outside the field.
 */
export function interpolate(points: readonly Point[], t: number): Interpolation {
  const xs = points.map((point) => point.x);
  assertEnough("points", xs, t);
  for (const [index, point] of points.entries()) assertElement(`points[${index}].y`, point.y);
  const base = points.slice(0, t);
  const spare = points.slice(t);
  const disagreeing = spare.filter((point) => valueAt(base, point.x) !== point.y).length;
  return { value: valueAt(base, 0), spare: spare.length, disagreeing };
}

/**
 * The same for many values at once: sums[i] holds the answers of the aggregator at xs[i], 8 bytes each, big endian.
 * Throws RangeError as `interpolate`, and on sums of unequal or broken length.
 */
export function interpolateBatch(xs: readonly number[], sums: readonly Uint8Array[], t: number): BatchInterpolation {
  assertEnough("xs", xs, t);
  const count = assertSums(xs, sums);
  const base = xs.slice(0, t);
  const values = new BigUint64Array(count);
  combine(sums, lagrangeWeights(base), values);
  const disagreeing = new Uint8Array(count);
  const expected = new BigUint64Array(count);
  for (const [index, x] of xs.entries()) {
    if (index < t) continue;
    combine(sums, lagrangeWeights(base, x), expected);
    countDifferences(wordsOf(expected), sums[index]!, disagreeing);
  }
  const inconsistent = disagreeing.reduce((sum, wrong) => sum + (wrong > 0 ? 1 : 0), 0);
  return { values, spare: xs.length - t, disagreeing, inconsistent };
}

function valueAt(base: readonly Point[], at: number): FieldElement {
  const xs = base.map((point) => point.x);
  const weights = lagrangeWeights(xs, at);
  return base.reduce((sum, point, index) => add(sum, multiply(point.y, weights[index]!)), 0n);
}

/** out[j] = sum over i of weights[i] * sums[i][j]. */
function combine(sums: readonly Uint8Array[], weights: readonly FieldElement[], out: BigUint64Array): void {
  const limbs = limbsOf(weights);
  const views = sums.map(viewOf);
  const words = wordsOf(out);
  const sum = new Float64Array(3);
  for (let index = 0; index < out.length; index++) {
    for (let point = 0; point < weights.length; point++) {
      const view = views[point]!;
      addProduct(
        view.getUint32(ELEMENT_BYTES * index + 4),
        view.getUint32(ELEMENT_BYTES * index),
        limbs,
        3 * point,
        sum,
      );
    }
    storeProductSum(sum, words, index);
  }
}

function countDifferences(expected: Uint32Array, actual: Uint8Array, counts: Uint8Array): void {
  const view = viewOf(actual);
  for (let index = 0; index < counts.length; index++) {
    const high = view.getUint32(ELEMENT_BYTES * index);
    const low = view.getUint32(ELEMENT_BYTES * index + 4);
    if (expected[2 * index + HIGH] !== high || expected[2 * index + LOW] !== low) {
      counts[index] = counts[index]! + 1;
    }
  }
}

function difference(a: number, b: number): FieldElement {
  return a >= b ? BigInt(a - b) : negate(BigInt(b - a));
}

function assertEnough(name: string, xs: readonly number[], t: number): void {
  assertThreshold(t);
  assertIndices(xs);
  if (xs.length < t) throw new RangeError(`${name}: expected at least t = ${t} points, got ${xs.length}`);
}

function assertIndices(xs: readonly number[]): void {
  if (xs.length === 0) throw new RangeError("xs: expected at least one index, got none");
  const seen = new Set<number>();
  for (const x of xs) {
    // Index 0 would be the secret itself: f(0).
    if (!Number.isInteger(x) || x < 1 || x > MAX_SHARES) {
      throw new RangeError(`x: expected an integer from 1 to ${MAX_SHARES}, got ${x}`);
    }
    if (seen.has(x)) throw new RangeError(`x: expected every index once, got ${x} twice`);
    seen.add(x);
  }
}

/** Checks lengths and that every answer is a field element; returns how many values there are. */
function assertSums(xs: readonly number[], sums: readonly Uint8Array[]): number {
  if (sums.length !== xs.length) throw new RangeError(`sums: expected ${xs.length} buffers, got ${sums.length}`);
  const bytes = sums[0]!.length;
  for (const [index, buffer] of sums.entries()) {
    if (buffer.length !== bytes || bytes % ELEMENT_BYTES !== 0) {
      const expected = bytes % ELEMENT_BYTES === 0 ? `${bytes} bytes` : "a multiple of 8 bytes";
      throw new RangeError(`sums[${index}]: expected ${expected}, got ${buffer.length}`);
    }
    const view = viewOf(buffer);
    for (let at = 0; at < bytes; at += ELEMENT_BYTES) {
      const high = view.getUint32(at);
      if (high > 0x1fff_ffff || (high === 0x1fff_ffff && view.getUint32(at + 4) === 0xffff_ffff)) {
        throw new RangeError(
          `sums[${index}]: expected 0 to 2^61 - 2, got 2^61 - 1 or more at value ${at / ELEMENT_BYTES}`,
        );
      }
    }
  }
  return bytes / ELEMENT_BYTES;
}
