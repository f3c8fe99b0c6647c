/**
 * Proofs that whoever sends a ciphertext has made it: that it knows the randomness u of c1 = round((a u + e1) / P), for
 * one meter, series and window. A copy, also one with an encryption of zero added, cannot have such a proof, since its
 * randomness is the sum of a known and an unknown part. It tells nothing of u, and so nothing of the readings.
 *
 * With f = P c1 - a u, which is small, this is the signature of V. Lyubashevsky (EUROCRYPT 2012) under the one-time key
 * (u, f), shortened by S. Bai and S. Galbraith (CT-RSA 2014): for a random y the upper digits of a y are hashed with the
 * statement to a sparse challenge c, and z = y + c u is told unless it would tell of u. The verifier finds the same
 * upper digits in a z - c P c1 = a y - c f. docs/decisions/005-authorship.md has the argument.
 */
import { CkksError } from "../errors.ts";
import { type CkksParameters, dataLevels } from "../parameters.ts";
import { bitsOfPrime, packedBytes, packResidues, type Ring, type RnsPoly, unpackResidues } from "../ring/index.ts";
import type { RandomBytes } from "../ring/sample.ts";
import {
  CHALLENGE_BYTES,
  CHALLENGE_WEIGHT,
  challengeCoefficients,
  challengeOf,
  challengeSeed,
  challengeTimes,
} from "./challenge.ts";
import { type Rounding, roundingFor, upperDigits } from "./rounding.ts";

/** What is proven, and under which key. */
export interface AuthorshipInput {
  /** All primes, the special one last. */
  readonly ring: Ring;
  /** The second polynomial of the public key, at key level, in NTT form. */
  readonly a: RnsPoly;
  /** The ciphertext's second polynomial, in NTT form. */
  readonly c1: RnsPoly;
  /** Digest of everything that the proof is for: who sends what, for which window, in which ciphertext. */
  readonly statement: Uint8Array;
}

/** y is uniform below so many times the degree: z comes out uniform in 78 of 100 attempts. */
const MASK_FACTOR = 64;
/** Noise of encryption is at most 21, and the rounding at most half of the prime that is divided by. */
const MOST_NOISE = 21n;
/** Less bits of upper digits than this beyond z's own, and short false answers would exist. */
const SPARE_BITS = 3;
/** An attempt succeeds in more than half of all cases. */
const MOST_ATTEMPTS = 200;

/** Bytes of a proof at this degree. */
export function authorshipBytes(degree: number): number {
  return CHALLENGE_BYTES + packedBytes(degree, bitsOfPrime(answersFor(degree).count));
}

/** Bits that lack for proofs under a parameter set, at so many primes; 0 where they fit. */
export function lackingAuthorshipBits(parameters: CkksParameters, level = dataLevels(parameters)): number {
  const { degree, primeBits } = parameters;
  const divisor = 1n << BigInt(primeBits[level]!);
  // A prime may be a little below its power of two.
  const primes = primeBits.slice(0, level).map((bits) => (1n << BigInt(bits)) - 1n);
  return Math.max(0, neededBits(degree) - roundingFor(degree, primes, mostDifference(divisor)).bits);
}

/**
 * Proves that u made c1. Throws RangeError where it did not, or where the parameters leave no room (see
 * `lackingAuthorshipBits`). `random`: a cryptographic source.
 */
export function proveAuthorship(input: AuthorshipInput, u: Int32Array, random: RandomBytes): Uint8Array {
  const { ring, statement } = input;
  const { degree } = ring;
  const { a, target, rounding } = prepared(input);
  const { most, count } = answersFor(degree);
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
    const y = masks(degree, random);
    const commitment = upperDigits(ring, timesKey(ring, a, y), rounding).bytes;
    const seed = challengeSeed(statement, commitment);
    const challenge = challengeOf(seed, degree);
    const z = challengeTimes(challenge, u);
    for (let place = 0; place < degree; place++) z[place] = z[place]! + y[place]!;
    if (z.some((answer) => Math.abs(answer) > most)) continue;
    // What depends on f is looked at only through what everyone can compute from the proof.
    const seen = upperDigits(ring, difference(ring, a, target, z, seed), rounding);
    if (!seen.settled) continue;
    if (Buffer.compare(challengeSeed(statement, seen.bytes), seed) !== 0) {
      throw new RangeError("u: it is not what c1 was made with");
    }
    const answers = BigUint64Array.from(z, (answer) => BigInt(answer + most));
    const packed = packResidues(answers, bitsOfPrime(count));
    const proof = new Uint8Array(CHALLENGE_BYTES + packed.length);
    proof.set(seed);
    proof.set(packed, CHALLENGE_BYTES);
    return proof;
  }
  throw new RangeError("random: no attempt at a proof succeeded");
}

