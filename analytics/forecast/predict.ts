/** Forecasts one day of a series with a trained model, slot by slot: 92 to 100 of them. */
import { DateTime } from "luxon";
import { renderTable } from "../../config/runtime/terminal.ts";
import {
  dayInputs,
  type ForecastModel,
  type LoadSeries,
  loadTable,
  slotExamples,
  tabulate,
  type TemperatureSeries,
} from "../../learning/index.ts";

export interface PredictOptions {
  readonly slotSeconds: number;
  readonly timezone: string;
  /** YYYY-MM-DD; the first local day after the readings when left out. */
  readonly date?: string | undefined;
}

export interface DayForecast {
  readonly id: string;
  readonly date: string;
  /** Whether a temperature of the day was known; without one the model takes the weather for no different than it was. */
  readonly hasWeather: boolean;
  /** Empty where too little is known before the day. */
  readonly slots: readonly {
    /** Unix seconds. */
    readonly slotStart: number;
    /** The median, in Wh. */
    readonly energyWh: number;
    /** In the order of the model's quantiles. */
    readonly quantilesWh: readonly number[];
  }[];
}

/** Forecasts a day from the days before it; readings of the day itself and after it are not looked at. */
export function forecastDay(
  model: ForecastModel,
  series: LoadSeries,
  temperature: TemperatureSeries | undefined,
  options: PredictOptions,
): DayForecast {
  const { slotSeconds, timezone } = options;
  const day = targetDay(series, options);
  const from = day.toSeconds() / slotSeconds;
  const end = day.plus({ days: 1 }).startOf("day").toSeconds() / slotSeconds;
  const date = day.toFormat("yyyy-MM-dd");
  const about = { id: series.id, date, hasWeather: temperature !== undefined && knows(temperature, from, end) };
  const before = series.energyWh.subarray(0, Math.max(0, from - series.firstSlot));
  if (before.length === 0) return { ...about, slots: [] };
  const padded = new Float64Array(end - series.firstSlot).fill(Number.NaN);
  padded.set(before);
  const load = loadTable({ ...series, energyWh: padded }, { slotSeconds, timezone });
  const d = load.days.length - 1;
  const warmth =
    temperature === undefined
      ? undefined
      : tabulate(temperature.firstSlot, temperature.temperatureC, load.days, load.positions);
  const inputs = dayInputs({ load, temperature: warmth }, d);
  if (inputs === undefined) return { ...about, slots: [] };
  const rows = slotExamples(load.days[d]!, inputs, []);
  const energies = model.predict(rows);
  const width = model.quantiles.length;
  const median = model.quantiles.indexOf(0.5);
  const slots = Array.from({ length: rows.count }, (_, i) => {
    const quantilesWh = [...energies.subarray(i * width, (i + 1) * width)].map((value) => Math.round(value * 10) / 10);
    return { slotStart: (from + i) * slotSeconds, energyWh: quantilesWh[median]!, quantilesWh };
  });
  return { ...about, slots };
}

/** Whether any temperature from `from` to before `end` is known. */
export function knows({ firstSlot, temperatureC }: TemperatureSeries, from: number, end: number): boolean {
  const part = temperatureC.subarray(Math.max(0, from - firstSlot), Math.max(0, end - firstSlot));
  return part.some((degrees) => !Number.isNaN(degrees));
}

/** The day that was asked for, or the one after the last that has a reading. */
function targetDay({ firstSlot, energyWh }: LoadSeries, { slotSeconds, timezone, date }: PredictOptions): DateTime {
  if (date !== undefined) {
    const day = DateTime.fromISO(date, { zone: timezone });
    if (!day.isValid) throw new RangeError(`date: expected YYYY-MM-DD, got ${date}`);
    return day;
  }
  const last = firstSlot + energyWh.findLastIndex((value) => !Number.isNaN(value));
  return DateTime.fromSeconds(last * slotSeconds, { zone: timezone })
    .startOf("day")
    .plus({ days: 1 });
}

export function describeForecast(forecast: DayForecast, quantiles: readonly number[], timezone: string): string {
  const { id, date, hasWeather, slots } = forecast;
  const total = slots.reduce((sum, { energyWh }) => sum + energyWh, 0);
  const isMedian = quantiles.length === 1;
  const rows = slots.map(({ slotStart, energyWh, quantilesWh }) => [
    DateTime.fromSeconds(slotStart, { zone: timezone }).toFormat("HH:mm ZZ"),
    ...(isMedian ? [energyWh] : quantilesWh),
  ]);
  const head = ["slot", ...(isMedian ? ["Wh"] : quantiles.map((quantile) => `${quantile}`))];
  return `${id}, ${date}: ${Math.round(total)} Wh expected (sum of medians)${hasWeather ? "" : ", its weather unknown"}\n${renderTable(head, rows)}`;
}
