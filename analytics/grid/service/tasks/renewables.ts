/** A day of the grid with its sun and wind, in simulated weather, and what each bus could take. */
import type { GridRenewables } from "../../../../protocol/grid/index.ts";
import { renewableDay, simulateWeather, usualLoad } from "../../../renewables/index.ts";
import type { OperationPlan } from "../plan.ts";
import type { ReleasedDay } from "../released-day.ts";
import type { At } from "./optimise.ts";

/** Loads are those that were released, with a usual day of buses that no feeder tells of; else a usual day of all. */
export function renewables(
  { grid, shares, settings }: OperationPlan,
  { time }: At,
  released?: ReleasedDay,
): GridRenewables {
  const { latitudeDeg, longitudeDeg, plants, seed } = settings;
  const site = { latitudeDeg, longitudeDeg };
  const date = released?.date ?? new Date(time * 1_000).toISOString().slice(0, 10);
  const weather = simulateWeather({ ...site, seed, days: 1, start: Date.parse(date) / 1_000 }).actual;
  const told = new Set(shares.filter(({ feeder }) => released?.feeders.includes(feeder)).map(({ bus }) => bus));
  const untold = grid.buses.filter(({ id }) => !told.has(id));
  const peakKw = 1_000 * untold.reduce((sum, { loadMw }) => sum + Math.max(0, loadMw), 0);
  const loadMw = usualLoad(peakKw, weather, site).map((kw, hour) => kw / 1_000 + (released?.mw[hour] ?? 0));
  const { slots, hosting, ...day } = renewableDay({ ...site, grid, date, plants, weather, loadMw });
  return {
    ...day,
    // The weather was made up, whatever the loads.
    simulated: true,
    loads: released === undefined ? "usual-day" : "released",
    ...{ slots: [...slots], hosting: [...hosting] },
  };
}
