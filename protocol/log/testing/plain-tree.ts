/** A log in memory, hashed the slow way: what proofs are compared with. */
import { merkleRoot } from "../merkle.ts";
import { consistencyRanges, inclusionRanges } from "../proofs.ts";

export class PlainTree {
  readonly leaves: readonly Uint8Array[];

  constructor(leaves: readonly Uint8Array[]) {
    this.leaves = leaves;
  }

  /** A tree of `size` different leaves. */
  static of(size: number, seed = 0): PlainTree {
    return new PlainTree(Array.from({ length: size }, (_, i) => Uint8Array.of(seed, i >> 8, i & 255)));
  }

  root(size = this.leaves.length, from = 0): Uint8Array {
    return merkleRoot(this.leaves.slice(from, size));
  }

  inclusion(index: number, size = this.leaves.length): Uint8Array[] {
    return inclusionRanges(index, size).map(([from, to]) => this.root(to, from));
  }

  consistency(from: number, size = this.leaves.length): Uint8Array[] {
    return consistencyRanges(from, size).map(([start, end]) => this.root(end, start));
  }
}
