/** Where the power goes that does not arrive: losses by level and kind of equipment, and the efficiency of the grid. */
import type { FlowResult } from "../flow/result.ts";
import type { Branch, Grid } from "../model/grid.ts";

/** MW of active power. */
interface LevelLosses {
  readonly linesMw: number;
  readonly transformersMw: number;
}

export interface Losses {
  /** Branches whose lower side is at `transmissionKv` or above. */
  readonly transmission: LevelLosses;
  /** All others, transformers down from transmission among them. */
  readonly distribution: LevelLosses;
  /** Conductance of shunts at buses. */
  readonly shuntsMw: number;
  /** All of the above: what physics takes. Theft and meters that are wrong are not in it. */
  readonly technicalMw: number;
  /** Into the grid: output of generators, and what loads below 0 give back. */
  readonly inputMw: number;
  /** Out of the grid, by loads above 0 that have supply. */
  readonly deliveredMw: number;
  /** deliveredMw / inputMw, from 0 to 1; 1 for a grid without input. */
  readonly efficiency: number;
}

export interface LossOptions {
  /** Line to line; default 60. */
  readonly transmissionKv?: number;
  /** The level of branches whose buses have no base voltage; default `transmission`. */
  readonly unstated?: "transmission" | "distribution";
}

export function lossesOf(grid: Grid, result: FlowResult, options: LossOptions = {}): Losses {
  const { transmissionKv = 60, unstated = "transmission" } = options;
  const sums = { transmission: { line: 0, transformer: 0 }, distribution: { line: 0, transformer: 0 } };
  for (const [i, branch] of grid.branches.entries()) {
    const kv = lowerKv(grid, branch);
    const level = kv === 0 ? unstated : kv >= transmissionKv ? "transmission" : "distribution";
    sums[level][branch.kind] += result.fromMw[i]! + result.toMw[i]!;
  }
  const shuntsMw = grid.buses.reduce((sum, { shuntMw }, bus) => sum + shuntMw * result.vmPu[bus]! ** 2, 0);
  const { transmission, distribution } = sums;
  const { line, transformer } = distribution;
  const technicalMw = transmission.line + transmission.transformer + line + transformer + shuntsMw;
  let [inputMw, deliveredMw] = [0, 0];
  for (const output of result.generatorMw) inputMw += Math.max(output, 0);
  for (const output of result.generatorMw) deliveredMw += Math.max(-output, 0);
  for (const [bus, { loadMw }] of grid.buses.entries()) {
    if (result.energised[bus] === 0) continue;
    inputMw += Math.max(-loadMw, 0);
    deliveredMw += Math.max(loadMw, 0);
  }
  return {
    transmission: { linesMw: transmission.line, transformersMw: transmission.transformer },
    distribution: { linesMw: line, transformersMw: transformer },
    ...{ shuntsMw, technicalMw, inputMw, deliveredMw },
    efficiency: inputMw > 0 ? deliveredMw / inputMw : 1,
  };
}

/** 0 where neither side says. */
function lowerKv({ buses, indexOf }: Grid, { from, to }: Branch): number {
  const sides = [from, to].map((id) => buses[indexOf.get(id)!]!.baseKv).filter((kv) => kv > 0);
  return sides.length === 0 ? 0 : Math.min(...sides);
}
