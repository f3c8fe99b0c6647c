/**
 * Random weights for tests of shares: of values that were fixed before the weights could be known, and are not all 0, the
 * weighted sum is 0 by one chance in 2^60 at most.
 */

/** Random bytes of a weight. */
export const WEIGHT_BYTES = 8;

/**
 * Weights as limbs (`limbsOf`), three doubles each, from random bytes, WEIGHT_BYTES for each: big endian, of which the
 * lowest 61 bits count. p is among them, and stands for 0: so 0 is twice as likely as any other element, 2^-60.
 */
export function weightLimbs(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const count = bytes.length / WEIGHT_BYTES;
  const limbs = new Float64Array(3 * count);
  for (let index = 0; index < count; index++) {
    const high = view.getUint32(WEIGHT_BYTES * index);
    const low = view.getUint32(WEIGHT_BYTES * index + 4);
    limbs[3 * index] = low & 0x1f_ffff;
    limbs[3 * index + 1] = (low >>> 21) | ((high & 0x3ff) << 11);
    limbs[3 * index + 2] = (high & 0x1fff_ffff) >>> 10;
  }
  return limbs;
}
