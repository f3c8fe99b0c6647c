/** A day of a feeder, forecast from its released loads of the days before, beside what needs no model and what came. */
import { DateTime } from "luxon";
import type { FeederForecast } from "../../../../protocol/grid/index.ts";
import {
  baselines,
  type CalendarOptions,
  empiricalQuantiles,
  LinearModel,
  type LoadSeries,
  loadTable,
  prepare,
} from "../../../../learning/index.ts";
import { forecastDay } from "../../../forecast/predict.ts";
import { LEAST_DAYS_BEFORE, rowsBefore } from "../../../forecast/rolling.ts";
import { centralTraining } from "../../../forecast/training.ts";

export interface FeederHistory {
  readonly feeder: string;
  /** In order of time. */
  readonly loads: readonly { readonly slotStart: number; readonly energyWh: number }[];
}

/** Rows that a model learns from: more days than these tell little more of the next one. */
const MOST_ROWS = 6_000;
const MOST_MODELS = 200;
const QUANTILES: readonly number[] = [0.1, 0.25, 0.5, 0.75, 0.9];
const SEED = 1;

export interface ForecastOptions {
  /** A local day; the one of the newest load where it is left out. */
  readonly date?: string;
  /** Trains no model that is not there yet. */
  readonly quick?: boolean;
}

export async function forecastFeeder(
  { feeder, loads }: FeederHistory,
  options: CalendarOptions,
  { date, quick = false }: ForecastOptions = {},
): Promise<FeederForecast> {
  const { slotSeconds, timezone } = options;
  const newest = loads.at(-1)?.slotStart;
  const day =
    date ?? (newest === undefined ? undefined : DateTime.fromSeconds(newest, { zone: timezone }).toISODate()!);
  const about = { feeder, quantiles: [...QUANTILES], trainedDays: 0 };
  if (day === undefined) {
    return { ...about, date: "", method: "none", slots: [], maeWh: null, baselineMaeWh: null, insideShare: null };
  }
  const begin = DateTime.fromISO(day, { zone: timezone });
  const [from, end] = [begin, begin.plus({ days: 1 })].map((at) => Math.ceil(at.toSeconds() / slotSeconds)) as [
    number,
    number,
  ];
  const series = seriesOf(feeder, loads, slotSeconds, from, end);
  const table = loadTable(series, options);
  const d = table.days.findIndex((one) => one.date === day);
  const known = table.days
    .slice(0, d)
    .filter((_, i) => !table.values.slice(i * table.positions, (i + 1) * table.positions).every(Number.isNaN)).length;
  const simple = baselines(table, d)["mean-14"];
  const { positions } = table.days[d]!;
  const actual = Float64Array.from(positions, (_, i) => series.energyWh[from + i - series.firstSlot] ?? Number.NaN);
  const [method, bands] = await bandsOf({ series, table, d, date: day, known, quick }, options);
  const orNull = (value: number | undefined): number | null =>
    value === undefined || Number.isNaN(value) ? null : Math.round(value * 10) / 10;
  const median = QUANTILES.indexOf(0.5);
  const slots = [...positions].map((p, i) => {
    const quantilesWh = bands[i] ?? [];
    return {
      slotStart: (from + i) * slotSeconds,
      energyWh: orNull(quantilesWh[median]),
      quantilesWh: quantilesWh.map((value) => Math.round(value * 10) / 10),
      baselineWh: orNull(simple[p]),
      actualWh: orNull(actual[i]),
    };
  });
  return { ...about, date: day, method, trainedDays: method === "none" ? 0 : known, slots, ...errorsOf(slots) };
}

type Bands = readonly (readonly number[])[];

interface Day {
  readonly series: LoadSeries;
  readonly table: ReturnType<typeof loadTable>;
  /** Position in the table, and as text. */
  readonly d: number;
  readonly date: string;
  /** Days before it with loads. */
  readonly known: number;
  readonly quick: boolean;
}

/** By feeder, with the day up to which it has learned. As in the evaluation (docs/forecasts.md) it serves for a week. */
const models = new Map<string, { readonly until: string; readonly model: LinearModel }>();
const REFIT_DAYS = 7;

async function modelFor(
  { series, date, quick }: Pick<Day, "series" | "date" | "quick">,
  options: CalendarOptions,
): Promise<LinearModel | undefined> {
  const kept = models.get(series.id);
  const age = kept === undefined ? -1 : DateTime.fromISO(date).diff(DateTime.fromISO(kept.until), "days").days;
  // One that has seen the day that it is to forecast would shine.
  if (kept !== undefined && age >= 0 && age < REFIT_DAYS) return kept.model;
  if (quick) return undefined;
  const model = new LinearModel(QUANTILES);
  const rows = rowsBefore([prepare(series, undefined, options)], date, { mostRows: MOST_ROWS, seed: SEED });
  await centralTraining({ seed: SEED })(model, rows, true);
  const [oldest] = models.keys();
  if (models.size >= MOST_MODELS && oldest !== undefined) models.delete(oldest);
  models.set(series.id, { until: date, model });
  return model;
}

/** Quantiles per slot of day `d`; none where nothing is known before it. */
async function bandsOf(
  { series, table, d, date, known, quick }: Day,
  options: CalendarOptions,
): Promise<readonly [FeederForecast["method"], Bands]> {
  const model = known >= LEAST_DAYS_BEFORE ? await modelFor({ series, date, quick }, options) : undefined;
  if (model !== undefined) {
    const { slots } = forecastDay(model, series, undefined, { ...options, date });
    if (slots.length > 0) return ["linear", slots.map(({ quantilesWh }) => quantilesWh)];
  }
  const width = QUANTILES.length;
  const found = empiricalQuantiles(table, d, QUANTILES);
  const bands = [...table.days[d]!.positions].map((p) => [...found.subarray(p * width, (p + 1) * width)]);
  return bands.some((band) => band.some(Number.isNaN)) ? ["none", []] : ["days-before", bands];
}

/** All slots from the first load on, to the end of the day that is asked for. */
function seriesOf(
  id: string,
  loads: FeederHistory["loads"],
  slotSeconds: number,
  from: number,
  end: number,
): LoadSeries {
  const firstSlot = Math.min(from, Math.floor((loads[0]?.slotStart ?? Infinity) / slotSeconds));
  const energyWh = new Float64Array(end - firstSlot).fill(Number.NaN);
  for (const { slotStart, energyWh: energy } of loads) {
    const at = Math.floor(slotStart / slotSeconds) - firstSlot;
    if (at < energyWh.length) energyWh[at] = energy;
  }
  return { id, firstSlot, energyWh };
}

function errorsOf(slots: FeederForecast["slots"]): Pick<FeederForecast, "maeWh" | "baselineMaeWh" | "insideShare"> {
  const known = slots.filter(({ actualWh }) => actualWh !== null);
  const mean = (values: readonly number[]): number | null =>
    values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  const off = (of: "energyWh" | "baselineWh"): number | null =>
    mean(known.flatMap((slot) => (slot[of] === null ? [] : [Math.abs(slot[of] - slot.actualWh!)])));
  const banded = known.filter(({ quantilesWh }) => quantilesWh.length > 0);
  const inside = banded.map(({ quantilesWh, actualWh }) =>
    Number(actualWh! >= quantilesWh[0]! && actualWh! <= quantilesWh.at(-1)!),
  );
  return { maeWh: off("energyWh"), baselineMaeWh: off("baselineWh"), insideShare: mean(inside) };
}
