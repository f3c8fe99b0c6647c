/**
 * A meter's ciphertext as it travels: canonical CBOR [2, parameters, series, first slot, slots, stride, c0, c1, epoch,
 * proof], residues bit-packed prime after prime; the epoch names the public key, since keys of one set look alike. With a
 * stride above 1 the plaintext is a polynomial in X^stride, and of c0 only the coefficients at its multiples are sent:
 * sums need no others, products do. The proof that its sender made it (authorship/) is for all that stands before it. A
 * meter vouches for the digest of all bytes, so one ciphertext has one encoding, and whatever else is refused.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { byteString } from "../bytes.ts";
import { decodeCbor, encodeCbor } from "../cbor.ts";
import { seriesName } from "../names.ts";
import { MAX_SLOT } from "../slots.ts";
import { CkksError } from "./errors.ts";
import { dataLevels } from "./parameters.ts";
import type { CkksParameters } from "./parameters.ts";
import { bitsOfPrime, packedBytes, packResidues, unpackInto } from "./ring/index.ts";
import type { Ring, RnsPoly } from "./ring/index.ts";
import type { RawCiphertext } from "./seal/layout.ts";

/** What packing needs to know of an engine; a CkksEngine is one. */
export interface PackingRing {
  readonly parameters: CkksParameters;
  readonly id: Uint8Array;
  readonly ring: Ring;
}

/** Which slots a ciphertext holds. */
export interface Window {
  readonly series: string;
  readonly firstSlot: number;
  readonly slots: number;
  /** Of the key that it is encrypted under; 1, the first dealing, where it is left out. */
  readonly epoch?: number;
}

/** A ciphertext out of a message; its scale is the parameters'. */
export interface PackedWindow extends Window {
  readonly epoch: number;
  readonly stride: number;
  readonly level: number;
  /** stride 1: NTT form. Else the coefficients at multiples of the stride, prime-major. */
  readonly c0: RnsPoly;
  /** NTT form. */
  readonly c1: RnsPoly;
  /** Everything before the proof, as it was read. */
  readonly content: Uint8Array;
  /** That its sender made it; empty where there is none. Not looked at here. */
  readonly proof: Uint8Array;
}

const VERSION = 2;
/** Major type of CBOR's byte strings. */
const CBOR_BYTES = 0x40;
const FIRST_EPOCH = 1;
const MAX_EPOCH = 0xffff;

const layout = z.tuple([
  z.literal(VERSION),
  byteString,
  seriesName,
  z.int().min(0).max(MAX_SLOT),
  z.int().min(1),
  z.int().min(1),
  byteString,
  byteString,
  z.int().min(FIRST_EPOCH).max(MAX_EPOCH),
  byteString,
]);

/** How many slots a window of `slots` repeats after: the next power of two. */
export function periodOf(slots: number): number {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`slots: expected a positive integer, got ${slots}`);
  return 2 ** Math.ceil(Math.log2(slots));
}

/** The stride of a window's plaintext: N / (2 period), 1 at full packing. Throws RangeError for more slots than fit. */
export function strideOf(slots: number, degree: number): number {
  const stride = degree / (2 * periodOf(slots));
  if (stride < 1) throw new RangeError(`slots: expected at most ${degree / 2}, got ${slots}`);
  return stride;
}

/** Repeats a window until it fills all slots, zeros between it and its period. */
export function repeatWindow(values: ArrayLike<number>, slots: number): Float64Array {
  const period = periodOf(values.length);
  if (period > slots) throw new RangeError(`values: expected at most ${slots}, got ${values.length}`);
  const repeated = new Float64Array(slots);
  for (let start = 0; start < slots; start += period) repeated.set(Float64Array.from(values), start);
  return repeated;
}

/** The coefficients at multiples of `stride`, prime-major, out of a polynomial in coefficient form. */
export function pickCoefficients(poly: RnsPoly, degree: number, stride: number): RnsPoly {
  if (poly.length % degree !== 0) {
    throw new RangeError(`poly: expected a multiple of ${degree} residues, got ${poly.length}`);
  }
  const picked = new BigUint64Array(poly.length / stride);
  for (let index = 0; index < picked.length; index++) picked[index] = poly[index * stride]!;
  return picked;
}

/** The reverse: a polynomial in coefficient form that is zero elsewhere. */
function spreadCoefficients(picked: RnsPoly, degree: number, stride: number): RnsPoly {
  const poly = new BigUint64Array(picked.length * stride);
  if (poly.length % degree !== 0) {
    throw new RangeError(`picked: expected a multiple of ${degree / stride} residues, got ${picked.length}`);
  }
  for (let index = 0; index < picked.length; index++) poly[index * stride] = picked[index]!;
  return poly;
}

