/** What goes wrong on a serial line, from a seed. */

/** Mulberry32: uniform 32-bit numbers, the same for the same seed. */
export function randomSource(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof randomSource>;
type Mutation = (bytes: Buffer, random: Random) => Buffer;

const without = (bytes: Buffer, from: number, count: number): Buffer =>
  Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + count)]);
const withInserted = (bytes: Buffer, at: number, inserted: Uint8Array): Buffer =>
  Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
const bytesFrom = (random: Random, count: number): Buffer =>
  Buffer.from(Array.from({ length: count }, () => random(256)));

const MUTATIONS: readonly Mutation[] = [
  // One to four bits flip.
  (bytes, random) => {
    const flipped = Buffer.from(bytes);
    for (let count = 1 + random(4); count > 0; count--) flipped[random(flipped.length)]! ^= 1 << random(8);
    return flipped;
  },
  // A digit becomes another, as text would survive it.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    const at = random(changed.length);
    changed[at] = 0x30 + random(10);
    return changed;
  },
  // Bytes are lost, doubled, or come from elsewhere.
  (bytes, random) => without(bytes, random(bytes.length), 1 + random(30)),
  (bytes, random) => {
    const from = random(bytes.length);
    return withInserted(bytes, from, bytes.subarray(from, from + 1 + random(40)));
  },
  (bytes, random) => withInserted(bytes, random(bytes.length), bytesFrom(random, 1 + random(20))),
  // The beginning or the end is missing.
  (bytes, random) => bytes.subarray(random(bytes.length)),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  // Two places change places.
  (bytes, random) => {
    const [one, other] = [random(bytes.length), random(bytes.length)].sort((a, b) => a - b) as [number, number];
    return Buffer.concat([bytes.subarray(0, one), bytes.subarray(other), bytes.subarray(one, other)]);
  },
];

/** `bytes` with one to three disturbances. */
export function disturbed(bytes: Uint8Array, random: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let count = 1 + random(3); count > 0 && result.length > 0; count--) {
    result = Buffer.from(MUTATIONS[random(MUTATIONS.length)]!(result, random));
  }
  return result;
}

/** Random bytes, of which many are those that frame telegrams. */
export function noise(random: Random, framing: Uint8Array): Buffer {
  return Buffer.from(
    Array.from({ length: random(400) }, () => (random(3) === 0 ? framing[random(framing.length)]! : random(256))),
  );
}

/** `bytes` in portions of up to 97. */
export function chunks(bytes: Buffer, random: Random): Buffer[] {
  const cut: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + random(97);
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return cut;
}
