/** How many bills and feeder loads a run is due to bring. */
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { Expected } from "./outcome.ts";

/** One bill per meter and billing period that lies inside the run; one load per feeder and slot. */
export function expectedOf(config: Config, plan: FleetPlan): Expected {
  const { source, range, dates } = plan;
  let loads = 0;
  for (let slot = range.from; slot < range.to; slot++) {
    loads += new Set([...source.meters.keys()].map((index) => source.feederOf(index, slot))).size;
  }
  const from = DateTime.fromISO(dates.from, { zone: "utc" });
  const to = DateTime.fromISO(plan.completeTo, { zone: "utc" });
  return {
    bills: source.meters.length * periods(config.billing.period, from, to, plan.isWhole),
    loads,
  };
}

function periods(kind: Config["billing"]["period"], from: DateTime, to: DateTime, isWhole: boolean): number {
  if (kind === "whole") return isWhole ? 1 : 0;
  if (kind === "day") return Math.round(to.diff(from, "days").days);
  const firstMonth = from.day === 1 ? from : from.startOf("month").plus({ months: 1 });
  return Math.max(0, Math.floor(to.startOf("month").diff(firstMonth, "months").months));
}
