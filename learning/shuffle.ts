/** Orders that follow from a seed: training gives the same model every time. Not for secrets. */

/** A permutation of 0 to count - 1 (Fisher-Yates); the same for the same seed. */
export function permutation(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = splitMix(seed);
  for (let i = count - 1; i > 0; i -= 1) {
    const k = Math.floor(next() * (i + 1));
    const kept = order[i]!;
    order[i] = order[k]!;
    order[k] = kept;
  }
  return order;
}

/** Uniform numbers from 0 to below 1: the 32-bit finaliser of MurmurHash3 over a Weyl sequence. */
function splitMix(seed: number): () => number {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32;
  };
}
