/** Challenges: polynomials with a few coefficients of 1 and -1, the rest zero, drawn from a hash. */
import { createHash } from "node:crypto";
import { seededBytes } from "../ring/sample.ts";

/** Coefficients that are not zero: at degree 1,024, the least, there are 2^132 such polynomials. */
export const CHALLENGE_WEIGHT = 16;
export const CHALLENGE_BYTES = 32;

const LABEL = "wv/1 ckks challenge";

/** A sparse polynomial: the places of its coefficients, and 1 or -1 for each. */
export interface Challenge {
  readonly places: readonly number[];
  readonly signs: readonly number[];
}

/** The hash from which a challenge is drawn: of the statement and what the prover has committed itself to. */
export function challengeSeed(statement: Uint8Array, commitment: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(LABEL).update(statement).update(commitment).digest());
}

/** `degree`: a power of two up to 2^16. */
export function challengeOf(seed: Uint8Array, degree: number): Challenge {
  const random = seededBytes(seed, LABEL);
  const places = new Set<number>();
  while (places.size < CHALLENGE_WEIGHT) {
    const [low, high] = random(2);
    places.add((low! | (high! << 8)) & (degree - 1));
  }
  const [low, high] = random(2);
  const bits = low! | (high! << 8);
  return { places: [...places], signs: [...places].map((_, i) => 1 - 2 * ((bits >>> i) & 1)) };
}

/** challenge * poly modulo X^degree + 1, over the integers. */
export function challengeTimes({ places, signs }: Challenge, poly: Int32Array): Int32Array {
  const { length } = poly;
  const product = new Int32Array(length);
  for (const [i, place] of places.entries()) {
    const sign = signs[i]!;
    for (let from = 0; from < length - place; from++) {
      product[from + place] = product[from + place]! + sign * poly[from]!;
    }
    // What leaves at the upper end comes back negated.
    for (let from = length - place; from < length; from++) {
      product[from + place - length] = product[from + place - length]! - sign * poly[from]!;
    }
  }
  return product;
}

/** The polynomial's coefficients. */
export function challengeCoefficients({ places, signs }: Challenge, degree: number): Int32Array {
  const coefficients = new Int32Array(degree);
  for (const [i, place] of places.entries()) coefficients[place] = signs[i]!;
  return coefficients;
}
