/**
 * Power routing as a problem: which lines carry the power from the generators to every load, so that each load has
 * exactly one way to a generator. Generators are the roots of a forest; what joins two of them directly stays closed. A
 * part without the case's reference is held by its largest generator. Every answer is an AC power flow, and counted.
 */
import { powerFlow } from "../../flow/power-flow.ts";
import type { FlowResult } from "../../flow/result.ts";
import type { Grid } from "../../model/grid.ts";
import { topologyOf } from "../../model/topology.ts";
import { apparentMva } from "../../physics/limits.ts";
import { FeederGraph, type FixedSwitches } from "../feeder-graph.ts";
import { type Evaluation, type Goal, Judge, NO_FLOW } from "../judge.ts";

/** MW and Mvar: less than this beyond a generator's range is rounding. */
const SLACK = 1e-6;

export class RoutingProblem {
  readonly grid: Grid;
  /** Generators that hold a voltage count as references here. */
  readonly graph: FeederGraph;
  readonly judge: Judge;
  /** By bus: 1 for generators, where paths begin. */
  readonly source: Uint8Array;
  /** Power flows so far. */
  flows = 0;
  /** Positions of branches that join generators and are not broken. */
  readonly trunk: readonly number[];

  /** Throws RangeError for weights that cannot be, and switches that cannot be fixed so. */
  constructor(grid: Grid, goal: Goal = {}, fixed: FixedSwitches = {}) {
    const running = new Set(grid.generators.flatMap(({ bus, inService }) => (inService ? [bus] : [])));
    const roots = grid.buses.map((bus) =>
      bus.kind === "pv" && running.has(bus.id) ? { ...bus, kind: "slack" as const } : bus,
    );
    this.source = Uint8Array.from(roots, ({ kind }) => Number(kind === "slack"));
    this.graph = new FeederGraph({ ...grid, buses: roots }, fixed);
    const cutOff = new Set(this.graph.cutOff);
    const buses = grid.buses.map((bus) => (cutOff.has(bus.id) ? { ...bus, kind: "isolated" as const } : bus));
    this.grid = { ...grid, buses };
    this.judge = new Judge(this.grid, goal);
    const open = new Set([...(fixed.broken ?? []), ...(fixed.keepOpen ?? [])]);
    this.trunk = [...grid.branches.keys()].filter(
      (i) =>
        this.source[this.graph.from[i]!] === 1 &&
        this.source[this.graph.to[i]!] === 1 &&
        grid.branches[i]!.closed &&
        !open.has(grid.branches[i]!.id),
    );
  }

  /** The grid with these switches (1: closed), each part of it with a reference. */
  switched(closed: Uint8Array): Grid {
    const carries = closed.slice();
    for (const i of this.trunk) carries[i] = 1;
    const branches = this.grid.branches.map((branch, i) => ({ ...branch, closed: carries[i] === 1 }));
    const grid = { ...this.grid, branches };
    const { islandOf } = topologyOf(grid);
    const held = new Set(grid.buses.flatMap(({ kind }, bus) => (kind === "slack" ? [islandOf[bus]!] : [])));
    const largest = new Map<number, { readonly bus: number; readonly mw: number }>();
    for (const { bus: id, pMaxMw, inService } of grid.generators) {
      const bus = grid.indexOf.get(id)!;
      const island = islandOf[bus]!;
      if (!inService || this.source[bus] === 0 || held.has(island)) continue;
      if (pMaxMw > (largest.get(island)?.mw ?? Number.NEGATIVE_INFINITY)) largest.set(island, { bus, mw: pMaxMw });
    }
    const holds = new Set([...largest.values()].map(({ bus }) => bus));
    const buses = grid.buses.map((bus, i) => (holds.has(i) ? { ...bus, kind: "slack" as const } : bus));
    return { ...grid, buses };
  }

  /** One power flow. */
  evaluate(closed: Uint8Array): Evaluation {
    return this.solve(closed).evaluation;
  }

  /** One power flow, with what it says of every bus and branch. */
  solve(closed: Uint8Array): { readonly evaluation: Evaluation; readonly grid: Grid; readonly result: FlowResult } {
    this.flows += 1;
    const grid = this.switched(closed);
    const result = powerFlow(grid, { dead: "shed" });
    return { evaluation: result.converged ? this.#judged(result) : NO_FLOW, grid, result };
  }

  #judged(result: FlowResult): Evaluation {
    const { rated, voltage, loading } = this.judge;
    voltage.set(result.vmPu);
    for (const i of rated) loading[i] = apparentMva(result, i) / this.grid.branches[i]!.rateMva;
    let lossMw = 0;
    for (let i = 0; i < loading.length; i++) lossMw += result.fromMw[i]! + result.toMw[i]!;
    // Beyond a generator's range: 1 is its whole range.
    let beyond = 0;
    for (const [i, one] of this.grid.generators.entries()) {
      if (!one.inService) continue;
      beyond += excess(result.generatorMw[i]!, one.pMinMw, one.pMaxMw);
      beyond += excess(result.generatorMvar[i]!, one.qMinMvar, one.qMaxMvar);
    }
    return this.judge.cost(lossMw * 1_000, beyond);
  }
}

function excess(output: number, least: number, most: number): number {
  const beyond = Math.max(least - output, output - most);
  return beyond > SLACK ? beyond / Math.max(most - least, 1e-3) : 0;
}
