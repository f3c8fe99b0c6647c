/**
 * Parameter sets of CKKS: ring degree, sizes of the primes, scale of fresh ciphertexts. A set that is below 128-bit
 * security is refused here, before any key is made with it. Why these numbers: docs/flooding.md.
 */
import { createHash } from "node:crypto";
import { encodeCbor } from "../cbor.ts";
import { CkksError } from "./errors.ts";

export interface CkksParameters {
  readonly name: string;
  /** N, a power of two; a ciphertext has N / 2 slots. */
  readonly degree: number;
  /** Bits of each prime; the last is the special prime, which only key switching and encryption use. */
  readonly primeBits: readonly number[];
  /** Fresh ciphertexts hold values times 2^scaleBits. */
  readonly scaleBits: number;
}

/**
 * Most bits of the modulus, special prime included, for 128-bit security against classical attacks with a ternary
 * secret: table 1 of the HomomorphicEncryption.org standard (2018).
 */
const MAX_MODULUS_BITS: ReadonlyMap<number, number> = new Map([
  [1024, 27],
  [2048, 54],
  [4096, 109],
  [8192, 218],
  [16_384, 438],
  [32_768, 881],
]);

/** SEAL's own limits on a prime. */
const PRIME_BITS = { least: 2, most: 60 };

/** What fits 128-bit security at this degree, in bits. Throws RangeError for a degree outside the standard's table. */
export function maxModulusBits(degree: number): number {
  const bits = MAX_MODULUS_BITS.get(degree);
  if (bits === undefined) {
    throw new RangeError(`degree: expected one of ${[...MAX_MODULUS_BITS.keys()].join(", ")}, got ${degree}`);
  }
  return bits;
}

/** Bits of the whole modulus, special prime included: what security depends on. */
export function modulusBits(parameters: CkksParameters): number {
  return parameters.primeBits.reduce((sum, bits) => sum + bits, 0);
}

/** Bits of the modulus of ciphertexts with `level` primes. */
export function dataBits(parameters: CkksParameters, level = dataLevels(parameters)): number {
  return parameters.primeBits.slice(0, level).reduce((sum, bits) => sum + bits, 0);
}

/** How many primes a fresh ciphertext can have. */
export function dataLevels(parameters: CkksParameters): number {
  return parameters.primeBits.length - 1;
}

/**
 * Checks a set. RangeError for numbers that make no parameter set at all; CkksError `not-secure` for one below 128-bit
 * security, unless `insecureForTests`.
 */
export function assertParameters(parameters: CkksParameters, options: { insecureForTests?: boolean } = {}): void {
  const { name, degree, primeBits, scaleBits } = parameters;
  const most = maxModulusBits(degree);
  if (primeBits.length < 2) throw new RangeError(`primeBits: expected two primes or more, got ${primeBits.length}`);
  const least = Math.log2(2 * degree) + 1; // a prime that is 1 modulo 2N has more bits than 2N
  for (const bits of primeBits) {
    if (!Number.isInteger(bits) || bits < Math.max(PRIME_BITS.least, least) || bits > PRIME_BITS.most) {
      throw new RangeError(`primeBits: expected integers from ${least} to ${PRIME_BITS.most}, got ${bits}`);
    }
  }
  const room = dataBits(parameters) - 2;
  if (!Number.isInteger(scaleBits) || scaleBits < 1 || scaleBits > room) {
    throw new RangeError(`scaleBits: expected an integer from 1 to ${room}, got ${scaleBits}`);
  }
  const bits = modulusBits(parameters);
  if (bits > most && options.insecureForTests !== true) {
    throw new CkksError(
      "not-secure",
      `parameter set ${name}: ${bits} bits of modulus at degree ${degree} are below 128-bit security (at most ${most})`,
    );
  }
}

/**
 * Eight bytes that name a parameter set on the wire: of the numbers, not of the name, so that two installations that
 * call different sets `light` refuse each other's ciphertexts.
 */
export function parametersId(parameters: CkksParameters): Uint8Array {
  const { degree, primeBits, scaleBits } = parameters;
  const content = encodeCbor(["wv/1 ckks parameters", degree, [...primeBits], scaleBits]);
  return Uint8Array.from(createHash("sha256").update(content).digest().subarray(0, 8));
}

const STRONG_PRIMES = [60, 60, 60, 35, 35, ...Array.from({ length: 16 }, () => 35), 60];

/**
 * The sets that an installation starts from.
 * - light: sums only. Its small special prime cannot switch keys; it is there because SEAL encrypts with less noise
 *   under one prime more than it sends.
 * - standard: one multiplication, opened before any rescaling: the product has twice the scale, and what a rescaling
 *   would cut off is the room that flooding needs. Also rotations and plaintext products.
 * - strong: comparisons. A level is two primes of 35 bits: at a scale of 70 bits, which no single prime of SEAL gives,
 *   the noise of a count leaves room for flooding. The first five are for the last products, which are not rescaled.
 */
export const PARAMETER_SETS: Readonly<Record<"light" | "standard" | "strong", CkksParameters>> = {
  light: { name: "light", degree: 4096, primeBits: [45, 45, 19], scaleBits: 60 },
  standard: { name: "standard", degree: 8192, primeBits: [55, 55, 55, 53], scaleBits: 60 },
  strong: { name: "strong", degree: 32_768, primeBits: STRONG_PRIMES, scaleBits: 80 },
};
