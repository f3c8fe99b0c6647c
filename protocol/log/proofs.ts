/**
 * Merkle proofs of RFC 6962, section 2.1, verified as RFC 9162, section 2.1, says. A proof is a list of tree hashes, each
 * over a range of leaves; which ranges they are follows from indices and sizes alone. Sizes stay below 2^53.
 */
import { LogError } from "./errors.ts";
import { HASH_BYTES, nodeHash } from "./merkle.ts";

/** Leaves [from, to). */
export type Range = readonly [from: number, to: number];

/** No tree that a number can count needs more. */
export const MAX_PROOF_HASHES = 2 * 53;

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let power = 1;
  while (power * 2 < size) power *= 2;
  return power;
}

/**
 * Ranges whose hashes prove that leaf `index` is in the tree of the first `size` leaves: the leaf's sibling first. Throws
 * RangeError unless 0 <= index < size.
 */
export function inclusionRanges(index: number, size: number): Range[] {
  assertSize("size", size, 1);
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new RangeError(`index: expected 0 to ${size - 1}, got ${index}`);
  }
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push([middle, to]);
      to = middle;
    } else {
      ranges.push([from, middle]);
      from = middle;
    }
  }
  return ranges.reverse();
}

/**
 * Ranges whose hashes prove that the tree of `size` leaves begins with that of the first `from`. Empty where there is
 * nothing to prove: for 0 and for equal sizes. Throws RangeError unless 0 <= from <= size.
 */
export function consistencyRanges(from: number, size: number): Range[] {
  assertSize("size", size, 0);
  if (!Number.isSafeInteger(from) || from < 0 || from > size) {
    throw new RangeError(`from: expected 0 to ${size}, got ${from}`);
  }
  if (from === 0 || from === size) return [];
  const ranges: Range[] = [];
  let [left, right] = [0, size];
  // True while the old tree's root is a node of the new tree, so that its hash need not be told.
  let whole = true;
  while (from !== right) {
    const middle = left + splitOf(right - left);
    if (from <= middle) {
      ranges.push([middle, right]);
      right = middle;
    } else {
      ranges.push([left, middle]);
      left = middle;
      whole = false;
    }
  }
  if (!whole) ranges.push([left, right]);
  return ranges.reverse();
}

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  /** Hash of the leaf. */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly root: Uint8Array;
}

/** Throws LogError `bad-inclusion` unless the proof holds. */
export function verifyInclusion({ index, size, leaf, proof, root }: Inclusion): void {
  if (!isSize(index) || !isSize(size) || index >= size) {
    throw new LogError("bad-inclusion", `there is no entry ${index} in a log of ${size}`);
  }
  const refuse = (why: string): never => {
    throw new LogError("bad-inclusion", `the proof that entry ${index} is in the log of ${size} does not hold: ${why}`);
  };
  if (![leaf, root, ...proof].every(isHash)) refuse("a hash has 32 bytes");
  let [node, last] = [index, size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) refuse("it is too long");
    if (isRight(node) || node === last) {
      hash = nodeHash(sibling, hash);
      // Levels at which the right edge has no sibling are skipped.
      while (!isRight(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else hash = nodeHash(hash, sibling);
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) refuse("it is too short");
  if (!sameBytes(hash, root)) refuse("it leads to another root");
}

export interface Consistency {
  readonly from: number;
  readonly fromRoot: Uint8Array;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/** Throws LogError `bad-consistency` unless the larger tree is shown to begin with the smaller one. */
export function verifyConsistency({ from, fromRoot, size, root, proof }: Consistency): void {
  const refuse = (why: string): never => {
    throw new LogError("bad-consistency", `the log of ${size} is not shown to go on from that of ${from}: ${why}`);
  };
  if (!isSize(from) || !isSize(size) || from > size) refuse("it is no longer one");
  if (![fromRoot, root, ...proof].every(isHash)) refuse("a hash has 32 bytes");
  if (from === 0 || from === size) {
    if (proof.length > 0) refuse("there is nothing to prove");
    if (from === size && !sameBytes(fromRoot, root)) refuse("their roots differ");
    return;
  }
  const hashes = isPowerOfTwo(from) ? [fromRoot, ...proof] : [...proof];
  let [node, last] = [from - 1, size - 1];
  while (isRight(node)) [node, last] = [half(node), half(last)];
  const first = hashes.shift() ?? refuse("it is empty");
  let [before, after] = [first, first];
  for (const hash of hashes) {
    if (last === 0) refuse("it is too long");
    if (isRight(node) || node === last) {
      before = nodeHash(hash, before);
      after = nodeHash(hash, after);
      while (!isRight(node) && node !== 0) [node, last] = [half(node), half(last)];
    } else after = nodeHash(after, hash);
    [node, last] = [half(node), half(last)];
  }
  if (last !== 0) refuse("it is too short");
  if (!sameBytes(before, fromRoot)) refuse("it does not lead to the smaller tree's root");
  if (!sameBytes(after, root)) refuse("it does not lead to the larger tree's root");
}

// Not bit operators: those end at 2^32.
const half = (value: number): number => Math.floor(value / 2);
const isRight = (value: number): boolean => value % 2 === 1;
const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
const isHash = (value: Uint8Array): boolean => value.length === HASH_BYTES;

function isPowerOfTwo(value: number): boolean {
  let rest = value;
  while (rest % 2 === 0) rest /= 2;
  return rest === 1;
}

/** Public values only: the time it takes tells nothing. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function assertSize(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new RangeError(`${name}: expected an integer from ${least} on, got ${value}`);
  }
}
