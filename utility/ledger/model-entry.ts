/** What the utility logs of a sum of households' updates: which, of how many homes, and what it cost them. */
import { addCosts, costOf, epsilonOf, normBound } from "../../protocol/learning/cost.ts";
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
}

/** All of it is public, since the sum is. */
export function modelEntry(row: ModelRound, { setId, meters, sum }: OpenedSum): NewEntry {
  const { round, campaign, step, model } = row;
  const shape = shapeOf(row);
  const { mechanism, variance, colluders } = shape.noise;
  const { rdp } = costOf(shape);
  const epsilonMilli = rdp === undefined ? null : milli(rdp);
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
    },
  };
}

/** What a home that took part in all of these rounds has spent; undefined where none of them has noise. */
export function budgetEntry(rounds: readonly ModelShape[]): NewEntry | undefined {
  const covered = rounds.map(costOf).flatMap(({ rdp }) => (rdp === undefined ? [] : [rdp]));
  if (covered.length === 0) return undefined;
  const entry = { type: "budget", account: ACCOUNT, deltaExponent: DELTA_EXPONENT } as const;
  return { entry: { ...entry, epsilonMilli: milli(addCosts(covered)) } };
}

function milli(rdp: readonly number[]): number {
  return Math.ceil(Math.min(MOST_MILLI, 1_000 * epsilonOf(rdp, 10 ** -DELTA_EXPONENT)));
}
