/** What a power flow gives: voltages, injections and flows by bus and branch, and why it failed if it did. */
import type { Grid } from "../model/grid.ts";
import { type PerUnitGrid, PQ, SLACK } from "../model/per-unit.ts";
import type { Mismatch } from "./newton.ts";

export interface FlowFailure {
  /**
   * `islanded`: buses without a way to a reference; `diverged`: voltages left what a grid can have; `iterations`: still
   * on its way when told to stop; `singular`: the equations do not determine the voltages; `limits`: generators swing
   * between a reactive limit and a held voltage.
   */
  readonly reason: "islanded" | "diverged" | "iterations" | "singular" | "limits";
  /** Ids of the buses concerned. */
  readonly buses: readonly number[];
  readonly message: string;
}

/** Arrays are in the order of the grid's buses, branches and generators. */
export interface FlowResult {
  readonly method: "newton" | "sweep";
  readonly converged: boolean;
  /** Where `converged` is false; all figures are then those of the last iteration, and no solution. */
  readonly failure: FlowFailure | undefined;
  /** Steps of Newton over all rounds of reactive limits, or sweeps. */
  readonly iterations: number;
  /** Largest mismatch in p.u. and the id of its bus (undefined where there is no equation). */
  readonly mismatch: { readonly pu: number; readonly bus: number | undefined; readonly quantity: "P" | "Q" };
  /** 0 where a bus has no supply. */
  readonly vmPu: Float64Array;
  readonly vaRad: Float64Array;
  readonly energised: Uint8Array;
  /** Into the grid, without the bus's shunt. */
  readonly injectionMw: Float64Array;
  readonly injectionMvar: Float64Array;
  /** Into each branch from either end. */
  readonly fromMw: Float64Array;
  readonly fromMvar: Float64Array;
  readonly toMw: Float64Array;
  readonly toMvar: Float64Array;
  /** The larger end's current in p.u. */
  readonly currentPu: Float64Array;
  readonly generatorMw: Float64Array;
  readonly generatorMvar: Float64Array;
  /** Load of buses without supply. */
  readonly unservedMw: number;
  /** Ids of buses whose generators are at a reactive limit and do not hold their voltage. */
  readonly limited: readonly number[];
}

interface Solved {
  readonly method: "newton" | "sweep";
  readonly alive: Uint8Array;
  readonly vm: Float64Array;
  readonly va: Float64Array;
  readonly iterations: number;
  readonly mismatch: Mismatch;
  readonly failure?: FlowFailure;
  /** As it was solved: generators at a limit are PQ. */
  readonly kind: Uint8Array;
  readonly limited?: readonly number[];
}

