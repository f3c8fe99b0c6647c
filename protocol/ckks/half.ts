/**
 * The first half of an output as it travels to be opened: the coefficients at multiples of the stride, bit-packed prime
 * after prime. A part has the same form.
 */
import { createHash } from "node:crypto";
import { bitsOfPrime, packResidues, type Ring, type RnsPoly } from "./ring/index.ts";

/** Residues in coefficient form, prime-major: as many primes as `level`. */
export function packHalf(ring: Ring, coefficients: RnsPoly, level: number): Uint8Array {
  const width = coefficients.length / level;
  const parts = Array.from({ length: level }, (_, index) =>
    packResidues(coefficients.slice(index * width, (index + 1) * width), bitsOfPrime(ring.primes[index]!)),
  );
  return Uint8Array.from(Buffer.concat(parts));
}

/** SHA-256 of a packed half. */
export function halfDigest(packed: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(packed).digest());
}
