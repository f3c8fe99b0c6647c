/** The tree of RFC 6962, computed anew from the entries: roots of every length, and paths. Own code but for SHA-256. */
import { createHash } from "node:crypto";

export class PlainTree {
  readonly #leaves: readonly Buffer[];
  /** Hashes of complete subtrees, by level and place. */
  readonly #known = new Map<string, Buffer>();

  constructor(entries: readonly Uint8Array[]) {
    this.#leaves = entries.map((entry) => sha256(Buffer.of(0), entry));
  }

  get size(): number {
    return this.#leaves.length;
  }

  leaf(index: number): Buffer | undefined {
    return this.#leaves[index];
  }

  /** The root of the first `size` entries. Throws RangeError where there are fewer. */
  root(size: number): Buffer {
    this.#assertSize(size);
    return size === 0 ? sha256() : this.#hash(0, size);
  }

  /** The hashes beside the way from an entry up to the root of the first `size`, from below. */
  path(index: number, size: number): Buffer[] {
    this.#assertSize(size);
    const walk = (from: number, to: number): Buffer[] => {
      if (to - from === 1) return [];
      const middle = from + splitOf(to - from);
      return index < middle
        ? [...walk(from, middle), this.#hash(middle, to)]
        : [...walk(middle, to), this.#hash(from, middle)];
    };
    return walk(0, size);
  }

  #assertSize(size: number): void {
    if (size > this.size) throw new RangeError(`size: expected at most ${this.size}, got ${size}`);
  }

  #hash(from: number, to: number): Buffer {
    const leaf = to - from === 1 ? this.#leaves[from] : undefined;
    if (leaf !== undefined) return leaf;
    const key = `${from} ${to}`;
    const before = this.#known.get(key);
    if (before !== undefined) return before;
    const middle = from + splitOf(to - from);
    const hash = sha256(Buffer.of(1), this.#hash(from, middle), this.#hash(middle, to));
    this.#known.set(key, hash);
    return hash;
  }
}

/** The largest power of two below n. */
function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}
