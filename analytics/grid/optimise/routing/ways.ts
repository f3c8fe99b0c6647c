/**
 * Ways through a feeder that grows from its generators: which path may feed a load next, and what it would cost by a
 * linear estimate (losses of the lines themselves left out of the flows). No power flow is spent here.
 */
import { clip, fine } from "../scaling.ts";
import type { RoutingProblem } from "./problem.ts";

/** Columns of a path's features; all are about -1 to 1. */
export const PATH_FEATURES = [
  "added", // estimated losses that it adds, of all that the shortest paths would have
  "addedFine", // the same on a logarithmic scale
  "behindLoad", // how far behind the best path to the same load
  "behindAll", // how far behind the best path of all
  "rank", // by the estimate, of all paths
  "detour", // resistance of the whole way, above the least that there is
  "length", // new lines
  "feeds", // share of the load that it newly feeds
  "load", // the load at its end, of the largest
  "fed", // share of the load that is fed already
  "drop", // estimated voltage drop at its end, of the band
  "loading", // estimated worst loading on the way beyond 80 %
  "overload", // the same beyond 100 %
  "choices", // how many paths that load has
  "fromGenerator", // whether it begins at a generator
  "burden", // share of the load that already hangs on the same generator
] as const;

/** More paths to one load are not looked at: the ones of least resistance. */
const MOST_PATHS = 24;
/** Estimated loadings beyond this are masked as long as there is another path: 1 is the rating, the rest is for the estimate. */
const MOST_LOADING = 1.1;

export interface Way {
  /** Position of the load's bus. */
  readonly load: number;
  /** New lines from what is fed to the load, in that order, and the buses that they reach. */
  readonly branches: readonly number[];
  readonly buses: readonly number[];
}

export interface Ways {
  readonly ways: readonly Way[];
  /** Row per way, `PATH_FEATURES.length` columns. */
  readonly features: Float64Array;
}

/** What hangs on the generators so far. All by position; p.u. */
export class Growth {
  readonly problem: RoutingProblem;
  readonly closed: Uint8Array;
  /** -1: not fed yet. Else the branch towards the generator, and -2 at generators. */
  readonly by: Int32Array;
  /** The generator that feeds a bus. */
  readonly root: Int32Array;
  /** Resistance of the way to the generator. */
  readonly #resistance: Float64Array;
  /** Estimated square of the voltage. */
  readonly #square: Float64Array;
  /** Estimated flow through each branch. */
  readonly #p: Float64Array;
  readonly #q: Float64Array;
  readonly #near: readonly (readonly number[])[];
  readonly #loadP: Float64Array;
  readonly #loadQ: Float64Array;
  readonly #total: number;
  readonly #burden: Float64Array;
  /** Of the shortest paths: least resistance to each bus, and their losses by the estimate. */
  readonly #least: Float64Array;
  readonly #scale: number;
  #fed = 0;

