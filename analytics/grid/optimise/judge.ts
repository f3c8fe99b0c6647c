/** What a configuration costs: its losses, how near it is to its limits (risk), and how far beyond them (violation). */
import type { Grid } from "../model/grid.ts";
import { CALM_LOADING, loadingRisk, MARGIN_PU, voltageRisk } from "../physics/risk.ts";

/** What the user may set. */
export interface Goal {
  /** kW that one unit of risk is worth; from 0 on. Default 0: losses alone. */
  readonly riskWeight?: number;
  /** kW that one unit of violation costs; from 0 on. Default 1,000. */
  readonly violationWeight?: number;
  /** Narrower or wider than the case's own bands, in p.u.; references are not judged. */
  readonly vMinPu?: number;
  readonly vMaxPu?: number;
  /** Risk begins this far inside a voltage limit, above 0; default 0.02 p.u. */
  readonly marginPu?: number;
  /** Risk begins at this share of a rating, 0 to below 1; default 0.8. */
  readonly calmLoading?: number;
}

/** A configuration and what it costs. */
export interface Evaluation {
  /** lossKw + riskWeight x risk + violationWeight x violation; infinite where there is no power flow. */
  readonly cost: number;
  readonly lossKw: number;
  /**
   * Sum over buses and rated branches of the square of how much of the margin before their limit is used: 1 for each
   * that is at its limit.
   */
  readonly risk: number;
  /** Beyond limits: sum of overloads (1: 100 % too much) and of voltages outside their band (1: a margin's width). 0 is feasible. */
  readonly violation: number;
  readonly leastVoltagePu: number;
}

export const NO_FLOW: Evaluation = {
  cost: Number.POSITIVE_INFINITY,
  lossKw: Number.POSITIVE_INFINITY,
  risk: Number.POSITIVE_INFINITY,
  violation: Number.POSITIVE_INFINITY,
  leastVoltagePu: 0,
};

/** p.u.: less than this beyond a limit is rounding. */
const SLACK = 1e-6;

export class Judge {
  readonly goal: Required<Omit<Goal, "vMinPu" | "vMaxPu">>;
  /** Positions of buses whose voltage is judged, and of branches with a rating. */
  readonly judged: Int32Array;
  readonly rated: Int32Array;
  readonly ratePu: Float64Array;
  readonly vMin: Float64Array;
  readonly vMax: Float64Array;
  /** To be filled in before `cost`: p.u. of voltage by bus (0: without supply), and share of the rating by branch. */
  readonly voltage: Float64Array;
  readonly loading: Float64Array;

  /** Throws RangeError for weights and bands that cannot be. */
  constructor({ buses, branches, baseMva }: Grid, goal: Goal) {
    const { riskWeight = 0, violationWeight = 1_000, marginPu = MARGIN_PU, calmLoading = CALM_LOADING } = goal;
    atLeast("riskWeight", riskWeight, 0);
    atLeast("violationWeight", violationWeight, 0);
    atLeast("marginPu", marginPu, 1e-6);
    if (!(calmLoading >= 0 && calmLoading < 1)) {
      throw new RangeError(`calmLoading: expected 0 to below 1, got ${calmLoading}`);
    }
    this.goal = { riskWeight, violationWeight, marginPu, calmLoading };
    this.vMin = Float64Array.from(buses, ({ vMinPu }) => goal.vMinPu ?? vMinPu);
    this.vMax = Float64Array.from(buses, ({ vMaxPu }) => goal.vMaxPu ?? vMaxPu);
    this.judged = Int32Array.from(
      [...buses.keys()].filter((bus) => buses[bus]!.kind !== "slack" && buses[bus]!.kind !== "isolated"),
    );
    for (const bus of this.judged) {
      if (!(this.vMin[bus]! <= this.vMax[bus]!)) {
        throw new RangeError(
          `vMinPu: expected at most ${this.vMax[bus]} at bus ${buses[bus]!.id}, got ${this.vMin[bus]}`,
        );
      }
    }
    this.ratePu = Float64Array.from(branches, ({ rateMva }) => rateMva / baseMva);
    this.rated = Int32Array.from([...branches.keys()].filter((i) => Number.isFinite(this.ratePu[i]!)));
    this.voltage = new Float64Array(buses.length);
    this.loading = new Float64Array(branches.length);
  }

  /** Of what `voltage` and `loading` say; `otherViolation` is what the caller knows beside them. */
  cost(lossKw: number, otherViolation = 0): Evaluation {
    const { riskWeight, violationWeight, marginPu, calmLoading } = this.goal;
    let [risk, violation, least] = [0, otherViolation, Number.POSITIVE_INFINITY];
    for (const bus of this.judged) {
      const v = this.voltage[bus]!;
      if (v === 0) continue;
      if (v < least) least = v;
      const [low, high] = [this.vMin[bus]!, this.vMax[bus]!];
      risk += voltageRisk(v, low, high, marginPu);
      const beyond = Math.max(low - v, v - high);
      if (beyond > SLACK) violation += beyond / marginPu;
    }
    for (const i of this.rated) {
      const loading = this.loading[i]!;
      risk += loadingRisk(loading, calmLoading);
      if (loading > 1 + SLACK) violation += loading - 1;
    }
    const cost = lossKw + riskWeight * risk + violationWeight * violation;
    return { cost, lossKw, risk, violation, leastVoltagePu: least };
  }
}

function atLeast(name: string, value: number, least: number): void {
  if (!(value >= least && Number.isFinite(value))) {
    throw new RangeError(`${name}: expected ${least} or more, got ${value}`);
  }
}
