/**
 * What an aggregator computes of a home's shares in a round with a bound: shares of its coordinates, of the elements that are
 * summed, and of what must be 0 where its bits are bits and its norm is within the bound. Sees shares, never updates.
 */
import { add, type FieldElement, multiply, reduce, subtract } from "../../protocol/field.ts";
import { HIGH, limbsOf, LOW, storeElement, wordsOf } from "../../protocol/field-words.ts";
import { boundBits } from "../../protocol/learning/bound.ts";
import { packLaneShares } from "../../protocol/learning/lanes.ts";
import { weightsOf } from "../../protocol/range/challenge.ts";
import { elementsBitCheck } from "../../protocol/range/check.ts";
import { weightedVectorSum } from "../../protocol/shamir/add-vectors.ts";
import type { MeterSums } from "../rounds/range-answers.ts";

/** How the elements of a home's vector are made of the bits it shares. */
export interface BoundedShape {
  readonly length: number;
  readonly laneBits: number;
  readonly lanes: number;
  readonly squares: number;
}

/** Shares of the sums over `homes` homes of their coordinates, from sums of their shares of bits. */
function coordinatesOf(shares: BigUint64Array, { length, squares }: BoundedShape, homes: number): BigUint64Array {
  const { coordinate } = boundBits({ squares });
  // What each home has added to make its coordinates no negative numbers.
  const offset = reduce(BigInt(homes) << BigInt(coordinate - 1));
  return BigUint64Array.from({ length }, (_, i) => subtract(numberOf(shares, i * coordinate, coordinate), offset));
}

/** The sum of 2^j times share `at` + j: Horner's rule from the highest bit down. */
function numberOf(shares: BigUint64Array, at: number, bits: number): FieldElement {
  const words = wordsOf(shares);
  const value = new BigUint64Array(1);
  const own = wordsOf(value);
  for (let index = at + bits - 1; index >= at; index--) {
    storeElement(2 * own[LOW]! + words[2 * index + LOW]!, 2 * own[HIGH]! + words[2 * index + HIGH]!, own, 0);
  }
  return value[0]!;
}

/** Shares of the elements of a sum over `homes` homes, from sums of their shares of bits. */
export function laneElements(shares: BigUint64Array, shape: BoundedShape, homes: number): BigUint64Array {
  return packLaneShares(coordinatesOf(shares, shape, homes), shape);
}

/**
 * A home's sums under a challenge; `place` is its place in the set. The check is of all its bits, and of one relation more:
 * the squares of its coordinates and what it says is left are the bound.
 */
export function boundedSums(
  shares: BigUint64Array,
  shape: BoundedShape,
  challenge: Uint8Array,
  place: number,
): MeterSums {
  const { length, squares } = shape;
  const { slack, coordinate } = boundBits(shape);
  const degree = weightedVectorSum(shares, weightsOf(challenge, "degree", [place], shares.length));
  const weights = weightsOf(challenge, "bits", [place], shares.length + 1);
  const bits = elementsBitCheck(shares, weights.subarray(0, 3 * shares.length));
  const coordinates = coordinatesOf(shares, shape, 1);
  const sum = weightedVectorSum(coordinates, limbsOf([...coordinates]));
  const left = numberOf(shares, length * coordinate, slack);
  const relation = subtract(add(sum, left), BigInt(squares));
  const [low, middle, high] = weights.subarray(3 * shares.length);
  const weight = reduce(BigInt(low!) + (BigInt(middle!) << 21n) + (BigInt(high!) << 42n));
  return { degree, check: add(bits, multiply(weight, relation)) };
}