  constructor(problem: RoutingProblem) {
    const { grid, graph, source } = problem;
    const n = grid.buses.length;
    this.problem = problem;
    this.closed = new Uint8Array(graph.branchCount);
    this.by = Int32Array.from(source, (one) => (one === 1 ? -2 : -1));
    this.root = Int32Array.from(source, (one, bus) => (one === 1 ? bus : -1));
    this.#resistance = new Float64Array(n);
    const held = new Map(grid.generators.map(({ bus, vSetPu }) => [bus, vSetPu]));
    this.#square = Float64Array.from(grid.buses, ({ id, vmPu }) => (held.get(id) ?? vmPu) ** 2);
    this.#p = new Float64Array(graph.branchCount);
    this.#q = new Float64Array(graph.branchCount);
    this.#loadP = Float64Array.from(grid.buses, ({ loadMw }) => loadMw / grid.baseMva);
    this.#loadQ = Float64Array.from(grid.buses, ({ loadMvar }) => loadMvar / grid.baseMva);
    this.#total = Math.max(1e-9, this.#sizeOf(this.waiting()));
    this.#burden = new Float64Array(n);
    const near: number[][] = grid.buses.map(() => []);
    for (const i of graph.usable) {
      near[graph.from[i]!]!.push(i);
      near[graph.to[i]!]!.push(i);
    }
    this.#near = near;
    this.#least = new Float64Array(n);
    let scale = 0;
    for (const load of this.waiting()) {
      const [shortest] = this.pathsTo(load);
      const least = shortest!.branches.reduce((sum, i) => sum + grid.branches[i]!.rPu, 0);
      this.#least[load] = least;
      scale += least * (this.#loadP[load]! ** 2 + this.#loadQ[load]! ** 2);
    }
    this.#scale = Math.max(scale, 1e-12);
  }

  /** Buses that no path reaches yet, whether they have a load or not: all are supplied in the end. */
  waiting(): number[] {
    const { grid } = this.problem;
    return [...this.by.keys()].filter((bus) => this.by[bus] === -1 && grid.buses[bus]!.kind !== "isolated");
  }

  #sizeOf(buses: readonly number[]): number {
    return buses.reduce((sum, bus) => sum + Math.abs(this.#loadP[bus]!), 0);
  }

  #other(branch: number, bus: number): number {
    const { from, to } = this.problem.graph;
    return from[branch] === bus ? to[branch]! : from[branch]!;
  }

  /** Loopless paths from a bus that waits to what is fed, the least resistance first; at most MOST_PATHS. */
  pathsTo(load: number): Way[] {
    const { branches } = this.problem.grid;
    interface Part {
      readonly at: number;
      readonly ohm: number;
      readonly branch: number;
      readonly before: Part | undefined;
    }
    const open: Part[] = [{ at: load, ohm: 0, branch: -1, before: undefined }];
    const reached = new Int32Array(this.by.length);
    const found: Way[] = [];
    while (open.length > 0 && found.length < MOST_PATHS) {
      const least = open.reduce((best, { ohm }, i) => (ohm < open[best]!.ohm ? i : best), 0);
      const part = open.splice(least, 1)[0]!;
      if (this.by[part.at] !== -1) {
        const way: Way & { branches: number[]; buses: number[] } = { load, branches: [], buses: [] };
        for (let step: Part = part; step.before !== undefined; step = step.before) {
          way.branches.push(step.branch);
          way.buses.push(step.before.at);
        }
        if (this.#keeps(way)) found.push(way);
        continue;
      }
      if (++reached[part.at]! > MOST_PATHS) continue;
      for (const branch of this.#near[part.at]!) {
        const at = this.#other(branch, part.at);
        let seen = false;
        for (let step: Part | undefined = part; step !== undefined; step = step.before) seen ||= step.at === at;
        if (!seen) open.push({ at, ohm: part.ohm + branches[branch]!.rPu, branch, before: part });
      }
    }
    return found;
  }

  /** Whether switches that the user keeps closed can still be part of the forest. */
  #keeps({ branches }: Way): boolean {
    const { graph } = this.problem;
    if (!graph.keptClosed.includes(1)) return true;
    const used = [...graph.usable].filter((i) => this.closed[i] === 1);
    const tree = graph.treeOf([...used, ...branches]);
    return branches.every((i) => tree[i] === 1);
  }

  /** Every path to every bus that waits; paths that would overload a line by the estimate only where nothing else is left. */
  ways(): Ways {
    const drafts = this.waiting().flatMap((load) => {
      const paths = this.pathsTo(load);
      const own = paths.map((way) => ({ way, choices: paths.length, behind: 0, ...this.#estimate(way) }));
      const best = Math.min(...own.map(({ added }) => added));
      for (const draft of own) draft.behind = draft.added - best;
      return own;
    });
    const calm = drafts.filter(({ loading }) => loading <= MOST_LOADING);
    const kept = calm.length > 0 ? calm : drafts;
    const best = Math.min(...kept.map(({ added }) => added));
    const rankOf = new Map([...kept].sort((a, b) => a.added - b.added).map((draft, i) => [draft, i]));
    const largest = Math.max(1e-9, ...this.waiting().map((bus) => Math.abs(this.#loadP[bus]!)));
    const columns = PATH_FEATURES.length;
    const features = new Float64Array(kept.length * columns);
    for (const [i, draft] of kept.entries()) {
      const { way, added, behind, loading, drop, ohm, root } = draft;
      const begins = this.#other(way.branches[0]!, way.buses[0]!);
      features.set(
        [
          ...[clip(added), fine(added), fine(behind), fine(added - best), 1 / (1 + rankOf.get(draft)!)],
          ...[clip(ohm / Math.max(this.#least[way.load]!, 1e-9) - 1), clip(way.branches.length / 5)],
          ...[clip(this.#sizeOf(way.buses) / this.#total), clip(Math.abs(this.#loadP[way.load]!) / largest)],
          ...[this.#fed / this.#total, clip(drop), clip((loading - 0.8) * 5), clip(Math.max(0, loading - 1) * 5)],
          ...[1 / draft.choices, Number(this.problem.source[begins] === 1), this.#burden[root]! / this.#total],
        ],
        i * columns,
      );
    }
    return { ways: kept.map(({ way }) => way), features };
  }

  /** What a path adds: quadratic in the flow, upstream of where it begins too. */
  #estimate({ branches, buses }: Way) {
    const { grid, judge } = this.problem;
    let [p, q, added, loading] = [0, 0, 0, 0];
    const flows: (readonly [number, number])[] = [];
    for (let k = branches.length - 1; k >= 0; k--) {
      p += this.#loadP[buses[k]!]!;
      q += this.#loadQ[buses[k]!]!;
      flows[k] = [p, q];
      added += grid.branches[branches[k]!]!.rPu * (p * p + q * q);
      loading = Math.max(loading, Math.hypot(p, q) / judge.ratePu[branches[k]!]!);
    }
    const begin = this.#other(branches[0]!, buses[0]!);
    let drop = 0;
    for (let bus = begin; this.by[bus]! >= 0; bus = this.#other(this.by[bus]!, bus)) {
      const i = this.by[bus]!;
      const { rPu, xPu } = grid.branches[i]!;
      const [p0, q0] = [this.#p[i]!, this.#q[i]!];
      added += rPu * (2 * (p0 * p + q0 * q) + p * p + q * q);
      loading = Math.max(loading, Math.hypot(p0 + p, q0 + q) / judge.ratePu[i]!);
      drop += 2 * (rPu * p + xPu * q);
    }
    let ohm = this.#resistance[begin]!;
    for (const [k, i] of branches.entries()) {
      const { rPu, xPu } = grid.branches[i]!;
      drop += 2 * (rPu * flows[k]![0] + xPu * flows[k]![1]);
      ohm += rPu;
    }
    const end = buses.at(-1)!;
    const v = Math.sqrt(Math.max(0, this.#square[begin]! - drop));
    const band = Math.max(1e-6, judge.vMax[end]! - judge.vMin[end]!);
    const root = this.root[begin]!;
    return { added: added / this.#scale, loading, ohm, root, drop: (judge.vMax[end]! - v) / band - 0.5 };
  }

  take({ branches, buses }: Way): void {
    const { grid } = this.problem;
    const begin = this.#other(branches[0]!, buses[0]!);
    const root = this.root[begin]!;
    let at = begin;
    for (const [k, branch] of branches.entries()) {
      const bus = buses[k]!;
      this.closed[branch] = 1;
      this.by[bus] = branch;
      this.root[bus] = root;
      this.#resistance[bus] = this.#resistance[at]! + grid.branches[branch]!.rPu;
      at = bus;
    }
    for (const bus of buses) {
      for (let up = bus; this.by[up]! >= 0; up = this.#other(this.by[up]!, up)) {
        this.#p[this.by[up]!]! += this.#loadP[bus]!;
        this.#q[this.by[up]!]! += this.#loadQ[bus]!;
      }
    }
    const added = this.#sizeOf(buses);
    this.#fed += added;
    this.#burden[root]! += added;
    this.#settle(root);
  }

  /** Voltages of all buses of a generator, by the linear estimate: outwards, as buses were fed. */
  #settle(root: number): void {
    const { grid } = this.problem;
    const known = new Uint8Array(this.by.length);
    known[root] = 1;
    const settle = (bus: number): void => {
      if (known[bus] === 1) return;
      const branch = this.by[bus]!;
      const before = this.#other(branch, bus);
      settle(before);
      const { rPu, xPu } = grid.branches[branch]!;
      this.#square[bus] = this.#square[before]! - 2 * (rPu * this.#p[branch]! + xPu * this.#q[branch]!);
      known[bus] = 1;
    };
    for (const [bus, own] of this.root.entries()) if (own === root) settle(bus);
  }
}
