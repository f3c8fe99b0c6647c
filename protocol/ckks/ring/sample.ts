/**
 * Small random polynomials, as signed coefficients, from a source of random bytes. From a seeded source the same seed
 * gives the same polynomial on every machine: what several parties must derive alike.
 */
import { createCipheriv, createHmac } from "node:crypto";

/** Random bytes: node:crypto's randomBytes where secrecy counts, a seeded source where all must agree. */
export type RandomBytes = (count: number) => Uint8Array;

const SEED_BYTES = 32;

/**
 * The ChaCha20 key stream (RFC 8439, from block 0, nonce 0) under HMAC-SHA256(seed, label). The label keeps streams of
 * one seed for different purposes apart. Throws RangeError unless the seed has 32 bytes.
 */
export function seededBytes(seed: Uint8Array, label: string): RandomBytes {
  if (seed.length !== SEED_BYTES) throw new RangeError(`seed: expected ${SEED_BYTES} bytes, got ${seed.length}`);
  const key = createHmac("sha256", seed).update(label).digest();
  const cipher = createCipheriv("chacha20", key, new Uint8Array(16));
  return (count) => cipher.update(new Uint8Array(count));
}

/** Coefficients -1, 0 and 1, each a third: SEAL's secret and encryption randomness. */
export function ternary(count: number, random: RandomBytes): Int32Array {
  const values = new Int32Array(count);
  let found = 0;
  while (found < count) {
    // Pairs of bits, lowest first; a pair of ones is passed over.
    for (const byte of random(Math.ceil((count - found) / 3))) {
      for (let shift = 0; shift < 8 && found < count; shift += 2) {
        const pair = (byte >>> shift) & 3;
        if (pair < 3) values[found++] = pair - 1;
      }
    }
  }
  return values;
}

/** Ones among 21 bits, less ones among 21 others: variance 10.5, at most 21. SEAL's noise, from the same six bytes. */
export function centredBinomial(count: number, random: RandomBytes): Int32Array {
  const bytes = random(6 * count);
  const values = new Int32Array(count);
  for (let index = 0; index < count; index++) {
    const at = 6 * index;
    const plus = bytes[at]! | (bytes[at + 1]! << 8) | ((bytes[at + 2]! & 0x1f) << 16);
    const minus = bytes[at + 3]! | (bytes[at + 4]! << 8) | ((bytes[at + 5]! & 0x1f) << 16);
    values[index] = ones(plus) - ones(minus);
  }
  return values;
}

/** Uniform residues of a prime, by rejection. */
export function uniform(count: number, prime: bigint, random: RandomBytes): BigUint64Array {
  const mask = (1n << BigInt(prime.toString(2).length)) - 1n;
  const values = new BigUint64Array(count);
  let found = 0;
  while (found < count) {
    const bytes = random(8 * (count - found));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 8) {
      const candidate = view.getBigUint64(at, true) & mask;
      if (candidate < prime) values[found++] = candidate;
    }
  }
  return values;
}

function ones(word: number): number {
  let rest = word - ((word >>> 1) & 0x5555_5555);
  rest = (rest & 0x3333_3333) + ((rest >>> 2) & 0x3333_3333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
