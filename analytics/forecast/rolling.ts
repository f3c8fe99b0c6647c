/**
 * Evaluation by rolling origin: a model is trained on the days before a day, forecasts it, and is told what came only
 * afterwards. Baselines forecast the same slots. Several series share one model, each at its own scale.
 */
import {
  BASELINES,
  type BaselineName,
  baselines,
  type CalendarOptions,
  empiricalQuantiles,
  type Examples,
  FIRST_DAY,
  type ForecastModel,
  joinExamples,
  type Prepared,
  trainable,
} from "../../learning/index.ts";
import { PointErrors, type PointMetrics, QuantileErrors, type QuantileMetrics, skill } from "./metrics.ts";

/** Days before the first forecast: four weeks of history, of which two have been learned from. */
export const LEAST_DAYS_BEFORE = 28;

export interface RollingOptions extends CalendarOptions {
  /** Days at the end of the series that are forecast. */
  readonly testDays: number;
  /** The model is trained again after so many days. */
  readonly refitDays: number;
  /** At most so many rows are learned from, drawn by the seed. */
  readonly mostRows: number;
  readonly seed: number;
  readonly onDay?: ((done: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Trains on the rows; `first` says that it is the first time, later fits start from the weights before. */
export type Fit = (model: ForecastModel, rows: Examples, first: boolean) => Promise<void>;

export interface Evaluation {
  readonly series: number;
  readonly days: number;
  /** First and last local day that was forecast. */
  readonly from: string;
  readonly to: string;
  readonly refits: number;
  /** Slots without a reading: nothing was compared there. */
  readonly gaps: number;
  readonly model: PointMetrics & Partial<QuantileMetrics>;
  readonly baselines: Readonly<Record<BaselineName, PointMetrics>>;
  /** The quantiles of the last 28 days; with a probabilistic model. */
  readonly empirical: QuantileMetrics | undefined;
  readonly best: BaselineName;
  /** Of the model's MAE against that of the best baseline. */
  readonly skill: number;
}

/** The rows to learn from when nothing from day `before` (a date) on is known. */
export function rowsBefore(
  prepared: readonly Prepared[],
  before: string,
  { mostRows, seed }: Pick<RollingOptions, "mostRows" | "seed">,
): Examples {
  const parts = prepared.flatMap(({ table, rows }) =>
    rows.filter((row, d): row is Examples => row !== undefined && table.days[d]!.date < before),
  );
  return trainable(joinExamples(parts), mostRows, seed);
}

/**
 * Evaluates a model. Throws RangeError where the series are too short: `testDays` are forecast, after at least
 * LEAST_DAYS_BEFORE days.
 */
export async function evaluate(
  prepared: readonly Prepared[],
  model: ForecastModel,
  fit: Fit,
  options: RollingOptions,
): Promise<Evaluation> {
  const { testDays, refitDays, onDay, signal } = options;
  const dates = [...new Set(prepared.flatMap(({ table }) => table.days.map(({ date }) => date)))].sort();
  if (dates.length < testDays + LEAST_DAYS_BEFORE) {
    throw new RangeError(
      `testDays: ${testDays} days to forecast need ${testDays + LEAST_DAYS_BEFORE} days of readings, got ${dates.length}`,
    );
  }
  const tested = dates.slice(-testDays);
  const errors = {
    model: new PointErrors(),
    quantiles: new QuantileErrors(model.quantiles),
    empirical: new QuantileErrors(model.quantiles),
    baselines: new Map(BASELINES.map((name) => [name, new PointErrors()])),
  };
  const median = model.quantiles.indexOf(0.5);
  const isProbabilistic = model.quantiles.length > 1;
  let refits = 0;
  let gaps = 0;
  for (const [k, date] of tested.entries()) {
    signal?.throwIfAborted();
    if (k % refitDays === 0) {
      await fit(model, rowsBefore(prepared, date, options), refits === 0);
      refits += 1;
    }
    for (const { table, rows, actual: energies } of prepared) {
      const d = table.days.findIndex((day) => day.date === date);
      const asked = rows[d];
      if (d < FIRST_DAY || asked === undefined) continue;
      const forecast = model.predict(asked);
      const simple = baselines(table, d);
      const empirical = isProbabilistic ? empiricalQuantiles(table, d, model.quantiles) : undefined;
      const width = model.quantiles.length;
      for (const [i, p] of table.days[d]!.positions.entries()) {
        const actual = energies[d]![i]!;
        // Compared where all can be: a forecast that may choose its slots looks better than it is.
        if (Number.isNaN(actual) || BASELINES.some((name) => Number.isNaN(simple[name][p]))) {
          gaps += 1;
          continue;
        }
        errors.model.add(actual, forecast[i * width + median]!);
        for (const name of BASELINES) errors.baselines.get(name)!.add(actual, simple[name][p]!);
        if (empirical === undefined) continue;
        errors.quantiles.add(actual, forecast.subarray(i * width, (i + 1) * width));
        errors.empirical.add(actual, empirical.subarray(p * width, (p + 1) * width));
      }
    }
    onDay?.(k + 1, tested.length);
  }
  const own = errors.model.metrics();
  if (own.slots === 0) throw new RangeError("series: no slot of the days to forecast can be compared");
  const simple = Object.fromEntries(BASELINES.map((name) => [name, errors.baselines.get(name)!.metrics()])) as Record<
    BaselineName,
    PointMetrics
  >;
  const best = BASELINES.reduce((least, name) => (simple[name].maeWh < simple[least].maeWh ? name : least));
  return {
    series: prepared.length,
    days: tested.length,
    from: tested[0]!,
    to: tested.at(-1)!,
    refits,
    gaps,
    model: isProbabilistic ? { ...own, ...errors.quantiles.metrics() } : own,
    baselines: simple,
    empirical: isProbabilistic ? errors.empirical.metrics() : undefined,
    best,
    skill: skill(own.maeWh, simple[best].maeWh),
  };
}
