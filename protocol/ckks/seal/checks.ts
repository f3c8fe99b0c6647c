/**
 * What an operation's arguments must fulfil before SEAL sees them. CkksError where another party's bytes are at fault,
 * RangeError where the caller is.
 */
import { CkksError } from "../errors.ts";
import { dataBits, dataLevels } from "../parameters.ts";
import type { CkksParameters } from "../parameters.ts";
import type { Ring } from "../ring/index.ts";
import { Plaintext } from "./objects.ts";
import type { Ciphertext } from "./objects.ts";

interface Bounds {
  readonly parameters: CkksParameters;
  readonly ring: Ring;
}

/** Two scales that differ by less are one scale: rescaling divides by primes that are only near a power of two. */
const SCALE_TOLERANCE = 2 ** -40;

/** Throws CkksError `wrong-level`. */
export function assertLevel({ parameters }: Bounds, level: number): void {
  const most = dataLevels(parameters);
  if (!Number.isInteger(level) || level < 1 || level > most) {
    throw new CkksError("wrong-level", `level: expected 1 to ${most} primes, got ${level}`);
  }
}

/** Throws CkksError `wrong-scale` for one that leaves no room in the level's modulus, or is no number. */
export function assertScale({ parameters }: Bounds, scale: number, level: number): void {
  if (!(scale >= 1) || Math.log2(scale) >= dataBits(parameters, level) - 1) {
    throw new CkksError("wrong-scale", `scale: expected 1 to the modulus of ${level} primes, got ${scale}`);
  }
}

/** Checks level, scale, lengths and residues of polynomials. Throws CkksError, `malformed` for the last two. */
export function assertRaw(bounds: Bounds, polys: readonly BigUint64Array[], level: number, scale: number): void {
  assertLevel(bounds, level);
  assertScale(bounds, scale, level);
  const expected = level * bounds.parameters.degree;
  for (const poly of polys) {
    if (poly.length !== expected) {
      throw new CkksError("malformed", `polynomial: expected ${expected} residues, got ${poly.length}`);
    }
    try {
      bounds.ring.assertReduced("polynomial", poly);
    } catch (cause) {
      throw new CkksError("malformed", "polynomial: at least one residue is not below its prime", { cause });
    }
  }
}

/** Throws RangeError unless both have one level and one scale; makes the scales exactly equal, as SEAL wants them. */
export function assertAlike(a: Ciphertext, b: Ciphertext | Plaintext): void {
  if (a.level !== b.level) throw new RangeError(`level: ${a.level} and ${b.level} primes do not add up`);
  if (Math.abs(a.scale / b.scale - 1) > SCALE_TOLERANCE) {
    throw new RangeError(`scale: ${a.scale} and ${b.scale} do not add up`);
  }
  if (a.scale !== b.scale) b.object.setScale(a.scale);
}

/** Throws RangeError unless the product has room, and where `b` is a plaintext of zeros: its product is no secret. */
export function assertProduct({ parameters }: Bounds, a: Ciphertext, b: Ciphertext | Plaintext): void {
  if (a.level !== b.level) throw new RangeError(`level: ${a.level} and ${b.level} primes do not multiply`);
  const room = dataBits(parameters, a.level);
  if (Math.log2(a.scale) + Math.log2(b.scale) >= room - 1) {
    throw new RangeError(`scale: the product of ${a.scale} and ${b.scale} leaves no room in ${room} bits`);
  }
  if (b instanceof Plaintext && b.object.isZero) throw new RangeError("plaintext: expected one that is not all zero");
}
