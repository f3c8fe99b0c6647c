/**
 * Before and after: what a simulated fleet costs when it runs to failure, is serviced at fixed intervals, or is maintained
 * as a model plans it, under the same weather, the same luck and the same crew.
 */
import { type FleetPlan, type Place, SimulatedFleet } from "../fleet/fleet.ts";
import { weekCount } from "../history/history.ts";
import { LEAST_WEEKS, situationAt } from "../model/features.ts";
import { PERIOD_WEEKS } from "../model/hazard-model.ts";
import type { Trained } from "../model/trained.ts";
import { type Action, HORIZON, jobOf, PRICES } from "./options.ts";
import { schedule } from "./schedule.ts";

export interface Outcome {
  readonly policy: string;
  readonly cost: number;
  readonly failures: number;
  readonly services: number;
  readonly replacements: number;
  readonly crewHours: number;
}

export interface Comparison {
  readonly plan: FleetPlan;
  /** Weeks that are counted, after `LEAST_WEEKS` in which all run to failure. */
  readonly weeks: number;
  readonly hoursPerWeek: number;
}

/** What is to be done in a week, in order of importance; what exceeds the crew's hours is not done. */
interface Policy {
  readonly name: string;
  due(fleet: SimulatedFleet, week: number): readonly (readonly [Place, Action])[];
  done?(place: Place, week: number): void;
}

export function runPolicy({ plan, weeks, hoursPerWeek }: Comparison, policy: Policy): Outcome {
  const fleet = new SimulatedFleet(plan);
  for (let week = 0; week < LEAST_WEEKS; week++) fleet.live();
  const total = { cost: 0, failures: 0, services: 0, replacements: 0, crewHours: 0 };
  for (let week = 0; week < weeks; week++) {
    let left = hoursPerWeek;
    for (const [place, action] of policy.due(fleet, week)) {
      const { price, hours } = PRICES[place.asset.kind][action];
      if (hours > left) continue;
      left -= hours;
      total.crewHours += hours;
      total.cost += price;
      policy.done?.(place, week);
      if (action === "service") {
        total.services += 1;
        place.asset.service();
      } else {
        total.replacements += 1;
        fleet.replace(place);
      }
    }
    for (const { asset } of fleet.live()) {
      total.failures += 1;
      total.cost += PRICES[asset.kind].failure;
    }
  }
  return { policy: policy.name, ...total };
}

export const RUN_TO_FAILURE: Policy = { name: "run to failure", due: () => [] };

/** Each asset is serviced every `years`, spread evenly; what the crew cannot do in its week waits for the next. */
export function everyYears(years: number): Policy {
  const interval = Math.round(years * 52);
  const last = new Map<Place, number>();
  return {
    name: `service every ${years} years`,
    due: ({ places }, week) =>
      places
        .map((place, i) => {
          const first = Math.round((i * interval) / places.length) - interval;
          return { place, since: week - (last.get(place) ?? first) };
        })
        .filter(({ since }) => since >= interval)
        .sort((a, b) => b.since - a.since)
        .map(({ place }) => [place, "service"] as const),
    done: (place, week) => last.set(place, week),
  };
}

/** Planned every half year from what sensors said until then. */
export function planned(trained: Trained, hoursPerWeek: number): Policy & { readonly gaps: number[] } {
  let work = new Map<number, (readonly [Place, Action, number])[]>();
  const gaps: number[] = [];
  return {
    name: `planned by ${trained.model.name}`,
    gaps,
    due: ({ places }, week) => {
      if (week % PERIOD_WEEKS === 0) {
        const known = places.filter(({ history }) => weekCount(history) >= LEAST_WEEKS);
        const jobs = known.map(({ name, history }) => jobOf(name, situationAt(history, weekCount(history)), trained));
        const plan = schedule(jobs, { weeks: HORIZON.weeks, hoursPerWeek, mostNodes: 20_000 });
        gaps.push(plan.gap);
        work = new Map();
        for (const [i, place] of known.entries()) {
          const { action, week: at } = jobs[i]!.options[plan.chosen[i]!]!;
          if (action === undefined) continue;
          work.set(at, [...(work.get(at) ?? []), [place, action, place.generation]]);
        }
      }
      // What failed in the meantime is new and needs nothing.
      const now = work.get(week % PERIOD_WEEKS) ?? [];
      return now
        .filter(([place, , generation]) => place.generation === generation)
        .map(([place, action]) => [place, action]);
    },
  };
}
