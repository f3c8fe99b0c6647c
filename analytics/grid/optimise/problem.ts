/**
 * Feeder reconfiguration as a problem: which switches to open so that a radial feeder loses least, within its limits.
 * A configuration is a switch per branch (1: closed) that leaves every bus exactly one way to a reference. Every power
 * flow that a method asks for is counted here.
 */
import type { Grid } from "../model/grid.ts";
import { RadialSolver } from "../flow/radial-solver.ts";
import { FeederGraph, type FixedSwitches } from "./feeder-graph.ts";
import { type Evaluation, type Goal, Judge, NO_FLOW } from "./judge.ts";

export class FeederProblem {
  readonly grid: Grid;
  readonly graph: FeederGraph;
  readonly solver: RadialSolver;
  readonly judge: Judge;
  /** Power flows so far. */
  flows = 0;

  /**
   * `fixed`: switches that are no choice, broken branches among them. Buses that only open ones feed are out of service:
   * see `graph.cutOff`. Throws RangeError for weights that cannot be, switches that cannot be fixed so, and a grid that
   * sweeps cannot solve.
   */
  constructor(grid: Grid, goal: Goal = {}, fixed: FixedSwitches | readonly number[] = []) {
    this.graph = new FeederGraph(grid, "length" in fixed ? { broken: fixed } : fixed);
    const cutOff = new Set(this.graph.cutOff);
    const buses = grid.buses.map((bus) => (cutOff.has(bus.id) ? { ...bus, kind: "isolated" as const } : bus));
    this.grid = { ...grid, buses };
    this.solver = new RadialSolver(this.grid);
    this.judge = new Judge(this.grid, goal);
  }

  /** One power flow. A configuration that is no tree is a fault of whoever proposes it: throws RangeError. */
  evaluate(closed: Uint8Array): Evaluation {
    this.flows += 1;
    const outcome = this.solver.solve(closed);
    if (outcome === "loop" || outcome === "dead") {
      const { id } = this.grid.buses[this.solver.faultBus]!;
      throw new RangeError(`closed: not radial, bus ${id} ${outcome === "loop" ? "is in a loop" : "has no supply"}`);
    }
    return outcome === "diverged" ? NO_FLOW : this.#judge();
  }

  #judge(): Evaluation {
    const { re, im, current2, lossPu, leastVoltage } = this.solver;
    const { judged, rated, ratePu, voltage, loading } = this.judge;
    for (const bus of judged) voltage[bus] = Math.sqrt(re[bus]! ** 2 + im[bus]! ** 2);
    for (const i of rated) {
      const [from, to] = [this.graph.from[i]!, this.graph.to[i]!];
      const square = Math.max(re[from]! ** 2 + im[from]! ** 2, re[to]! ** 2 + im[to]! ** 2);
      loading[i] = Math.sqrt(square * current2[i]!) / ratePu[i]!;
    }
    const judgement = this.judge.cost(lossPu * this.grid.baseMva * 1_000);
    return { ...judgement, leastVoltagePu: leastVoltage };
  }
}
