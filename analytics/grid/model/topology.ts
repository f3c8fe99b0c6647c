/** What hangs together: islands, what a reference feeds, and whether a grid is a tree (radial) or has loops. */
import type { Grid } from "./grid.ts";

export interface Topology {
  /** Number of the island of each bus, from 0 on, in the order of `grid.buses`. */
  readonly islandOf: Int32Array;
  readonly islands: number;
  /** Ids of buses that no slack bus feeds over closed branches; `isolated` ones are not among them. */
  readonly dead: readonly number[];
  /** Closed branches beyond those of a spanning forest: as many independent loops. */
  readonly loops: number;
  /** No loop, nothing dead, and no path from one reference to another. */
  readonly radial: boolean;
}

/** Ids of buses as a set of trees that grow together. */
class Forest {
  readonly #parent: Int32Array;

  constructor(size: number) {
    this.#parent = Int32Array.from({ length: size }, (_, i) => i);
  }

  root(of: number): number {
    const parent = this.#parent;
    let at = of;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!;
      at = parent[at]!;
    }
    return at;
  }

  /** Whether they were apart. */
  join(one: number, other: number): boolean {
    const [a, b] = [this.root(one), this.root(other)];
    this.#parent[a] = b;
    return a !== b;
  }
}

export function topologyOf(grid: Grid): Topology {
  const { buses, branches, indexOf } = grid;
  const forest = new Forest(buses.length);
  let loops = 0;
  for (const { from, to, closed } of branches) {
    const [a, b] = [indexOf.get(from)!, indexOf.get(to)!];
    if (!closed || buses[a]!.kind === "isolated" || buses[b]!.kind === "isolated") continue;
    if (!forest.join(a, b)) loops += 1;
  }
  const number = new Map<number, number>();
  const islandOf = Int32Array.from(buses, (_, bus) => {
    const root = forest.root(bus);
    if (!number.has(root)) number.set(root, number.size);
    return number.get(root)!;
  });
  const references = new Uint32Array(number.size);
  for (const [bus, { kind }] of buses.entries()) if (kind === "slack") references[islandOf[bus]!]! += 1;
  const dead = buses.filter(({ kind }, bus) => kind !== "isolated" && references[islandOf[bus]!] === 0);
  return {
    islandOf,
    islands: number.size,
    dead: dead.map(({ id }) => id),
    loops,
    radial: loops === 0 && dead.length === 0 && references.every((count) => count <= 1),
  };
}
