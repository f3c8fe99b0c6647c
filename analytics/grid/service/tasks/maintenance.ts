/** The grid's assets: how likely each is to fail, how long it has left, and what to maintain in which week. */
import type { GridMaintenance } from "../../../../protocol/grid/index.ts";
import {
  type AssetHistory,
  efficiencyTrend,
  examplesOf,
  HistoryFileError,
  HazardModelError,
  HORIZON,
  jobOf,
  LEAST_WEEKS,
  loadTrained,
  readHistories,
  remainingLife,
  saveTrained,
  schedule,
  SimulatedFleet,
  situationAt,
  train,
  type Trained,
  weekCount,
} from "../../../maintenance/index.ts";
import { probabilityBy } from "../../../maintenance/model/hazard-model.ts";
import type { Grid } from "../../model/grid.ts";
import { GridFault } from "../fault.ts";
import { type HazardFiles, lacksModel } from "./hazard-file.ts";

export interface AssetSources extends HazardFiles {
  /** A file of histories, or empty: simulated. */
  readonly histories: string;
  readonly seed: number;
}

export interface MaintenanceOptions {
  readonly weeks: number;
  readonly hoursPerWeek: number;
}

/** Weeks that simulated assets were watched, and assets and weeks that a model is trained on. */
const WATCHED_WEEKS = 130;
const TRAINING = { transformers: 200, lines: 150, weeks: 260, seeds: [101, 102] } as const;
/** Steps of the search for the best schedule: the gap is told. */
const MOST_NODES = 20_000;

/** Throws GridFault `unavailable` where a file cannot be used, or there is no model yet. */
export function maintenance(
  grid: Grid,
  sources: AssetSources,
  { weeks, hoursPerWeek }: MaintenanceOptions,
): GridMaintenance {
  try {
    return plannedFor(historiesOf(grid, sources), modelOf(sources), grid, { weeks, hoursPerWeek });
  } catch (error) {
    if (error instanceof HistoryFileError || error instanceof HazardModelError) {
      throw new GridFault("unavailable", error.message);
    }
    throw error;
  }
}

function plannedFor(
  all: readonly AssetHistory[],
  trained: Trained,
  grid: Grid,
  { weeks, hoursPerWeek }: MaintenanceOptions,
): GridMaintenance {
  const inService = all.filter(({ failed }) => !failed);
  const known = inService.filter((history) => weekCount(history) >= LEAST_WEEKS);
  const situations = known.map((history) => situationAt(history, weekCount(history)));
  const jobs = known.map(({ asset }, i) => jobOf(asset, situations[i]!, trained, undefined, { ...HORIZON, weeks }));
  const plan = schedule(jobs, { weeks, hoursPerWeek, mostNodes: MOST_NODES });
  const branches = new Set(grid.branches.map(({ id }) => id));
  const assets = known.map((history, i) => {
    const option = jobs[i]!.options[plan.chosen[i]!]!;
    const situation = situations[i]!;
    const { drift, model } = trained;
    const done =
      option.action === undefined
        ? situation
        : option.action === "service"
          ? drift.serviced(situation)
          : drift.renewed(situation);
    const { median, tenth, nineTenths } = remainingLife(model, drift, situation);
    const { efficiency, nameplateEfficiency, perYear, lossRatio } = efficiencyTrend(history);
    // Per unit of the loss ratio, at the mean load of the record.
    const slope = lossRatio === 1 ? 0 : (nameplateEfficiency - efficiency) / (lossRatio - 1);
    const [at, number] = /^(branch|bus)-(\d+)$/.exec(history.asset)?.slice(1) ?? [];
    const place = Number(number);
    return {
      ...{ asset: history.asset, kind: history.kind, simulated: history.simulated, ageYears: situation.ageYears },
      branch: at === "branch" && branches.has(place) ? place : null,
      bus: at === "bus" && grid.indexOf.has(place) ? place : null,
      ...{ chance: probabilityBy(model, situation), chanceAfter: probabilityBy(model, done) },
      remainingYears: { tenth: tenth ?? null, median: median ?? null, nineTenths: nineTenths ?? null },
      efficiency: {
        now: efficiency,
        perYear: -slope * perYear,
        // Work that is due brings losses back to the nameplate's.
        after: option.action === undefined ? efficiency : Math.max(efficiency, nameplateEfficiency),
      },
      ...{ action: option.action ?? null, week: option.action === undefined ? null : option.week + 1 },
      ...{ crewHours: option.hours, saves: jobs[i]!.options[0]!.cost - option.cost },
    };
  });
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  return {
    simulated: known.some(({ simulated }) => simulated),
    ...{
      weeks,
      hoursPerWeek,
      horizonYears: HORIZON.periods / 2,
      assets,
      hours: [...plan.hours],
      gap: plan.gap,
      optimal: plan.optimal,
    },
    unjudged: inService.filter((history) => weekCount(history) < LEAST_WEEKS).map(({ asset }) => asset),
    before: {
      cost: sum(jobs.map(({ options }) => options[0]!.cost)),
      failures: sum(assets.map(({ chance }) => chance)),
    },
    after: { cost: plan.cost, failures: sum(assets.map(({ chanceAfter }) => chanceAfter)) },
  };
}

function historiesOf(grid: Grid, { histories, seed }: AssetSources): readonly AssetHistory[] {
  if (histories !== "") return readHistories(histories);
  const transformers = [
    ...grid.branches.filter(({ kind }) => kind === "transformer").map(({ id }) => `branch-${id}`),
    // Each load hangs on a transformer that the case leaves out.
    ...grid.buses.filter(({ loadMw, kind }) => loadMw > 0 && kind !== "isolated").map(({ id }) => `bus-${id}`),
  ];
  const lines = grid.branches.filter(({ kind }) => kind === "line").map(({ id }) => `branch-${id}`);
  const fleet = new SimulatedFleet({ seed, transformers: transformers.length, lines: lines.length });
  while (fleet.week < WATCHED_WEEKS) fleet.live();
  const names = [...transformers, ...lines];
  return fleet.places.map(({ history }, i) => ({ ...history, asset: names[i]! }));
}

const models = new Map<string, Trained>();

/** The model of the installation; else one that was trained on simulated assets. */
function modelOf({ hazardModel, modelFile }: AssetSources): Trained {
  const file = hazardModel === "" ? modelFile : hazardModel;
  let trained = models.get(file);
  if (trained === undefined) {
    trained = hazardModel === "" ? ownModel(file) : loadTrained(file);
    models.set(file, trained);
  }
  return trained;
}

/** Trains one on simulated assets where there is none: some seconds. */
export function trainModel(sources: AssetSources): void {
  if (lacksModel(sources)) trainInto(sources.modelFile);
}

/** One of an earlier version looks at other features: it is made anew. */
function ownModel(file: string): Trained {
  try {
    return loadTrained(file);
  } catch (error) {
    if (!(error instanceof HazardModelError)) throw error;
    trainInto(file);
    return loadTrained(file);
  }
}

function trainInto(file: string): void {
  const [learned, calibration] = TRAINING.seeds.map((seed) => {
    const fleet = new SimulatedFleet({ seed, transformers: TRAINING.transformers, lines: TRAINING.lines });
    while (fleet.week < TRAINING.weeks) fleet.live();
    return examplesOf(fleet.watched());
  });
  saveTrained(file, train(learned!, calibration!), true);
}