/** Throws CkksError `not-its-own` for a proof that is missing, of something else, or no proof. */
export function assertAuthorship(input: AuthorshipInput, proof: Uint8Array): void {
  const { ring, statement } = input;
  const { degree } = ring;
  const { most, count } = answersFor(degree);
  if (proof.length !== authorshipBytes(degree)) {
    const expected = `a proof of ${authorshipBytes(degree)} bytes that its sender made it`;
    throw new CkksError("not-its-own", `ciphertext: expected ${expected}, got ${proof.length}`);
  }
  const { a, target, rounding } = prepared(input);
  const seed = proof.slice(0, CHALLENGE_BYTES);
  const answers = unpackResidues(proof.subarray(CHALLENGE_BYTES), degree, bitsOfPrime(count), count);
  const z = Int32Array.from(answers, (answer) => Number(answer) - most);
  const { bytes } = upperDigits(ring, difference(ring, a, target, z, seed), rounding);
  if (Buffer.compare(challengeSeed(statement, bytes), seed) !== 0) {
    throw new CkksError("not-its-own", "ciphertext: its proof is not of its sender, its window and its numbers");
  }
}

interface Prepared {
  /** a and P c1, at the level of c1. */
  readonly a: RnsPoly;
  readonly target: RnsPoly;
  readonly rounding: Rounding;
}

function prepared({ ring, a, c1 }: AuthorshipInput): Prepared {
  if (ring.primeCount(a) !== ring.primes.length) {
    throw new RangeError(`a: expected ${ring.primes.length} primes, got ${ring.primeCount(a)}`);
  }
  const level = ring.primeCount(c1);
  // What encryption divides by: the prime that comes next.
  const divisor = ring.primes[level];
  if (divisor === undefined) throw new RangeError(`c1: expected at most ${level - 1} primes, got ${level}`);
  const rounding = roundingFor(ring.degree, ring.primes.slice(0, level), mostDifference(divisor));
  if (rounding.bits < neededBits(ring.degree)) {
    throw new RangeError(`c1: ${level} primes leave no room for a proof that its sender made it`);
  }
  return { a: a.subarray(0, c1.length), target: ring.scale(c1.slice(), divisor), rounding };
}

/** Bound on a coefficient of c f. */
function mostDifference(divisor: bigint): bigint {
  return BigInt(CHALLENGE_WEIGHT) * (divisor / 2n + MOST_NOISE + 1n);
}

function neededBits(degree: number): number {
  return Math.log2(2 * MASK_FACTOR * degree) + SPARE_BITS;
}

/** Answers lie from -most to most; `count`: how many that are. */
function answersFor(degree: number): { readonly most: number; readonly count: bigint } {
  // |c u| is at most the weight of c: beyond this z would tell which.
  const most = MASK_FACTOR * degree - CHALLENGE_WEIGHT;
  return { most, count: BigInt(2 * most + 1) };
}

/** Uniform from -64 N to 64 N - 1. */
function masks(degree: number, random: RandomBytes): Int32Array {
  const bound = MASK_FACTOR * degree;
  const bytes = random(4 * degree);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Int32Array.from({ length: degree }, (_, place) => (view.getUint32(4 * place, true) & (2 * bound - 1)) - bound);
}

/** a * poly, in coefficient form. */
function timesKey(ring: Ring, a: RnsPoly, poly: Int32Array): RnsPoly {
  return ring.inverse(ring.multiply(transformed(ring, poly, ring.primeCount(a)), a));
}

/** a z - c target, in coefficient form. */
function difference(ring: Ring, a: RnsPoly, target: RnsPoly, z: Int32Array, seed: Uint8Array): RnsPoly {
  const level = ring.primeCount(a);
  const challenge = challengeCoefficients(challengeOf(seed, ring.degree), ring.degree);
  const product = ring.multiply(transformed(ring, z, level), a);
  return ring.inverse(ring.subtract(product, ring.multiply(transformed(ring, challenge, level), target)));
}

function transformed(ring: Ring, poly: Int32Array, level: number): RnsPoly {
  return ring.forward(ring.addSigned(ring.zero(level), poly));
}
