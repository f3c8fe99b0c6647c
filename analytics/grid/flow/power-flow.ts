/** AC power flow of a grid: chooses the method, says what stood in the way, and turns voltages into flows. */
import type { Grid } from "../model/grid.ts";
import { ISOLATED, type PerUnitGrid, perUnit, PQ, PV, SLACK } from "../model/per-unit.ts";
import { topologyOf } from "../model/topology.ts";
import { NewtonSolver, type NewtonRun } from "./newton.ts";
import { RadialSolver } from "./radial-solver.ts";
import { type FlowFailure, type FlowResult, resultOf } from "./result.ts";
import { buildYbus, energised } from "./ybus.ts";

export interface FlowOptions {
  /** `auto`: a sweep where the grid is radial and no generator holds a voltage but the reference, else Newton. */
  readonly method?: "auto" | "newton" | "sweep";
  /** Largest mismatch of any bus in p.u.; default 1e-8. */
  readonly tolerance?: number;
  /** Of Newton, for each round of reactive limits; default 20. */
  readonly mostIterations?: number;
  /** Newton's first guess: 1 p.u. and held voltages, the case's own, or an earlier result. Default `flat`. */
  readonly start?: "flat" | "case" | Pick<FlowResult, "vmPu" | "vaRad">;
  /** A generator at a reactive limit gives up its voltage. Default false. */
  readonly reactiveLimits?: boolean;
  /** `refuse` a grid with buses that no reference feeds, or `shed` their load. Default `refuse`. */
  readonly dead?: "refuse" | "shed";
}

const TOLERANCE = 1e-8;
const MOST_ITERATIONS = 20;
/** A generator that still changes sides then swings between its limits. */
const MOST_ROUNDS = 20;
/** p.u.: what counts as beyond a limit, or as above a voltage, in the switching of generators. */
const SWITCHING = 1e-6;

/** Throws RangeError for options that do not fit the grid. What the grid itself cannot do is said by the result. */
export function powerFlow(grid: Grid, options: FlowOptions = {}): FlowResult {
  const pu = perUnit(grid);
  const alive = energised(pu);
  const dead = grid.buses.filter(({ kind }, bus) => kind !== "isolated" && alive[bus] === 0).map(({ id }) => id);
  const method = chooseMethod(grid, pu, options.method ?? "auto");
  const start = startingPoint(grid, pu, options.start ?? "flat");
  const nothing = { iterations: 0, mismatch: { pu: Number.NaN, bus: -1, quantity: "P" as const } };
  if (dead.length > 0 && options.dead !== "shed") {
    const failure: FlowFailure = {
      reason: "islanded",
      buses: dead,
      message: `${many(dead, "bus", "buses")} ${dead.length === 1 ? "has" : "have"} no way to a reference bus over closed branches`,
    };
    return resultOf(grid, pu, { method, alive, ...start, ...nothing, failure, kind: pu.kind });
  }
  return method === "sweep" ? sweep(grid, pu, alive, options) : newton(grid, pu, alive, start, options);
}

function many(ids: readonly number[], one: string, more: string): string {
  const shown = ids.slice(0, 10).join(", ");
  if (ids.length === 1) return `${one} ${shown}`;
  return `${more} ${shown}${ids.length > 10 ? ` and ${ids.length - 10} more` : ""}`;
}

function chooseMethod(grid: Grid, pu: PerUnitGrid, asked: "auto" | "newton" | "sweep"): "newton" | "sweep" {
  if (asked === "newton") return "newton";
  const { loops, islandOf } = topologyOf(grid);
  const references = [...pu.kind.keys()].filter((bus) => pu.kind[bus] === SLACK).map((bus) => islandOf[bus]);
  const radial = loops === 0 && new Set(references).size === references.length;
  const held = pu.kind.indexOf(PV);
  if (asked === "auto") return radial && held < 0 ? "sweep" : "newton";
  if (loops > 0) throw new RangeError(`method: a sweep takes a radial grid; ${grid.name} has ${loops} loops (newton)`);
  if (!radial) throw new RangeError(`method: a sweep takes one reference for each part of ${grid.name} (newton)`);
  if (held >= 0) {
    const { id } = grid.buses[held]!;
    throw new RangeError(`method: a sweep cannot hold the voltage of bus ${id} (newton)`);
  }
  return "sweep";
}

