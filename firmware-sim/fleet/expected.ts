/** How many bills and feeder loads a run is due to bring. */
import { DateTime } from "luxon";
import type { Config } from "../../config/index.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { Expected } from "./outcome.ts";

/** One bill per meter and billing period that lies inside the run; one load per feeder and slot. */
export function expectedOf(config: Config, plan: FleetPlan): Expected {
  const { source, range, dates } = plan;
  const feeders = new Set<string>();
  for (const index of source.meters.keys()) {
    feeders.add(source.feederOf(index, range.from));
    feeders.add(source.feederOf(index, range.to - 1));
  }
  const from = DateTime.fromISO(dates.from, { zone: "utc" });
  const to = DateTime.fromISO(dates.to, { zone: "utc" });
  return {
    bills: source.meters.length * periods(config.billing.period, from, to),
    loads: feeders.size * (range.to - range.from),
  };
}

function periods(kind: Config["billing"]["period"], from: DateTime, to: DateTime): number {
  if (kind === "whole") return 1;
  if (kind === "day") return Math.round(to.diff(from, "days").days);
  const firstMonth = from.day === 1 ? from : from.startOf("month").plus({ months: 1 });
  return Math.max(0, Math.floor(to.startOf("month").diff(firstMonth, "months").months));
}
