/** What the utility logs of a sum of households' updates: which, of how many homes, and what it cost them. */
import { costOf, type CoveredCost, epsilonOfAll } from "../../protocol/learning/cost.ts";
import { normBound } from "../../protocol/learning/norm.ts";
import { type ModelRound, type ModelShape, shapeOf } from "../store/learning-store.ts";
import type { NewEntry } from "./ledger.ts";

/** Costs are logged at delta 10^-5. */
const DELTA_EXPONENT = 5;
/** The account that covers learning rounds. */
const ACCOUNT = "learning";
/** Beyond it an epsilon says nothing, and is logged as this. */
const MOST_MILLI = 1e9;

export interface OpenedSum {
  readonly setId: Uint8Array;
  readonly meters: number;
  /** SHA-256 of its coordinates. */
  readonly sum: Uint8Array;
  /** Of a round with a bound: homes that are proved to be within it. */
  readonly proved?: number | undefined;
}

/** All of it is public, since the sum is. */
export function modelEntry(row: ModelRound, { setId, meters, sum, proved }: OpenedSum): NewEntry {
  const { round, campaign, step, model } = row;
  const shape = shapeOf(row);
  const { mechanism, variance, colluders } = shape.noise;
  const cost = costOf(shape);
  const { bound } = shape;
  const epsilonMilli = cost.rdp === undefined ? null : milli([cost]);
  return {
    entry: {
      ...{
        type: "model",
        round,
        campaign,
        step,
        model: Uint8Array.from(model),
        setId: Uint8Array.from(setId),
        meters,
        sum,
      },
      cost: {
        ...{ mechanism, variance, colluders, minMeters: shape.minMeters, norm: normBound(shape) },
        ...{ epsilonMilli, deltaExponent: DELTA_EXPONENT },
      },
      ...(bound === undefined ? {} : { bound: { squares: bound.squares, proved: proved ?? 0 } }),
    },
  };
}

/** What a home that took part in all of these rounds has spent; undefined where none of them has noise. */
export function budgetEntry(rounds: readonly ModelShape[]): NewEntry | undefined {
  const covered = rounds.map(costOf).filter((cost): cost is CoveredCost => cost.rdp !== undefined);
  if (covered.length === 0) return undefined;
  const entry = { type: "budget", account: ACCOUNT, deltaExponent: DELTA_EXPONENT } as const;
  return { entry: { ...entry, epsilonMilli: milli(covered) } };
}

function milli(costs: readonly CoveredCost[]): number {
  return Math.ceil(Math.min(MOST_MILLI, 1_000 * epsilonOfAll(costs, 10 ** -DELTA_EXPONENT)));
}