interface Voltages {
  readonly vm: Float64Array;
  readonly va: Float64Array;
}

function startingPoint(grid: Grid, pu: PerUnitGrid, start: NonNullable<FlowOptions["start"]>): Voltages {
  const n = pu.busCount;
  const vm = new Float64Array(n).fill(1);
  const va = new Float64Array(n);
  if (start === "case") {
    vm.set(pu.vSet);
    va.set(pu.angle);
  } else if (start === "flat") {
    turned(grid, pu, va);
  } else {
    if (start.vmPu.length !== n) throw new RangeError(`start: expected ${n} voltages, got ${start.vmPu.length}`);
    for (let bus = 0; bus < n; bus++) {
      const v = start.vmPu[bus]!;
      vm[bus] = v > 0 ? v : 1;
      va[bus] = start.vaRad[bus]!;
    }
  }
  for (let bus = 0; bus < n; bus++) {
    if (pu.kind[bus] === SLACK) va[bus] = pu.angle[bus]!;
    if (pu.kind[bus] === SLACK || pu.kind[bus] === PV) vm[bus] = pu.vSet[bus]!;
  }
  return { vm, va };
}

/** Angles of a grid without load: the reference's, turned by every phase shifter on the way outwards. */
function turned({ branches }: Grid, { kind, angle, from, to, closed }: PerUnitGrid, va: Float64Array): void {
  va.fill(angle[kind.indexOf(SLACK)]!);
  if (branches.every(({ shiftDeg }) => shiftDeg === 0)) return;
  const known = new Set([...kind.keys()].filter((bus) => kind[bus] === SLACK));
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const [i, { shiftDeg }] of branches.entries()) {
      const [a, b] = [from[i]!, to[i]!];
      if (closed[i] === 0 || known.has(a) === known.has(b)) continue;
      const shift = (shiftDeg * Math.PI) / 180;
      if (known.has(a)) va[b] = va[a]! - shift;
      else va[a] = va[b]! + shift;
      known.add(a).add(b);
    }
  }
}

function sweep(grid: Grid, pu: PerUnitGrid, alive: Uint8Array, { tolerance = TOLERANCE }: FlowOptions): FlowResult {
  const buses = grid.buses.map((bus, i) => (alive[i] === 1 ? bus : { ...bus, kind: "isolated" as const }));
  const solver = new RadialSolver({ ...grid, buses });
  const outcome = solver.solve(pu.closed, tolerance);
  const vm = solver.re.map((re, bus) => Math.hypot(re, solver.im[bus]!));
  const va = solver.re.map((re, bus) => Math.atan2(solver.im[bus]!, re));
  const mismatch = { pu: solver.mismatchPu, bus: solver.worstBus, quantity: "P" as const };
  const run = { method: "sweep" as const, alive, vm, va, iterations: solver.sweeps, mismatch, kind: pu.kind };
  if (outcome === "converged") return resultOf(grid, pu, run);
  const id = grid.buses[solver.worstBus]?.id;
  const message = `the voltage collapsed at bus ${id ?? "?"} in sweep ${solver.sweeps}: more load than the lines can carry`;
  return resultOf(grid, pu, { ...run, failure: { reason: "diverged", buses: id === undefined ? [] : [id], message } });
}

