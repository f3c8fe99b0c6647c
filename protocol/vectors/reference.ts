/**
 * A second, plain implementation of the mathematics: BigInt, text-book formulas, node:crypto's own ChaCha20.
 * The vectors are made with it, so that they test the fast code and do not echo it. Slow on purpose; it shares
 * no code with what it checks.
 */
import { createCipheriv, createHash } from "node:crypto";

const P = 2n ** 61n - 1n;

/** a modulo p, never negative. */
export function mod(a: bigint): bigint {
  return ((a % P) + P) % P;
}

/** 1 / a by Euclid's extended algorithm. */
export function invert(a: bigint): bigint {
  let [r0, r1] = [P, mod(a)];
  let [s0, s1] = [0n, 1n];
  while (r1 !== 0n) {
    const quotient = r0 / r1;
    [r0, r1] = [r1, r0 - quotient * r1];
    [s0, s1] = [s1, s0 - quotient * s1];
  }
  return mod(s0);
}

/** f(x) by powers of x, lowest coefficient first. */
export function evaluate(polynomial: readonly bigint[], x: bigint): bigint {
  return mod(polynomial.reduce((sum, coefficient, power) => sum + coefficient * x ** BigInt(power), 0n));
}

/** The value at `at` of the polynomial of least degree through the points. */
export function lagrange(points: readonly { readonly x: number; readonly y: bigint }[], at = 0): bigint {
  let sum = 0n;
  for (const own of points) {
    let term = own.y;
    for (const other of points) {
      if (other !== own) term = mod(term * BigInt(at - other.x) * invert(BigInt(own.x - other.x)));
    }
    sum += term;
  }
  return mod(sum);
}

/** One ChaCha20 block by OpenSSL, whose 16-byte IV is the counter (little endian) and the nonce. */
function keyStreamBlock(key: Uint8Array, counter: number, nonce: Uint8Array): Buffer {
  const iv = Buffer.alloc(16);
  iv.writeUInt32LE(counter, 0);
  iv.set(nonce, 4);
  return createCipheriv("chacha20", key, iv).update(Buffer.alloc(64));
}

/** The inputs of a polynomial, as in the wire protocol. */
export interface ReferenceInput {
  readonly key: Uint8Array;
  readonly kind: number;
  readonly slot: number;
  readonly reading: bigint;
  readonly t: number;
}

/** Tag and coefficients of a reading's polynomial, straight from the wording of the protocol. */
export function polynomial({ key, kind, slot, reading, t }: ReferenceInput): { tag: Buffer; coefficients: bigint[] } {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(slot, 0);
  nonce.writeBigUInt64BE(reading, 4);
  const groups: bigint[] = [];
  let tag = Buffer.alloc(8);
  for (let index = 0; index === 0 || groups.length < t - 1; index++) {
    const block = keyStreamBlock(key, kind * 2 ** 24 + index, nonce);
    if (index === 0) tag = Buffer.from(block.subarray(0, 8));
    for (let at = index === 0 ? 8 : 0; at < 64; at += 8) {
      const candidate = block.readBigUInt64BE(at) & P;
      if (candidate !== P) groups.push(candidate);
    }
  }
  return { tag, coefficients: groups.slice(0, t - 1) };
}

/** The Merkle tree hash by its recursive definition in RFC 6962, section 2.1. */
export function treeHash(leaves: readonly Uint8Array[]): Buffer {
  const sha256 = (...parts: Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
  const [only] = leaves;
  if (only === undefined) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), only);
  let half = 1;
  while (2 * half < leaves.length) half *= 2;
  return sha256(Uint8Array.of(1), treeHash(leaves.slice(0, half)), treeHash(leaves.slice(half)));
}

/** A stream of bytes from a seed: SHA-256(seed, counter), block by block. */
export function seededBytes(seed: string): (length: number) => Buffer {
  let counter = 0;
  let rest = Buffer.alloc(0);
  return (length) => {
    while (rest.length < length) {
      rest = Buffer.concat([rest, createHash("sha256").update(`${seed} ${counter++}`).digest()]);
    }
    const bytes = rest.subarray(0, length);
    rest = rest.subarray(length);
    return bytes;
  };
}
