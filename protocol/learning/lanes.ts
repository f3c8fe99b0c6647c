/**
 * Several signed coordinates in one field element: element = sum of v_j 2^(laneBits j) mod p. Adding elements adds
 * lanes, and a sum comes apart exactly while every coordinate of it stays within its lane, borrows included.
 */
import { add, FIELD_PRIME, multiply } from "../field.ts";
import { MAX_SIGNED } from "../signed.ts";
import { elementsOf } from "./shape.ts";

export interface LaneShape {
  /** Coordinates of the vector. */
  readonly length: number;
  readonly laneBits: number;
  /** Per element; lanes * laneBits is at most 60. */
  readonly lanes: number;
}

function assertShape({ length, laneBits, lanes }: LaneShape): void {
  const whole = [length, laneBits, lanes].every((value) => Number.isInteger(value) && value >= 1);
  if (!whole || lanes * laneBits > 60) {
    throw new RangeError(`shape: expected at most 60 bits in lanes, got ${lanes} lanes of ${laneBits} for ${length}`);
  }
}

/** The elements of a vector of safe integers. Throws RangeError for a wrong length or a coordinate that is none. */
export function packLanes(values: ArrayLike<number>, shape: LaneShape): BigUint64Array {
  assertShape(shape);
  const { length, laneBits, lanes } = shape;
  if (values.length !== length) throw new RangeError(`values: expected ${length} coordinates, got ${values.length}`);
  const shift = BigInt(laneBits);
  const elements = new BigUint64Array(elementsOf(shape));
  for (let index = 0; index < elements.length; index++) {
    let sum = 0n;
    for (let at = Math.min(length, (index + 1) * lanes) - 1; at >= index * lanes; at--) {
      // The value stays out of the message: it is a home's.
      if (!Number.isSafeInteger(values[at])) throw new RangeError(`values[${at}]: expected a safe integer`);
      sum = (sum << shift) + BigInt(values[at]!);
    }
    const rest = sum % FIELD_PRIME;
    elements[index] = rest < 0n ? rest + FIELD_PRIME : rest;
  }
  return elements;
}

/** Shares of the elements of a vector, from shares of its coordinates; all below p. Throws as `packLanes`. */
export function packLaneShares(shares: BigUint64Array, shape: LaneShape): BigUint64Array {
  assertShape(shape);
  const { length, laneBits, lanes } = shape;
  if (shares.length !== length) throw new RangeError(`shares: expected ${length} coordinates, got ${shares.length}`);
  const factor = 1n << BigInt(laneBits);
  return BigUint64Array.from({ length: elementsOf(shape) }, (_, index) => {
    let sum = 0n;
    for (let at = Math.min(length, (index + 1) * lanes) - 1; at >= index * lanes; at--) {
      sum = add(multiply(sum, factor), shares[at]!);
    }
    return sum;
  });
}

/**
 * The coordinates of a sum of packed vectors. Throws RangeError for a wrong number of elements, for one that is not in
 * the field, and for one whose lanes cannot hold it: then some coordinate was out of range.
 */
export function unpackLanes(elements: BigUint64Array, shape: LaneShape): number[] {
  assertShape(shape);
  const { length, laneBits, lanes } = shape;
  const expected = elementsOf(shape);
  if (elements.length !== expected) throw new RangeError(`elements: expected ${expected}, got ${elements.length}`);
  const shift = BigInt(laneBits);
  const values: number[] = [];
  for (const [index, element] of elements.entries()) {
    if (element >= FIELD_PRIME) throw new RangeError(`elements[${index}]: expected less than 2^61 - 1`);
    let rest = element > MAX_SIGNED ? element - FIELD_PRIME : element;
    const filled = Math.min(lanes, length - index * lanes);
    for (let lane = 0; lane < filled; lane++) {
      const value = BigInt.asIntN(laneBits, rest);
      // Exact: what the lane holds goes, and so does its borrow from the next one.
      rest = (rest - value) >> shift;
      if (!Number.isSafeInteger(Number(value))) {
        throw new RangeError(`elements[${index}]: a coordinate is beyond 2^53`);
      }
      values.push(Number(value));
    }
    if (rest !== 0n) throw new RangeError(`elements[${index}]: a coordinate is out of the range of its lane`);
  }
  return values;
}