/**
 * What a meter sends. `prove` gets what stands before the proof; without it the proof is empty, and nobody will take the
 * ciphertext. Throws RangeError unless the ciphertext is fresh: two polynomials in NTT form.
 */
export function packCiphertext(
  at: PackingRing,
  window: Window,
  raw: RawCiphertext,
  stride: number,
  prove: (content: Uint8Array) => Uint8Array = () => new Uint8Array(),
): Uint8Array {
  const [c0, c1] = raw.polys;
  if (raw.polys.length !== 2 || c0 === undefined || c1 === undefined || !raw.ntt) {
    throw new RangeError("ciphertext: expected two polynomials in NTT form");
  }
  if (raw.scale !== 2 ** at.parameters.scaleBits) {
    throw new RangeError(`scale: expected that of fresh ciphertexts, got ${raw.scale}`);
  }
  const { degree } = at.parameters;
  assertStride(window.slots, stride, degree);
  const first = stride === 1 ? c0 : pickCoefficients(at.ring.inverse(c0.slice()), degree, stride);
  const { series, firstSlot, slots, epoch = FIRST_EPOCH } = window;
  if (!Number.isInteger(epoch) || epoch < FIRST_EPOCH || epoch > MAX_EPOCH) {
    throw new RangeError(`epoch: expected ${FIRST_EPOCH} to ${MAX_EPOCH}, got ${epoch}`);
  }
  const halves = [packPoly(at, first, raw.level), packPoly(at, c1, raw.level)];
  const content = encodeCbor([VERSION, at.id, series, firstSlot, slots, stride, ...halves, epoch]);
  content[0]! += 1; // the proof
  const proof = prove(content);
  return Uint8Array.from(Buffer.concat([content, byteStringHead(proof.length), proof]));
}

/**
 * The parameters' id and the epoch of a meter's ciphertext, which say what to unpack it with; for one whose residues are
 * not read yet. Throws CkksError `malformed`.
 */
export function packedKeys(bytes: Uint8Array): { id: Uint8Array; epoch: number; series: string; firstSlot: number } {
  const parsed = layout.safeParse(decoded(bytes));
  if (!parsed.success) throw new CkksError("malformed", `packed ciphertext: ${z.prettifyError(parsed.error)}`);
  const [, id, series, firstSlot, , , , , epoch] = parsed.data;
  return { id: Uint8Array.from(id), epoch, series, firstSlot };
}

/**
 * Reads what a meter sent. Throws CkksError: `malformed`, `wrong-parameters`, `wrong-window`, `wrong-level`,
 * `wrong-size`. `level` is the number of primes that the installation has fixed for the series.
 */
export function unpackCiphertext(at: PackingRing, bytes: Uint8Array, level: number): PackedWindow {
  const { degree } = at.parameters;
  const parsed = layout.safeParse(decoded(bytes));
  if (!parsed.success) {
    throw new CkksError("malformed", `packed ciphertext: ${z.prettifyError(parsed.error)}`);
  }
  const [, id, series, firstSlot, slots, stride, first, second, epoch, proof] = parsed.data;
  if (Buffer.compare(id, at.id) !== 0) {
    throw new CkksError("wrong-parameters", `packed ciphertext: expected parameter set ${at.parameters.name}`);
  }
  if (slots > degree / 2 || firstSlot + slots - 1 > MAX_SLOT) {
    throw new CkksError("wrong-window", `packed ciphertext: ${slots} slots from ${firstSlot} on do not exist or fit`);
  }
  if (stride !== 1 && stride !== strideOf(slots, degree)) {
    throw new CkksError("wrong-window", `packed ciphertext: stride ${stride} does not belong to ${slots} slots`);
  }
  assertLength(at, second, degree, level);
  const c0 = unpackPoly(at, first, degree / stride, level);
  const window = { series, firstSlot, slots, epoch, stride, level, c0, c1: unpackPoly(at, second, degree, level) };
  const start = encodeCbor([VERSION, at.id, series, firstSlot, slots, stride]);
  return { ...window, content: canonicalContent(bytes, start, [first, second, proof], epoch), proof };
}

/**
 * One ciphertext, one digest: another way to write the same numbers is another ciphertext, and is refused. The halves are
 * compared where they stand, which is several times faster than to encode them again. Returns what the proof is for.
 */
