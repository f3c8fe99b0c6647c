/**
 * Residues of one prime as a stream of bits: `bits` for each, lowest bit first, the last byte filled up with zeros.
 * One value has one encoding: residues not below the prime, wrong lengths and stray bits are refused.
 */
import { CkksError } from "../errors.ts";
import { loadRingModule, type RingExports } from "./ring-module.ts";

const MAX_BITS = 61;
/** Residues that are packed at once; a multiple of 8, so that each block begins with a byte. */
const BLOCK = 8192;
/** What the module writes or reads beyond a block's stream. */
const SPARE_BYTES = 16;

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
  const { wasm, residues, stream } = (workshop ??= openWorkshop());
  for (let from = 0; from < values.length; from += BLOCK) {
    const block = values.subarray(from, from + BLOCK);
    residues.set(block);
    const place = wasm.firstAbove(residues.byteOffset, block.length, 1n << BigInt(bits));
    if (place < block.length) throw new RangeError(`values[${from + place}]: expected at most ${bits} bits`);
    wasm.pack(stream.byteOffset, residues.byteOffset, block.length, BigInt(bits));
    bytes.set(stream.subarray(0, packedBytes(block.length, bits)), (from * bits) / 8);
  }
  return bytes;
}

/**
 * Unpacks `count` residues below `prime`. Throws CkksError `wrong-size` on another length, `malformed` on a number that
 * is no residue and on bits set in the filling.
 */
export function unpackResidues(bytes: Uint8Array, count: number, bits: number, prime: bigint): BigUint64Array {
  const values = new BigUint64Array(count);
  unpackInto(values, bytes, bits, prime);
  return values;
}

/** The same into `values`, which takes up all of the stream; it holds nothing of use after an error. */
export function unpackInto(values: BigUint64Array, bytes: Uint8Array, bits: number, prime: bigint): void {
  const count = values.length;
  const expected = packedBytes(count, bits);
  if (bytes.length !== expected) {
    throw new CkksError("wrong-size", `residues: expected ${expected} bytes, got ${bytes.length}`);
  }
  const { wasm, residues, stream } = (workshop ??= openWorkshop());
  for (let from = 0; from < count; from += BLOCK) {
    const length = Math.min(BLOCK, count - from);
    const start = (from * bits) / 8;
    stream.set(bytes.subarray(start, start + packedBytes(length, bits)));
    const place = wasm.unpack(residues.byteOffset, stream.byteOffset, length, bits, prime);
    if (place < length) throw new CkksError("malformed", `residues: number ${from + place} is not below its prime`);
    values.set(length === BLOCK ? residues : residues.subarray(0, length), from);
  }
  const filled = (count * bits) % 8;
  if (filled > 0 && bytes[expected - 1]! >> filled !== 0) {
    throw new CkksError("malformed", "residues: bits are set beyond the last one");
  }
}

/** Where a thread packs: ring.wat over a memory of its own, shared by all primes and degrees. */
interface Workshop {
  readonly wasm: RingExports;
  readonly residues: BigUint64Array;
  readonly stream: Uint8Array;
}

let workshop: Workshop | undefined;

function openWorkshop(): Workshop {
  const streamBytes = packedBytes(BLOCK, MAX_BITS) + SPARE_BYTES;
  const { exports, buffer } = loadRingModule(8 * BLOCK + streamBytes);
  return {
    wasm: exports,
    residues: new BigUint64Array(buffer, 0, BLOCK),
    stream: new Uint8Array(buffer, 8 * BLOCK, streamBytes),
  };
}
