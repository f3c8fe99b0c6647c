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
export function polynomial(input: ReferenceInput): { tag: Buffer; coefficients: bigint[] } {
  return keyStream(input, 0, input.t - 1);
}

/** Tag of a reading shared by bits, and the coefficients of each bit's polynomial, lowest bit first. */
export function bitPolynomials(input: ReferenceInput, bits: number): { tag: Buffer; coefficients: bigint[][] } {
  const { tag, coefficients } = keyStream(input, 2 ** 16 + 256 * bits, bits * (input.t - 1));
  const of = (bit: number): bigint[] => coefficients.slice(bit * (input.t - 1), (bit + 1) * (input.t - 1));
  return { tag, coefficients: Array.from({ length: bits }, (_, bit) => of(bit)) };
}

/** The tag and so many elements, from the key stream's blocks from `first` on. */
function keyStream({ key, kind, slot, reading }: ReferenceInput, first: number, count: number) {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(slot, 0);
  nonce.writeBigUInt64BE(reading, 4);
  const groups: bigint[] = [];
  let tag = Buffer.alloc(8);
  for (let index = 0; index === 0 || groups.length < count; index++) {
    const block = keyStreamBlock(key, kind * 2 ** 24 + first + index, nonce);
    if (index === 0) tag = Buffer.from(block.subarray(0, 8));
    for (let at = index === 0 ? 8 : 0; at < 64; at += 8) {
      const candidate = block.readBigUInt64BE(at) & P;
      if (candidate !== P) groups.push(candidate);
    }
  }
  return { tag, coefficients: groups.slice(0, count) };
}

/** A subset's key and its members. */
export interface ReferenceKey {
  readonly members: readonly number[];
  readonly key: Uint8Array;
}

/** The share of aggregator x of a random polynomial of degree 2t - 2 that is 0 at 0, from all keys that it has. */
export function zeroShare(keys: readonly ReferenceKey[], nonce: Uint8Array, n: number, t: number, x: number): bigint {
  let share = 0n;
  for (const { members, key } of keys.filter((one) => one.members.includes(x))) {
    const others = Array.from({ length: n }, (_, i) => i + 1).filter((one) => !members.includes(one));
    const points = [{ x: 0, y: 1n }, ...others.map((one) => ({ x: one, y: 0n }))];
    const bytes = createHash("shake256", { outputLength: 16 * (t - 1) })
      .update(Buffer.concat([Buffer.from("wv/1 przs"), key, nonce]))
      .digest("hex");
    for (let power = 1; power < t; power++) {
      const drawn = BigInt(`0x${bytes.slice(32 * (power - 1), 32 * power)}`);
      share += drawn * lagrange(points, x) * BigInt(x) ** BigInt(power);
    }
  }
  return mod(share);
}

/** The weights of a range proof: lowest 61 bits of each 8 bytes of SHAKE-256 over label, challenge and place. */
export function rangeWeights(challenge: Uint8Array, use: string, meter: number, count: number): bigint[] {
  const place = Buffer.alloc(4);
  place.writeUInt32BE(meter);
  const bytes = createHash("shake256", { outputLength: 8 * count })
    .update(Buffer.concat([Buffer.from(`wv/1 range ${use}`), challenge, place]))
    .digest();
  return Array.from({ length: count }, (_, i) => bytes.readBigUInt64BE(8 * i) & P);
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