function canonicalContent(
  bytes: Uint8Array,
  start: Uint8Array,
  strings: readonly Uint8Array[],
  epoch: number,
): Uint8Array {
  start[0]! += strings.length + 1;
  const [c0, c1, last] = strings.map((item) => [byteStringHead(item.length), item]);
  const content = [start, ...c0!, ...c1!, encodeCbor(epoch)];
  const end = content.reduce((sum, { length }) => sum + length, 0);
  let at = 0;
  for (const part of [...content, ...last!]) {
    if (Buffer.compare(part, bytes.subarray(at, at + part.length)) !== 0) {
      throw new CkksError("malformed", "packed ciphertext: it is not written in the canonical way");
    }
    at += part.length;
  }
  if (at !== bytes.length) throw new CkksError("malformed", "packed ciphertext: something stands behind it");
  return bytes.subarray(0, end);
}

/** What CBOR writes before a byte string, in the shortest form (RFC 8949, 3 and 4.2.1). */
function byteStringHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(CBOR_BYTES + length);
  if (length < 2 ** 8) return Uint8Array.of(CBOR_BYTES + 24, length);
  if (length < 2 ** 16) return Uint8Array.of(CBOR_BYTES + 25, length >> 8, length & 0xff);
  return Uint8Array.of(CBOR_BYTES + 26, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff);
}

/** SHA-256 of the packed bytes: what a meter vouches for to the aggregators. */
export function packedDigest(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash("sha256").update(bytes).digest());
}

/**
 * A ciphertext that SEAL computes on. Where c0 was cut to the stride's classes, the others are zero: what they hold
 * is meaningless then, but linear operations with plaintexts of the same stride never mix the classes.
 */
export function rawOfPacked(
  at: PackingRing,
  packed: Pick<PackedWindow, "stride" | "level" | "c0" | "c1">,
): RawCiphertext {
  const { stride, level, c0, c1 } = packed;
  const { degree, scaleBits } = at.parameters;
  const whole = stride === 1 ? c0 : at.ring.forward(spreadCoefficients(c0, degree, stride));
  return { polys: [whole, c1], level, scale: 2 ** scaleBits, ntt: true };
}

/** Bytes of a packed ciphertext without its proof and its few bytes of framing. */
export function packedSize(at: PackingRing, level: number, stride: number): number {
  const { degree } = at.parameters;
  return sizeOf(at, degree / stride, level) + sizeOf(at, degree, level);
}

function assertStride(slots: number, stride: number, degree: number): void {
  const expected = strideOf(slots, degree);
  if (stride !== 1 && stride !== expected) throw new RangeError(`stride: expected 1 or ${expected}, got ${stride}`);
}

function decoded(bytes: Uint8Array): unknown {
  try {
    return decodeCbor(bytes);
  } catch (cause) {
    throw new CkksError("malformed", "packed ciphertext: expected one CBOR item", { cause });
  }
}

function sizeOf(at: PackingRing, count: number, level: number): number {
  const primes = at.ring.primes.slice(0, level);
  return primes.reduce((sum, prime) => sum + packedBytes(count, bitsOfPrime(prime)), 0);
}

/** A ciphertext at another level has another length; that mistake has its own name. */
function assertLength(at: PackingRing, bytes: Uint8Array, count: number, level: number): void {
  if (bytes.length === sizeOf(at, count, level)) return;
  for (let other = 1; other <= dataLevels(at.parameters); other++) {
    if (bytes.length === sizeOf(at, count, other)) {
      throw new CkksError("wrong-level", `packed ciphertext: expected ${level} primes, got ${other}`);
    }
  }
  throw new CkksError(
    "wrong-size",
    `packed ciphertext: expected ${sizeOf(at, count, level)} bytes, got ${bytes.length}`,
  );
}

function packPoly(at: PackingRing, poly: RnsPoly, level: number): Uint8Array {
  const count = poly.length / level;
  const bytes = new Uint8Array(sizeOf(at, count, level));
  let from = 0;
  for (let index = 0; index < level; index++) {
    const part = packResidues(poly.subarray(index * count, (index + 1) * count), bitsOfPrime(at.ring.primes[index]!));
    bytes.set(part, from);
    from += part.length;
  }
  return bytes;
}

function unpackPoly(at: PackingRing, bytes: Uint8Array, count: number, level: number): RnsPoly {
  const expected = sizeOf(at, count, level);
  if (bytes.length !== expected) {
    throw new CkksError("wrong-size", `packed ciphertext: expected ${expected} bytes, got ${bytes.length}`);
  }
  const poly = new BigUint64Array(count * level);
  let from = 0;
  for (let index = 0; index < level; index++) {
    const prime = at.ring.primes[index]!;
    const bits = bitsOfPrime(prime);
    const to = from + packedBytes(count, bits);
    unpackInto(poly.subarray(index * count, (index + 1) * count), bytes.subarray(from, to), bits, prime);
    from = to;
  }
  return poly;
}
