/** What a state violates: voltages out of their band, branches beyond their rating, generators beyond their range. */
import type { FlowResult } from "../flow/result.ts";
import type { Grid } from "../model/grid.ts";

export interface VoltageViolation {
  readonly bus: number;
  readonly vmPu: number;
  readonly limitPu: number;
}

export interface Overload {
  readonly branch: number;
  /** The larger end. */
  readonly mva: number;
  readonly rateMva: number;
  readonly loadingPercent: number;
}

export interface GeneratorViolation {
  readonly bus: number;
  readonly quantity: "MW" | "Mvar";
  readonly output: number;
  readonly limit: number;
}

export interface Violations {
  readonly voltages: readonly VoltageViolation[];
  readonly overloads: readonly Overload[];
  readonly generators: readonly GeneratorViolation[];
}

/** p.u. and MW: less than this beyond a limit is rounding. */
const SLACK = 1e-6;

/** Buses without supply are not counted: `unservedMw` says what they lack. */
export function violationsOf(grid: Grid, result: FlowResult): Violations {
  const voltages = grid.buses.flatMap(({ id, vMinPu, vMaxPu }, bus): VoltageViolation[] => {
    const vmPu = result.vmPu[bus]!;
    const limitPu = vmPu < vMinPu - SLACK ? vMinPu : vmPu > vMaxPu + SLACK ? vMaxPu : undefined;
    return limitPu === undefined || result.energised[bus] === 0 ? [] : [{ bus: id, vmPu, limitPu }];
  });
  const overloads = grid.branches.flatMap(({ id, rateMva }, i): Overload[] => {
    const mva = apparentMva(result, i);
    return mva > rateMva + SLACK ? [{ branch: id, mva, rateMva, loadingPercent: (100 * mva) / rateMva }] : [];
  });
  const generators = grid.generators.flatMap((generator, i): GeneratorViolation[] => {
    if (!generator.inService) return [];
    const { bus, pMinMw, pMaxMw, qMinMvar, qMaxMvar } = generator;
    const beyond = (quantity: "MW" | "Mvar", output: number, low: number, high: number): GeneratorViolation[] => {
      const limit = output < low - SLACK ? low : output > high + SLACK ? high : undefined;
      return limit === undefined ? [] : [{ bus, quantity, output, limit }];
    };
    return [
      ...beyond("MW", result.generatorMw[i]!, pMinMw, pMaxMw),
      ...beyond("Mvar", result.generatorMvar[i]!, qMinMvar, qMaxMvar),
    ];
  });
  return { voltages, overloads, generators };
}

/** Of the larger end of a branch, by position. */
export function apparentMva({ fromMw, fromMvar, toMw, toMvar }: FlowResult, branch: number): number {
  return Math.max(Math.hypot(fromMw[branch]!, fromMvar[branch]!), Math.hypot(toMw[branch]!, toMvar[branch]!));
}
