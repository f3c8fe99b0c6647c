/** The thread of what takes long: proposals, paths, forecasts, maintenance, figures. It keeps nothing but trained models. */
import { workerData } from "node:worker_threads";
import type { CalendarOptions } from "../../../learning/index.ts";
import type {
  FeederForecast,
  GridMaintenance,
  GridPaths,
  GridRenewables,
  GridRequestOf,
  GridStatistics,
  Optimised,
} from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";
import type { Snapshot } from "./operation.ts";
import type { OperationPlan } from "./plan.ts";
import type { ReleasedDay } from "./released-day.ts";
import { type FeederHistory, forecastFeeder } from "./tasks/forecast.ts";
import { type AssetSources, maintenance as maintained, trainModel } from "./tasks/maintenance.ts";
import { type At, optimise as optimised, type OptimiseOptions } from "./tasks/optimise.ts";
import { paths as routed } from "./tasks/paths.ts";
import { renewables as renewed } from "./tasks/renewables.ts";
import { statistics as figures } from "./tasks/statistics.ts";

export interface RequestThreadData {
  readonly plan: OperationPlan;
  readonly calendar: CalendarOptions;
  readonly assets: AssetSources;
  /** The database of what is remembered. */
  readonly file: string;
}

/** Faults cross the border of threads as data. */
export type Told<T> = { readonly result: T } | { readonly code: GridFault["code"]; readonly detail: string };

/** What each task takes and gives. */
export interface Tasks {
  readonly optimise: (task: { snapshot: Snapshot; options: OptimiseOptions; at: At }) => Told<Optimised>;
  readonly paths: (task: { snapshot: Snapshot; options: GridRequestOf<"paths">; at: At }) => Told<GridPaths>;
  readonly forecast: (task: { history: FeederHistory; date?: string; quick: boolean }) => Promise<Told<FeederForecast>>;
  readonly maintenance: (task: GridRequestOf<"maintenance">) => Told<GridMaintenance>;
  readonly training: (task: null) => Told<null>;
  readonly renewables: (task: { at: At; released: ReleasedDay | undefined }) => Told<GridRenewables>;
  readonly statistics: (task: GridRequestOf<"statistics">) => Told<Omit<GridStatistics, "sinceStart">>;
}

/** piscina puts the surroundings second. */
const { plan, calendar, assets, file } = (Array.isArray(workerData) ? workerData[1] : workerData) as RequestThreadData;
const { grid, settings } = plan;

function told<T>(work: () => T): Told<T> {
  try {
    return { result: work() };
  } catch (error) {
    if (error instanceof GridFault) return { code: error.code, detail: error.message };
    throw error;
  }
}

export const optimise: Tasks["optimise"] = ({ snapshot, options, at }) =>
  told(() => optimised(grid, snapshot, options, { settings, at }));

export const paths: Tasks["paths"] = ({ snapshot, options, at }) =>
  told(() => routed(grid, snapshot, options, { settings, at }));

export const forecast: Tasks["forecast"] = async ({ history, date, quick }) => ({
  result: await forecastFeeder(history, calendar, { quick, ...(date === undefined ? {} : { date }) }),
});

export const maintenance: Tasks["maintenance"] = (options) => told(() => maintained(grid, assets, options));

export const training: Tasks["training"] = () =>
  told(() => {
    trainModel(assets);
    return null;
  });

export const statistics: Tasks["statistics"] = (range) => told(() => figures(file, grid.name, range));

export const renewables: Tasks["renewables"] = ({ at, released }) => told(() => renewed(plan, at, released));
