/**
 * The graph of a feeder whose switches may change: which trees there are, how to get from one to the next, and the loop
 * that closing a switch makes. References count as one node, so that no tree joins two of them.
 */
import type { Grid } from "../model/grid.ts";

/** Switches that are no choice, by id. */
export interface FixedSwitches {
  /** Out of order: stay open. */
  readonly broken?: readonly number[];
  /** Stay open because the user says so. */
  readonly keepOpen?: readonly number[];
  readonly keepClosed?: readonly number[];
}

export class FeederGraph {
  /** Ends of each branch, as positions of buses. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** Positions of branches that may be closed: not broken, between buses in service. */
  readonly usable: Int32Array;
  /** Ids of buses that no choice of switches feeds. */
  readonly cutOff: readonly number[];
  /** Branches that a tree leaves open, of the usable ones. */
  readonly openCount: number;
  readonly branchCount: number;
  /** By position: 1 for branches that every tree closes. */
  readonly keptClosed: Uint8Array;
  /** Of a bus: 0 for references, which are one node; -1 without supply. */
  readonly #node: Int32Array;
  readonly #nodes: number;

  /** Throws RangeError for a fixed switch that is not there, or closed ones that cannot be in a tree together. */
  constructor({ name, buses, branches, indexOf }: Grid, fixed: FixedSwitches = {}) {
    const { broken = [], keepOpen = [], keepClosed = [] } = fixed;
    const ids = new Map(branches.map(({ id }, i) => [id, i]));
    for (const [field, list] of Object.entries({ broken, keepOpen, keepClosed })) {
      const unknown = list.find((id) => !ids.has(id));
      if (unknown !== undefined) throw new RangeError(`${field}: there is no branch ${unknown} in ${name}`);
    }
    this.branchCount = branches.length;
    this.from = Int32Array.from(branches, ({ from }) => indexOf.get(from)!);
    this.to = Int32Array.from(branches, ({ to }) => indexOf.get(to)!);
    const open = new Set([...broken, ...keepOpen]);
    const both = keepClosed.find((id) => open.has(id));
    if (both !== undefined) throw new RangeError(`keepClosed: branch ${both} is broken, or kept open too`);
    const kept = branches.map(({ id }, i) => {
      const ends = [buses[this.from[i]!]!, buses[this.to[i]!]!];
      return !open.has(id) && ends.every(({ kind }) => kind !== "isolated");
    });
    const fed = new Uint8Array(buses.length);
    for (const [bus, { kind }] of buses.entries()) if (kind === "slack") fed[bus] = 1;
    for (let grows = true; grows; ) {
      grows = false;
      for (const [i, keeps] of kept.entries()) {
        const [a, b] = [this.from[i]!, this.to[i]!];
        if (!keeps || fed[a] === fed[b]) continue;
        fed[a] = fed[b] = 1;
        grows = true;
      }
    }
    this.cutOff = buses.filter(({ kind }, bus) => kind !== "isolated" && fed[bus] === 0).map(({ id }) => id);
    let nodes = 1;
    this.#node = Int32Array.from(buses, ({ kind }, bus) => (fed[bus] === 0 ? -1 : kind === "slack" ? 0 : nodes++));
    this.#nodes = nodes;
    this.usable = Int32Array.from(
      [...branches.keys()].filter((i) => {
        const [a, b] = [this.#node[this.from[i]!]!, this.#node[this.to[i]!]!];
        return kept[i] === true && a >= 0 && b >= 0 && a !== b;
      }),
    );
    this.openCount = this.usable.length - (nodes - 1);
    this.keptClosed = new Uint8Array(branches.length);
    for (const id of keepClosed) this.keptClosed[ids.get(id)!] = 1;
    const tree = this.treeOf([]);
    const left = keepClosed.find((id) => tree[ids.get(id)!] === 0);
    if (left !== undefined) {
      throw new RangeError(`keepClosed: branch ${left} makes a loop with the others, or has no supply`);
    }
  }

  /** A tree of the kept branches and those that come first in this order (positions; others are appended), as switches. */
  treeOf(preferred: Iterable<number>): Uint8Array {
    const parent = Int32Array.from({ length: this.#nodes }, (_, i) => i);
    const root = (of: number): number => {
      let at = of;
      while (parent[at] !== at) at = parent[at] = parent[parent[at]!]!;
      return at;
    };
    const closed = new Uint8Array(this.branchCount);
    const usable = new Set(this.usable);
    const join = (i: number): void => {
      if (!usable.delete(i)) return;
      const [a, b] = [root(this.#node[this.from[i]!]!), root(this.#node[this.to[i]!]!)];
      if (a === b) return;
      parent[a] = b;
      closed[i] = 1;
    };
    for (const i of this.usable) if (this.keptClosed[i] === 1) join(i);
    for (const i of preferred) join(i);
    for (const i of this.usable) join(i);
    return closed;
  }

  /** The nearest tree to a wish: keeps what is closed where it can, and closes what else is needed. */
  nearest(wish: Uint8Array | readonly boolean[]): Uint8Array {
    return this.treeOf([...this.usable].filter((i) => Boolean(wish[i])));
  }

  /**
   * The closed branches on the way from `tie`'s end to its beginning, in that order, with +1 where they lead that way
   * from their own `from` to `to`. With the tie they are the loop that closing it makes.
   */
  loopOf(tree: RootedTree, tie: number): { readonly branches: number[]; readonly signs: number[] } {
    const { depth, by } = tree;
    let [start, end] = [this.#node[this.to[tie]!]!, this.#node[this.from[tie]!]!];
    const [branches, signs]: [number[], number[]] = [[], []];
    const [backBranches, backSigns]: [number[], number[]] = [[], []];
    while (start !== end) {
      // Climbs at the deeper end.
      if (depth[start]! >= depth[end]!) {
        const branch = by[start]!;
        const outwards = this.#node[this.to[branch]!] === start;
        branches.push(branch);
        signs.push(outwards ? -1 : 1);
        start = this.#node[(outwards ? this.from : this.to)[branch]!]!;
      } else {
        const branch = by[end]!;
        const outwards = this.#node[this.to[branch]!] === end;
        backBranches.push(branch);
        backSigns.push(outwards ? 1 : -1);
        end = this.#node[(outwards ? this.from : this.to)[branch]!]!;
      }
    }
    return { branches: [...branches, ...backBranches.reverse()], signs: [...signs, ...backSigns.reverse()] };
  }

  /** How each node of a tree hangs on the references. Throws RangeError for switches that are no tree. */
  rooted(closed: Uint8Array): RootedTree {
    const near: number[][] = Array.from({ length: this.#nodes }, () => []);
    let count = 0;
    for (const i of this.usable) {
      if (closed[i] === 0) continue;
      near[this.#node[this.from[i]!]!]!.push(i);
      near[this.#node[this.to[i]!]!]!.push(i);
      count += 1;
    }
    const depth = new Int32Array(this.#nodes).fill(-1);
    const by = new Int32Array(this.#nodes).fill(-1);
    depth[0] = 0;
    const order = [0];
    for (const node of order) {
      for (const branch of near[node]!) {
        const [a, b] = [this.#node[this.from[branch]!]!, this.#node[this.to[branch]!]!];
        const other = a === node ? b : a;
        if (depth[other] !== -1) continue;
        depth[other] = depth[node]! + 1;
        by[other] = branch;
        order.push(other);
      }
    }
    if (order.length !== this.#nodes || count !== this.#nodes - 1) throw new RangeError("closed: expected a tree");
    return { depth, by };
  }

  /** Usable branches that are open. */
  openOf(closed: Uint8Array): number[] {
    return [...this.usable].filter((i) => closed[i] === 0);
  }
}

/** By node: how many branches from the references, and the branch towards them. */
export interface RootedTree {
  readonly depth: Int32Array;
  readonly by: Int32Array;
}

/** A configuration as text, to tell whether it was seen before. */
export function keyOf(closed: Uint8Array): string {
  return closed.join("");
}
