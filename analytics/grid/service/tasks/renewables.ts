/** A usual day of the grid with its sun and wind, in simulated weather, and what each bus could take. */
import type { GridRenewables } from "../../../../protocol/grid/index.ts";
import { renewableDay } from "../../../renewables/index.ts";
import type { OperationPlan } from "../plan.ts";
import type { At } from "./optimise.ts";

export function renewables({ grid, settings }: OperationPlan, { time }: At): GridRenewables {
  const { latitudeDeg, longitudeDeg, plants, seed } = settings;
  const date = new Date(time * 1_000).toISOString().slice(0, 10);
  const { slots, hosting, ...day } = renewableDay({ grid, date, plants, seed, latitudeDeg, longitudeDeg });
  // Neither the weather nor the course of the load was measured.
  return { ...day, simulated: true, slots: [...slots], hosting: [...hosting] };
}
