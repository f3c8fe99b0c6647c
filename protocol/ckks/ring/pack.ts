/**
 * Residues of one prime as a stream of bits: `bits` for each, lowest bit first, the last byte filled up with zeros.
 * One value has one encoding: residues not below the prime, wrong lengths and stray bits are refused.
 */
import { CkksError } from "../errors.ts";

const MAX_BITS = 61;

/** Bytes that `count` residues of `bits` bits take. */
export function packedBytes(count: number, bits: number): number {
  if (!Number.isInteger(bits) || bits < 1 || bits > MAX_BITS) {
    throw new RangeError(`bits: expected an integer from 1 to ${MAX_BITS}, got ${bits}`);
  }
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`count: expected 0 or more, got ${count}`);
  return Math.ceil((count * bits) / 8);
}

/** Bits that hold every residue of a prime. */
export function bitsOfPrime(prime: bigint): number {
  return (prime - 1n).toString(2).length;
}

/** Packs residues. Throws RangeError, naming the place, when one has more than `bits` bits. */
export function packResidues(values: BigUint64Array, bits: number): Uint8Array {
  const bytes = new Uint8Array(packedBytes(values.length, bits));
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  let held = 0; // below 8 between values
  let heldBits = 0;
  let at = 0;
  for (let index = 0; index < values.length; index++) {
    const low = words[2 * index]!;
    const high = words[2 * index + 1]!;
    if (bits <= 32 ? high !== 0 || (bits < 32 && low >>> bits !== 0) : high >>> (bits - 32) !== 0) {
      throw new RangeError(`values[${index}]: expected at most ${bits} bits`);
    }
    for (let shift = 0; shift < bits; shift += 16) {
      const word = shift < 32 ? low : high;
      held |= ((word >>> (shift & 31)) & 0xffff) << heldBits;
      heldBits += Math.min(16, bits - shift);
      while (heldBits >= 8) {
        bytes[at++] = held & 0xff;
        held >>>= 8;
        heldBits -= 8;
      }
    }
  }
  if (heldBits > 0) bytes[at] = held;
  return bytes;
}

/**
 * Unpacks `count` residues below `prime`. Throws CkksError `wrong-size` on another length, `malformed` on a number that
 * is no residue and on bits set in the filling.
 */
export function unpackResidues(bytes: Uint8Array, count: number, bits: number, prime: bigint): BigUint64Array {
  const expected = packedBytes(count, bits);
  if (bytes.length !== expected) {
    throw new CkksError("wrong-size", `residues: expected ${expected} bytes, got ${bytes.length}`);
  }
  const values = new BigUint64Array(count);
  const words = new Uint32Array(values.buffer);
  const primeLow = Number(prime & 0xffff_ffffn);
  const primeHigh = Number(prime >> 32n);
  let held = 0;
  let heldBits = 0;
  let at = 0;
  for (let index = 0; index < count; index++) {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < bits; shift += 16) {
      const wanted = Math.min(16, bits - shift);
      while (heldBits < wanted) {
        held |= bytes[at++]! << heldBits;
        heldBits += 8;
      }
      const part = held & ((1 << wanted) - 1);
      held >>>= wanted;
      heldBits -= wanted;
      if (shift < 32) low |= part << shift;
      else high |= part << (shift - 32);
    }
    low >>>= 0;
    high >>>= 0;
    if (high > primeHigh || (high === primeHigh && low >= primeLow)) {
      throw new CkksError("malformed", `residues: number ${index} is not below its prime`);
    }
    words[2 * index] = low;
    words[2 * index + 1] = high;
  }
  if (held !== 0) throw new CkksError("malformed", "residues: bits are set beyond the last one");
  return values;
}