function newton(grid: Grid, pu: PerUnitGrid, alive: Uint8Array, start: Voltages, options: FlowOptions): FlowResult {
  const { tolerance = TOLERANCE, mostIterations = MOST_ITERATIONS, reactiveLimits = false } = options;
  const solver = new NewtonSolver(buildYbus(pu, alive), alive);
  solver.vm.set(start.vm);
  solver.va.set(start.va);
  const kind = pu.kind.map((one) => (one === ISOLATED ? PQ : one));
  const p = pu.genP.map((gen, bus) => gen - pu.loadP[bus]!);
  const q = pu.genQ.map((gen, bus) => gen - pu.loadQ[bus]!);
  const limited = new Set<number>();
  let iterations = 0;
  for (let round = 0; ; round++) {
    const run = solver.run(kind, p, q, tolerance, mostIterations);
    iterations += run.iterations;
    const found = {
      ...{ method: "newton" as const, alive, vm: solver.vm, va: solver.va, iterations, mismatch: run.mismatch, kind },
      limited: [...limited].map((bus) => grid.buses[bus]!.id).sort((a, b) => a - b),
    };
    if (run.outcome !== "converged") return resultOf(grid, pu, { ...found, failure: failureOf(grid, run) });
    const switched = reactiveLimits ? switchGenerators(pu, alive, solver, { kind, q, limited }) : [];
    if (switched.length === 0) return resultOf(grid, pu, found);
    if (round >= MOST_ROUNDS) {
      const buses = switched.map((bus) => grid.buses[bus]!.id);
      const message = `the ${many(buses, "generator at bus", "generators at buses")} swing between a reactive limit and a held voltage`;
      return resultOf(grid, pu, { ...found, failure: { reason: "limits", buses, message } });
    }
  }
}

function failureOf(grid: Grid, { outcome, iterations, mismatch }: NewtonRun): FlowFailure {
  const id = grid.buses[mismatch.bus]?.id;
  const buses = id === undefined ? [] : [id];
  if (outcome === "singular") {
    const message = `the equations of bus ${id ?? "?"} cannot be told from those of its neighbours (singular Jacobian)`;
    return { reason: "singular", buses, message };
  }
  const unit = mismatch.quantity === "P" ? "active" : "reactive";
  const where = `bus ${id ?? "?"} misses ${mismatch.pu.toExponential(2)} p.u. of ${unit} power`;
  const message =
    outcome === "diverged"
      ? `diverged after ${iterations} iterations, ${where}: loads beyond what the grid can carry, or a poor start`
      : `not there after ${iterations} iterations, ${where}`;
  return { reason: outcome === "diverged" ? "diverged" : "iterations", buses, message };
}

interface Switching {
  readonly kind: Uint8Array;
  readonly q: Float64Array;
  readonly limited: Set<number>;
}

/** Takes generators beyond a limit off their voltage, and back on it once the limit no longer binds. */
function switchGenerators(pu: PerUnitGrid, alive: Uint8Array, solver: NewtonSolver, state: Switching): number[] {
  const { kind, q, limited } = state;
  const switched: number[] = [];
  for (let bus = 0; bus < pu.busCount; bus++) {
    if (pu.kind[bus] !== PV || alive[bus] === 0) continue;
    const output = solver.q[bus]! + pu.loadQ[bus]!;
    if (kind[bus] === PV) {
      const limit = Math.min(Math.max(output, pu.qMin[bus]!), pu.qMax[bus]!);
      if (Math.abs(output - limit) <= SWITCHING) continue;
      kind[bus] = PQ;
      q[bus] = limit - pu.loadQ[bus]!;
      limited.add(bus);
      switched.push(bus);
    } else {
      // At its upper limit a generator wants a higher voltage than it gets; once it has more, the limit does not bind.
      const above = solver.vm[bus]! - pu.vSet[bus]!;
      const atUpper = q[bus]! + pu.loadQ[bus]! >= pu.qMax[bus]!;
      if (atUpper ? above <= SWITCHING : above >= -SWITCHING) continue;
      kind[bus] = PV;
      solver.vm[bus] = pu.vSet[bus]!;
      limited.delete(bus);
      switched.push(bus);
    }
  }
  return switched;
}