export function resultOf(grid: Grid, pu: PerUnitGrid, solved: Solved): FlowResult {
  const { alive, failure, mismatch } = solved;
  const base = grid.baseMva;
  const n = pu.busCount;
  const vm = solved.vm.map((v, bus) => (alive[bus] === 1 ? v : 0));
  const flows = branchFlows(pu, vm, solved.va);
  const injectionMw = new Float64Array(n);
  const injectionMvar = new Float64Array(n);
  for (let i = 0; i < pu.branchCount; i++) {
    injectionMw[pu.from[i]!]! += flows.fromP[i]! * base;
    injectionMvar[pu.from[i]!]! += flows.fromQ[i]! * base;
    injectionMw[pu.to[i]!]! += flows.toP[i]! * base;
    injectionMvar[pu.to[i]!]! += flows.toQ[i]! * base;
  }
  for (let bus = 0; bus < n; bus++) {
    injectionMw[bus]! += pu.shuntG[bus]! * vm[bus]! ** 2 * base;
    injectionMvar[bus]! -= pu.shuntB[bus]! * vm[bus]! ** 2 * base;
  }
  const [fromMw, fromMvar, toMw, toMvar] = [flows.fromP, flows.fromQ, flows.toP, flows.toQ].map((values) =>
    values.map((value) => value * base),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  return {
    method: solved.method,
    converged: failure === undefined,
    failure,
    iterations: solved.iterations,
    mismatch: { pu: mismatch.pu, bus: grid.buses[mismatch.bus]?.id, quantity: mismatch.quantity },
    vmPu: vm,
    vaRad: solved.va.map((angle, bus) => (alive[bus] === 1 ? angle : 0)),
    energised: alive,
    injectionMw,
    injectionMvar,
    ...{ fromMw, fromMvar, toMw, toMvar },
    currentPu: flows.current,
    ...outputs(grid, pu, solved, injectionMw, injectionMvar),
    unservedMw: grid.buses.reduce((sum, { loadMw }, bus) => sum + (alive[bus] === 1 ? 0 : loadMw), 0),
    limited: solved.limited ?? [],
  };
}

interface Flows {
  readonly fromP: Float64Array;
  readonly fromQ: Float64Array;
  readonly toP: Float64Array;
  readonly toQ: Float64Array;
  readonly current: Float64Array;
}

/** Power into each closed branch from both ends, and the larger current, all in p.u. */
export function branchFlows(pu: PerUnitGrid, vm: Float64Array, va: Float64Array): Flows {
  const m = pu.branchCount;
  const make = (): Float64Array => new Float64Array(m);
  const flows = { fromP: make(), fromQ: make(), toP: make(), toQ: make(), current: make() };
  const y = pu.admittance;
  for (let i = 0; i < m; i++) {
    const [f, t] = [pu.from[i]!, pu.to[i]!];
    if (pu.closed[i] === 0 || vm[f] === 0 || vm[t] === 0) continue;
    const [ef, ff] = [vm[f]! * Math.cos(va[f]!), vm[f]! * Math.sin(va[f]!)];
    const [et, ft] = [vm[t]! * Math.cos(va[t]!), vm[t]! * Math.sin(va[t]!)];
    const k = 8 * i;
    const fromRe = y[k]! * ef - y[k + 1]! * ff + y[k + 2]! * et - y[k + 3]! * ft;
    const fromIm = y[k]! * ff + y[k + 1]! * ef + y[k + 2]! * ft + y[k + 3]! * et;
    const toRe = y[k + 4]! * ef - y[k + 5]! * ff + y[k + 6]! * et - y[k + 7]! * ft;
    const toIm = y[k + 4]! * ff + y[k + 5]! * ef + y[k + 6]! * ft + y[k + 7]! * et;
    flows.fromP[i] = ef * fromRe + ff * fromIm;
    flows.fromQ[i] = ff * fromRe - ef * fromIm;
    flows.toP[i] = et * toRe + ft * toIm;
    flows.toQ[i] = ft * toRe - et * toIm;
    flows.current[i] = Math.sqrt(Math.max(fromRe * fromRe + fromIm * fromIm, toRe * toRe + toIm * toIm));
  }
  return flows;
}

/** Shares what a bus gives among its generators: schedules where they hold, the rest by their ranges. */
function outputs(
  { generators, indexOf, baseMva }: Grid,
  pu: PerUnitGrid,
  { alive, kind }: Solved,
  injectionMw: Float64Array,
  injectionMvar: Float64Array,
): { generatorMw: Float64Array; generatorMvar: Float64Array } {
  const generatorMw = new Float64Array(generators.length);
  const generatorMvar = new Float64Array(generators.length);
  const first = new Set<number>();
  for (const [i, { bus: id, inService, pMw, qMvar, qMinMvar, qMaxMvar }] of generators.entries()) {
    const bus = indexOf.get(id)!;
    if (!inService || alive[bus] === 0) continue;
    generatorMw[i] = pMw;
    generatorMvar[i] = qMvar;
    if (kind[bus] === SLACK && !first.has(bus)) {
      // The first generator of a reference takes what is left.
      generatorMw[i] = injectionMw[bus]! + (pu.loadP[bus]! - pu.genP[bus]!) * baseMva + pMw;
    }
    first.add(bus);
    if (pu.kind[bus] === PQ) continue;
    const total = injectionMvar[bus]! + pu.loadQ[bus]! * baseMva;
    const [low, range] = [pu.qMin[bus]! * baseMva, (pu.qMax[bus]! - pu.qMin[bus]!) * baseMva];
    const own = qMaxMvar - qMinMvar;
    // Alike where no range says more; then nothing but the number of generators counts.
    const share = range > 0 && Number.isFinite(range) ? own / range : 1 / running(generators, id);
    generatorMvar[i] = range > 0 && Number.isFinite(range) ? qMinMvar + (total - low) * share : total * share;
  }
  return { generatorMw, generatorMvar };
}

function running(generators: Grid["generators"], bus: number): number {
  return generators.filter((generator) => generator.bus === bus && generator.inService).length;
}
