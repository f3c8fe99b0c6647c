/**
 * One aggregator's share of the joint secret key: for every prime and NTT coefficient the value at `index` of a
 * polynomial of degree t - 1 whose value at 0 is the secret's. Also its file: header, residues, checksum.
 */
import { createHash } from "node:crypto";
import { CkksError } from "../errors.ts";
import { inverseMod, residue } from "../ring/modular.ts";
import type { Ring, RnsPoly } from "../ring/ring.ts";

export interface KeyShare {
  /** The point of this share, from 1 to n. */
  readonly index: number;
  readonly t: number;
  readonly n: number;
  /** Residues in NTT form, for every prime that ciphertexts have (not the special one, which no opening needs). */
  readonly poly: RnsPoly;
}

const MAX_SHARES = 255;
const MAGIC = Uint8Array.of(0x57, 0x56, 0x4b, 0x53); // WVKS
const VERSION = 1;
const RING_AT = 8;
const RESIDUES_AT = 16;
const CHECKSUM_BYTES = 32;

/** Throws RangeError unless 1 <= t <= n <= 255. */
export function assertDealing(n: number, t: number): void {
  if (!Number.isInteger(n) || n < 1 || n > MAX_SHARES) {
    throw new RangeError(`n: expected an integer from 1 to ${MAX_SHARES}, got ${n}`);
  }
  if (!Number.isInteger(t) || t < 1 || t > n) throw new RangeError(`t: expected an integer from 1 to ${n}, got ${t}`);
}

/** The weight of share `index` when the shares of `active` are combined: Lagrange's coefficient at 0. */
export function lagrangeAtZero(active: readonly number[], index: number, prime: bigint): bigint {
  let numerator = 1n;
  let denominator = 1n;
  for (const other of active) {
    if (other === index) continue;
    numerator = residue(numerator * BigInt(other), prime);
    denominator = residue(denominator * BigInt(other - index), prime);
  }
  return (numerator * inverseMod(denominator, prime)) % prime;
}

/** Eight bytes that name a ring, so that a share of other parameters is refused. */
function ringId(ring: Ring, primes: number): Uint8Array {
  const text = [ring.degree, ...ring.primes.slice(0, primes)].join(" ");
  return createHash("sha256").update(text).digest().subarray(0, 8);
}

/** The bytes of a share's file. They are secret. */
export function encodeShare(ring: Ring, share: KeyShare): Uint8Array {
  assertDealing(share.n, share.t);
  const primes = ring.primeCount(share.poly);
  const bytes = new Uint8Array(RESIDUES_AT + share.poly.byteLength + CHECKSUM_BYTES);
  bytes.set(MAGIC);
  bytes.set([VERSION, share.n, share.t, share.index], MAGIC.length);
  bytes.set(ringId(ring, primes), RING_AT);
  bytes.set(new Uint8Array(share.poly.buffer, share.poly.byteOffset, share.poly.byteLength), RESIDUES_AT);
  const end = bytes.length - CHECKSUM_BYTES;
  bytes.set(createHash("sha256").update(bytes.subarray(0, end)).digest(), end);
  return bytes;
}

/**
 * Reads a share for the first `primes` primes of `ring`. Throws CkksError: `wrong-size` on another length,
 * `wrong-parameters` on a share of another ring, `malformed` on anything else that encodeShare does not write.
 */
export function decodeShare(ring: Ring, bytes: Uint8Array, primes: number): KeyShare {
  const count = ring.zero(primes).length;
  const expected = RESIDUES_AT + 8 * count + CHECKSUM_BYTES;
  if (bytes.length !== expected) {
    throw new CkksError("wrong-size", `key share: expected ${expected} bytes, got ${bytes.length}`);
  }
  const [version, n, t, index] = bytes.subarray(MAGIC.length, RING_AT) as unknown as [number, number, number, number];
  if (MAGIC.some((byte, at) => bytes[at] !== byte) || version !== VERSION) {
    throw new CkksError("malformed", "key share: this is no key share of version 1");
  }
  const end = bytes.length - CHECKSUM_BYTES;
  if (!createHash("sha256").update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end))) {
    throw new CkksError("malformed", "key share: its checksum does not fit its content");
  }
  if (ringId(ring, primes).some((byte, at) => bytes[RING_AT + at] !== byte)) {
    throw new CkksError("wrong-parameters", "key share: it belongs to other parameters");
  }
  if (n < 1 || t < 1 || t > n || index < 1 || index > n) {
    throw new CkksError("malformed", `key share: number ${index}, ${t} of ${n}, is none that a dealing gives`);
  }
  const poly = new BigUint64Array(bytes.slice(RESIDUES_AT, end).buffer);
  try {
    ring.assertReduced("key share", poly);
  } catch (cause) {
    throw new CkksError("malformed", "key share: it holds numbers that are no residues", { cause });
  }
  return { index, t, n, poly };
}
