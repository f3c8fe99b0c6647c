/**
 * SEAL 4.1's uncompressed serialization, read and written by hand, so that residues can be exchanged with our own ring
 * arithmetic and so that bytes are checked before SEAL sees them: a truncated load aborts the WebAssembly instance.
 *
 * header (16): magic 5E A1, header size 16, version 4.1, compression 0, reserved, total length (u64)
 * ciphertext:  parms_id (32), NTT flag (1), polynomials (8), N (8), primes (8), scale (f64), correction factor (8),
 *              array header (16), count (8), residues (8 each: polynomial, prime, coefficient). A public key is one.
 * plaintext and secret key: parms_id (32), count (8), scale (f64), array header (16), count (8), residues
 */
import { CkksError } from "../errors.ts";

/** Residues of a polynomial: prime after prime, `degree` each. */
export type RnsPoly = BigUint64Array;

/** A ciphertext as numbers. `level` is the number of its primes. */
export interface RawCiphertext {
  readonly polys: readonly RnsPoly[];
  readonly level: number;
  readonly scale: number;
  /** Whether the polynomials are in NTT form, in SEAL's order. SEAL computes on no other. */
  readonly ntt: boolean;
}

/** A plaintext polynomial in NTT form. */
export interface RawPlaintext {
  readonly poly: RnsPoly;
  readonly level: number;
  readonly scale: number;
}

const HEADER_BYTES = 16;
const MAGIC = Uint8Array.of(0x5e, 0xa1, HEADER_BYTES, 4, 1, 0, 0, 0);
const CIPHERTEXT_DATA = 113;
const PLAINTEXT_DATA = 88;
const PARMS_ID = { from: 16, to: 48 };

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function writeHeader(bytes: Uint8Array, at: number): void {
  bytes.set(MAGIC, at);
  viewOf(bytes).setBigUint64(at + 8, BigInt(bytes.length - at), true);
}

/**
 * Refuses what is not an uncompressed SEAL object of exactly these bytes. What stands inside is SEAL's to check; keys
 * come with a digest that is checked before they get here.
 */
export function assertSealObject(what: string, bytes: Uint8Array): void {
  const length = bytes.length < HEADER_BYTES ? -1n : viewOf(bytes).getBigUint64(8, true);
  if (length !== BigInt(bytes.length) || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    throw new CkksError(
      "malformed",
      `${what}: expected an uncompressed SEAL 4.1 object, got ${bytes.length} other bytes`,
    );
  }
}

/** What parameters a SEAL object says it belongs to. */
export function parmsIdOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(PARMS_ID.from, PARMS_ID.to);
}

/** Residues out of bytes at any offset. */
function residuesAt(bytes: Uint8Array, at: number, count: number): BigUint64Array {
  return new BigUint64Array(bytes.slice(at, at + 8 * count).buffer); // a copy: the offset is not a multiple of 8
}

function bytesOfResidues(residues: BigUint64Array): Uint8Array {
  return new Uint8Array(residues.buffer, residues.byteOffset, residues.byteLength);
}

export interface CiphertextHeader {
  readonly parmsId: Uint8Array;
  readonly ntt: boolean;
  readonly size: number;
  readonly degree: number;
  readonly level: number;
  readonly scale: number;
}

/** Reads the fields of a ciphertext and checks every length against them. */
export function readCiphertextHeader(bytes: Uint8Array): CiphertextHeader {
  assertSealObject("ciphertext", bytes);
  const malformed = (detail: string): CkksError => new CkksError("malformed", `ciphertext: ${detail}`);
  if (bytes.length < CIPHERTEXT_DATA)
    throw malformed(`expected at least ${CIPHERTEXT_DATA} bytes, got ${bytes.length}`);
  const view = viewOf(bytes);
  const [size, degree, level] = [49, 57, 65].map((at) => Number(view.getBigUint64(at, true))) as [
    number,
    number,
    number,
  ];
  const count = size * degree * level;
  if (!Number.isSafeInteger(count) || bytes.length !== CIPHERTEXT_DATA + 8 * count) {
    throw malformed(`${bytes.length} bytes do not hold ${size} polynomials of ${level} primes at degree ${degree}`);
  }
  if (view.getBigUint64(105, true) !== BigInt(count) || view.getBigUint64(81, true) !== 1n) {
    throw malformed("its inner lengths disagree with its outer ones");
  }
  if (bytes[48]! > 1) throw malformed(`NTT flag ${bytes[48]!} is neither 0 nor 1`);
  const inner = bytes.subarray(89);
  assertSealObject("ciphertext's residues", inner);
  return { parmsId: parmsIdOf(bytes), ntt: bytes[48] === 1, size, degree, level, scale: view.getFloat64(73, true) };
}

/** The polynomials of a ciphertext or public key whose header was read. */
export function readPolys(bytes: Uint8Array, header: CiphertextHeader): RnsPoly[] {
  const count = header.degree * header.level;
  return Array.from({ length: header.size }, (_, poly) => residuesAt(bytes, CIPHERTEXT_DATA + 8 * count * poly, count));
}

/** Writes what SEAL loads. Lengths are the caller's to have checked. */
export function writeCiphertext(raw: RawCiphertext, degree: number, parmsId: Uint8Array): Uint8Array {
  const count = raw.polys.reduce((sum, poly) => sum + poly.length, 0);
  const bytes = new Uint8Array(CIPHERTEXT_DATA + 8 * count);
  const view = viewOf(bytes);
  writeHeader(bytes, 0);
  bytes.set(parmsId, PARMS_ID.from);
  bytes[48] = raw.ntt ? 1 : 0;
  view.setBigUint64(49, BigInt(raw.polys.length), true);
  view.setBigUint64(57, BigInt(degree), true);
  view.setBigUint64(65, BigInt(raw.level), true);
  view.setFloat64(73, raw.scale, true);
  view.setBigUint64(81, 1n, true);
  writeHeader(bytes, 89);
  view.setBigUint64(105, BigInt(count), true);
  let at = CIPHERTEXT_DATA;
  for (const poly of raw.polys) {
    bytes.set(bytesOfResidues(poly), at);
    at += poly.byteLength;
  }
  return bytes;
}

/** Reads a plaintext or a secret key; `primes` tells how many residues per coefficient it must have. */
export function readPlaintext(bytes: Uint8Array, degree: number, primes: number): { poly: RnsPoly; scale: number } {
  assertSealObject("plaintext", bytes);
  const count = degree * primes;
  if (bytes.length !== PLAINTEXT_DATA + 8 * count) {
    throw new CkksError("malformed", `plaintext: expected ${PLAINTEXT_DATA + 8 * count} bytes, got ${bytes.length}`);
  }
  return { poly: residuesAt(bytes, PLAINTEXT_DATA, count), scale: viewOf(bytes).getFloat64(56, true) };
}

/** Writes a plaintext or a secret key that SEAL loads. */
export function writePlaintext(poly: RnsPoly, scale: number, parmsId: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(PLAINTEXT_DATA + poly.byteLength);
  const view = viewOf(bytes);
  writeHeader(bytes, 0);
  bytes.set(parmsId, PARMS_ID.from);
  view.setBigUint64(48, BigInt(poly.length), true);
  view.setFloat64(56, scale, true);
  writeHeader(bytes, 64);
  view.setBigUint64(80, BigInt(poly.length), true);
  bytes.set(bytesOfResidues(poly), PLAINTEXT_DATA);
  return bytes;
}
