/**
 * Encryptions of zero that every party derives alike from a public seed. Added to a ciphertext before it is opened,
 * they take the choice of c1 from whoever made it: without them six constant c1's give a key share away.
 */
import type { Ring, RnsPoly } from "../ring/ring.ts";
import { inverseMod } from "../ring/modular.ts";
import { centredBinomial, type RandomBytes, seededBytes, ternary } from "../ring/sample.ts";
import { coefficientsAt, openedPrimes } from "./stride.ts";

const LABEL = "wv/1 ckks zero";

/** The public key's two polynomials at key level, in NTT form. */
export type PublicKeyPolys = readonly [RnsPoly, RnsPoly];

export interface ZeroInput {
  /** All primes, the special one last. */
  readonly ring: Ring;
  readonly publicKey: PublicKeyPolys;
  /** Primes of the ciphertext that is to be opened; at least one less than the ring's. */
  readonly level: number;
  /** 32 bytes on which all agree, fixed only after the ciphertext is: the hash of transcript and active set. */
  readonly seed: Uint8Array;
}

/** An encryption of zero that everyone finds from the seed: it hides nothing by itself. See `encryptZero`. */
export function zeroEncryption({ seed, ...input }: ZeroInput): [RnsPoly, RnsPoly] {
  return encryptZero({ ...input, random: seededBytes(seed, LABEL) }).zero;
}

/**
 * An encryption of zero, (z0, z1) in NTT form, and the u that it was made with. As SEAL does, it is made with one prime
 * more, which is then divided out with rounding: the noise that remains is that rounding's. `random`: a cryptographic
 * source, where it is to hide something.
 */
export function encryptZero(input: Omit<ZeroInput, "seed"> & { readonly random: RandomBytes }): {
  readonly zero: [RnsPoly, RnsPoly];
  readonly u: Int32Array;
} {
  const { ring, publicKey, level, random } = input;
  if (!Number.isInteger(level) || level < 1 || level >= ring.primes.length) {
    throw new RangeError(`level: expected an integer from 1 to ${ring.primes.length - 1}, got ${level}`);
  }
  const u = ternary(ring.degree, random);
  const used = level + 1;
  const factor = ring.forward(ring.addSigned(ring.zero(used), u));
  const [z0, z1] = publicKey.map((key, part) => {
    if (ring.primeCount(key) !== ring.primes.length) {
      throw new RangeError(`publicKey[${part}]: expected ${ring.primes.length} primes, got ${ring.primeCount(key)}`);
    }
    const product = ring.multiply(key.slice(0, used * ring.degree), factor);
    return divideByLast(ring, product, centredBinomial(ring.degree, random));
  });
  return { zero: [z0!, z1!], u };
}

/** round((poly + noise) / last prime) modulo the other primes; NTT form in and out, but for the noise's coefficients. */
function divideByLast(ring: Ring, poly: RnsPoly, noise: Int32Array): RnsPoly {
  const { degree } = ring;
  const last = ring.at(ring.primeCount(poly) - 1);
  const half = last.prime >> 1n;
  const rest = poly.slice(-degree);
  last.inverse(rest);
  last.addSigned(rest, noise, 1n);
  last.affine(rest, 1n, half); // the centred remainder, moved up by half
  const quotient = poly.slice(0, -degree);
  for (let index = 0; index * degree < quotient.length; index++) {
    const ringHere = ring.at(index);
    const part = quotient.subarray(index * degree, (index + 1) * degree);
    const remainder = rest.slice();
    ringHere.affine(remainder, 1n, -half);
    // What is left of the noise goes along: one transform for both.
    ringHere.addSigned(remainder, noise, -1n);
    ringHere.forward(remainder);
    ringHere.subtract(part, remainder);
    ringHere.affine(part, inverseMod(last.prime, ringHere.prime), 0n);
  }
  return quotient;
}

/** c1 + z1, both in NTT form: what is opened. */
export function randomiseC1(ring: Ring, c1: RnsPoly, zero: readonly [RnsPoly, RnsPoly]): RnsPoly {
  return ring.add(c1.slice(), zero[1]);
}

/** c0 + z0 at the opened coefficients, in coefficient form. */
export function randomiseC0(ring: Ring, c0: RnsPoly, zero: readonly [RnsPoly, RnsPoly], stride: number): RnsPoly {
  return ring.add(c0.slice(), coefficientsAt(ring, zero[0], stride), openedPrimes(ring, c0, stride));
}
