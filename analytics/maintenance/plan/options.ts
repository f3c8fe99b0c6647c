/** What may be done to an asset, when, and what it is expected to cost: failures times their price, and the work. */
import type { Kind } from "../history/history.ts";
import type { Drift } from "../model/drift.ts";
import { hazardsAhead } from "../model/drift.ts";
import { type HazardModel, PERIOD_WEEKS, type Situation } from "../model/hazard-model.ts";

export interface Prices {
  /** Of a failure, with the outage and the replacement. */
  readonly failure: number;
  readonly service: { readonly price: number; readonly hours: number };
  readonly replacement: { readonly price: number; readonly hours: number };
}

/** Assumptions in euros and crew hours, to be replaced by one's own. */
export const PRICES: Readonly<Record<Kind, Prices>> = {
  transformer: { failure: 40_000, service: { price: 1_200, hours: 12 }, replacement: { price: 16_000, hours: 40 } },
  line: { failure: 20_000, service: { price: 1_000, hours: 10 }, replacement: { price: 9_000, hours: 60 } },
};

export type Action = "service" | "replacement";

export interface Option {
  /** Absent: nothing is done. */
  readonly action?: Action;
  /** From 0 on; weeks are planned half a year ahead. */
  readonly week: number;
  readonly hours: number;
  /** Expected over the horizon. */
  readonly cost: number;
}

export interface Job {
  readonly asset: string;
  /** The first is to do nothing. Those that cost more than it are left out. */
  readonly options: readonly Option[];
}

export interface Horizon {
  /** Weeks that are planned. */
  readonly weeks: number;
  /** Half years over which costs are expected: what is done now pays later as well. */
  readonly periods: number;
}

export const HORIZON: Horizon = { weeks: PERIOD_WEEKS, periods: 6 };

/** Throws RangeError for weeks that are no whole number from 1 to 26, or periods below 1. */
export function jobOf(
  asset: string,
  situation: Situation,
  { model, drift }: { readonly model: HazardModel; readonly drift: Drift },
  prices: Readonly<Record<Kind, Prices>> = PRICES,
  { weeks, periods }: Horizon = HORIZON,
): Job {
  if (!Number.isSafeInteger(weeks) || weeks < 1 || weeks > PERIOD_WEEKS) {
    throw new RangeError(`weeks: expected 1 to ${PERIOD_WEEKS}, got ${weeks}`);
  }
  if (!Number.isSafeInteger(periods) || periods < 1)
    throw new RangeError(`periods: expected 1 or more, got ${periods}`);
  const { failure, ...work } = prices[situation.kind];
  const left = cumulative(hazardsAhead(model, drift, situation, periods));
  const nothing = failure * -Math.expm1(-left(periods * PERIOD_WEEKS));
  const options: Option[] = [{ week: 0, hours: 0, cost: nothing }];
  for (const action of ["service", "replacement"] as const) {
    const after = action === "service" ? drift.serviced(situation) : drift.renewed(situation);
    const treated = cumulative(hazardsAhead(model, drift, after, periods));
    const { price, hours } = work[action];
    for (let week = 0; week < weeks; week++) {
      const survives = Math.exp(-left(week));
      const later = -Math.expm1(-treated(periods * PERIOD_WEEKS - week));
      const cost = failure * (1 - survives) + survives * (price + failure * later);
      if (cost < nothing) options.push({ action, week, hours, cost });
    }
  }
  return { asset, options };
}

/** Cumulative hazard by weeks, from chances of half years. */
function cumulative(chances: readonly number[]): (weeks: number) => number {
  const hazards = chances.map((chance) => -Math.log1p(-Math.min(chance, 1 - 1e-9)));
  return (weeks) =>
    hazards.reduce((sum, hazard, i) => sum + hazard * Math.min(1, Math.max(0, weeks / PERIOD_WEEKS - i)), 0);
}
