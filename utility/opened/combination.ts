/**
 * The mathematics of an opening: first halves and parts in, slots out. Without I/O. First halves are randomised here, as
 * aggregators randomised the second ones: analytics has no say in it. Holds no secret; without t parts the first halves
 * are noise to it.
 */
import { CkksError } from "../../protocol/ckks/errors.ts";
import { bitsOfPrime, packedBytes, type Ring, type RnsPoly, unpackResidues } from "../../protocol/ckks/ring/index.ts";
import { combine, toSlots } from "../../protocol/ckks/threshold/combine.ts";
import { type PublicKeyPolys, randomiseC0, zeroEncryption } from "../../protocol/ckks/threshold/index.ts";

export interface OutputParts {
  readonly level: number;
  readonly scale: number;
  /** Of the encryption of zero. */
  readonly seed: Uint8Array;
  /** Coefficients at multiples of the stride, bit-packed prime after prime, not yet randomised. */
  readonly c0: Uint8Array;
  /** By aggregator. */
  readonly partials: readonly (readonly [aggregator: number, bytes: Uint8Array])[];
}

export interface OpenedOutput {
  /** The slots of one period. */
  readonly slots: Float64Array;
  /** The largest imaginary part: all values are real, so it is noise. */
  readonly imaginary: number;
}

/** What first halves are randomised with. */
export interface OpeningKey {
  /** All primes. */
  readonly ring: Ring;
  readonly publicKey: PublicKeyPolys;
}

/** What an aggregator sent is no part. */
export class PartialError extends Error {
  readonly aggregator: number;

  constructor(aggregator: number, detail: string) {
    super(`aggregator ${aggregator}: ${detail}`);
    this.name = "PartialError";
    this.aggregator = aggregator;
  }
}

/** Throws CkksError where the first half is malformed, PartialError where a part is. */
export function openOutput({ ring, publicKey }: OpeningKey, stride: number, output: OutputParts): OpenedOutput {
  const { level, scale, seed } = output;
  const width = ring.degree / stride;
  const half = unpackHalf(ring, output.c0, width, level);
  const c0 = randomiseC0(ring, half, zeroEncryption({ ring, publicKey, level, seed }), stride);
  const partials = output.partials.map(([aggregator, bytes]) => {
    try {
      return unpackHalf(ring, bytes, width, level);
    } catch (error) {
      if (error instanceof CkksError) throw new PartialError(aggregator, error.message);
      throw error;
    }
  });
  const { real, imaginary } = toSlots(ring, combine({ ring, c0, partials, stride }), scale, stride);
  return { slots: real, imaginary: imaginary.reduce((most, value) => Math.max(most, Math.abs(value)), 0) };
}

/** Residues of `width` coefficients, prime-major. Throws CkksError. */
function unpackHalf(ring: Ring, bytes: Uint8Array, width: number, level: number): RnsPoly {
  const poly = new BigUint64Array(width * level);
  let from = 0;
  for (const [index, prime] of ring.primes.slice(0, level).entries()) {
    const bits = bitsOfPrime(prime);
    const to = from + packedBytes(width, bits);
    poly.set(unpackResidues(bytes.subarray(from, to), width, bits, prime), index * width);
    from = to;
  }
  if (from !== bytes.length) throw new CkksError("wrong-size", `residues: expected ${from} bytes, got ${bytes.length}`);
  return poly;
}
