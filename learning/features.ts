/**
 * What a model sees of a slot to forecast: the history of its clock position, the level of the last days, the calendar,
 * and the temperature as forecast. Everything is divided by the series' own scale, so that one model fits a flat and a
 * feeder, and parameters can be shared across slots and homes. Nothing of the day itself is read but its temperature.
 */
import { BACK, blendOf } from "./baselines.ts";
import type { LocalDay } from "./calendar.ts";
import { type DayTable, meanOfDays, quantileOf, sortedOfDays } from "./history.ts";

/** A series and, where known, the temperature on the same days. */
export interface History {
  readonly load: DayTable;
  readonly temperature?: DayTable | undefined;
}

/** Names of the features, in order. Differences are about 0, so that few steps of training suffice; `base` is about 1. */
export const FEATURES = [
  "base",
  "yesterday-mean7",
  "2daysAgo-mean7",
  "lastWeek-weekday4",
  "mean7-weekday4",
  "mean14-mean7",
  "median14-mean14",
  "mean28-mean14",
  "smoothBase-base",
  "smoothYesterday-smoothMean7",
  "sameKind28-base",
  "level:yesterday-mean7",
  "level:mean7-mean28",
  "level:yesterday-itsWeekday",
  "sin1",
  "cos1",
  "sin2",
  "cos2",
  "sin3",
  "cos3",
  "sin4",
  "cos4",
  "weekend",
  "weekend*sin1",
  "weekend*cos1",
  "weekend*sin2",
  "weekend*cos2",
  "heating-mean7",
  "heatingOfDay-mean7",
  "heatingOfDay*sin1",
  "heatingOfDay*cos1",
  "temperatureOfDay-mean7",
] as const;

/** What a recurrent model sees besides: the same clock position on the last days, the oldest first. */
export const SEQUENCE = { steps: 7, channels: 4 } as const;

/** The first day of a table that can be forecast: everything but the four weeks is whole by then. */
export const FIRST_DAY = 14;

/** One day's inputs, a row per clock position. */
export interface DayInputs {
  /** Wh that stand for 1 in features and targets: the mean of the last 28 days, at least 1. */
  readonly scale: number;
  /** positions x FEATURES.length. */
  readonly features: Float32Array;
  /** positions x steps x channels. */
  readonly sequence: Float32Array;
}

/** Degrees below which homes are heated. */
const HEATING_LIMIT_C = 15;
const DEGREES = 10;
/** A single kettle must not outweigh a fortnight. */
const MOST = 8;

/** The inputs of a day, or undefined where too little is known before it. Reads rows before `day` alone. */
export function dayInputs({ load, temperature }: History, day: number): DayInputs | undefined {
  if (day < FIRST_DAY) return undefined;
  const { positions } = load;
  const mean = (back: readonly number[]): Float64Array => meanOfDays(load, day, back, new Float64Array(positions));
  const [mean7, mean14, mean28, weekday4] = [BACK.mean7, BACK.mean14, BACK.mean28, BACK.weekday4].map(mean) as Four;
  const base = mean7.map((value, p) => blendOf(value, weekday4[p]!)).map((value, p) => known(value, mean28[p]!));
  const level28 = average(mean28);
  if (Number.isNaN(level28) || base.some(Number.isNaN)) return undefined;
  const scale = Math.max(1, level28);
  const [yesterday, before, lastWeek] = [mean([1]), mean([2]), mean([7])] as Three;
  const median14 = new Float64Array(positions);
  sortedOfDays(load, day, 14, (p, sorted) => (median14[p] = quantileOf(sorted, 0.5)));
  const today = load.days[day]!;
  const sameKind = smooth(mean(daysOfKind(load.days, day)), 1);
  const [smoothBase, smoothYesterday, smoothMean7] = [smooth(base, 2), smooth(yesterday, 4), smooth(mean7, 4)] as Three;
  const levelYesterday = average(yesterday);
  const level7 = average(mean7);
  const levelOfWeekday = average(mean([8, 15, 22]));
  const weekend = today.weekday >= 6 ? 1 : 0;
  const heat = heating(temperature, day);
  const width = FEATURES.length;
  const features = new Float32Array(positions * width);
  for (let p = 0; p < positions; p += 1) {
    const angle = (2 * Math.PI * (p + 0.5)) / positions;
    const waves = [1, 2, 3, 4].flatMap((k) => [Math.sin(k * angle), Math.cos(k * angle)]);
    const [sin1, cos1, sin2, cos2] = waves as [number, number, number, number];
    const energies = [
      base[p]!,
      yesterday[p]! - mean7[p]!,
      before[p]! - mean7[p]!,
      lastWeek[p]! - weekday4[p]!,
      mean7[p]! - weekday4[p]!,
      mean14[p]! - mean7[p]!,
      median14[p]! - mean14[p]!,
      mean28[p]! - mean14[p]!,
      smoothBase[p]! - base[p]!,
      smoothYesterday[p]! - smoothMean7[p]!,
      sameKind[p]! - base[p]!,
      levelYesterday - level7,
      level7 - level28,
      levelYesterday - levelOfWeekday,
    ].map((energy) => bounded(energy / scale));
    const calendar = [...waves, weekend, weekend * sin1, weekend * cos1, weekend * sin2, weekend * cos2];
    const day7 = heat.ofDay;
    features.set([...energies, ...calendar, heat.perSlot[p] ?? 0, day7, day7 * sin1, day7 * cos1, heat.warmth], p * width);
  }
  return { scale, features, sequence: sequenceOf({ load, temperature }, day, base, scale) };
}

type Three = [Float64Array, Float64Array, Float64Array];
type Four = [Float64Array, Float64Array, Float64Array, Float64Array];

function known(value: number, instead: number): number {
  return Number.isNaN(value) ? instead : value;
}

/** What is unknown says nothing: zero. */
function bounded(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(MOST, Math.max(-MOST, value));
}

/** The mean of what is known. */
function average(values: Float64Array): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** The mean over the clock positions around each, past midnight as well: the day's ends are alike. */
function smooth(values: Float64Array, reach: number): Float64Array {
  const n = values.length;
  return values.map((_, p) => {
    let sum = 0;
    for (let k = -reach; k <= reach; k += 1) sum += values[(p + k + n) % n]!;
    return sum / (2 * reach + 1);
  });
}

/** Days back, up to 28, that are workdays as this one is, or weekends. */
function daysOfKind(days: readonly LocalDay[], day: number): number[] {
  const isWeekend = (d: number): boolean => (days[d]?.weekday ?? 0) >= 6;
  return BACK.mean28.filter((back) => back <= day && isWeekend(day - back) === isWeekend(day));
}

interface Heating {
  /** Need of heating against that of the last 7 days, by position and over the day; zero where unknown. */
  readonly perSlot: Float64Array;
  readonly ofDay: number;
  /** The day's temperature against that of the last 7 days. */
  readonly warmth: number;
}

function heating(temperature: DayTable | undefined, day: number): Heating {
  if (temperature === undefined) return { perSlot: new Float64Array(), ofDay: 0, warmth: 0 };
  const mean7 = meanOfDays(temperature, day, BACK.mean7, new Float64Array(temperature.positions));
  const today = meanOfDays(temperature, day, [0], new Float64Array(temperature.positions));
  const need = (degrees: number): number => Math.max(0, HEATING_LIMIT_C - degrees) / DEGREES;
  const perSlot = today.map((degrees, p) => bounded(need(degrees) - need(mean7[p]!)));
  const [day0, day7] = [average(today), average(mean7)];
  return { perSlot, ofDay: bounded(need(day0) - need(day7)), warmth: bounded((day0 - day7) / DEGREES) };
}

/** Per position and step: the load and its surroundings against the base, the same kind of day, the change in warmth. */
function sequenceOf({ load, temperature }: History, day: number, base: Float64Array, scale: number): Float32Array {
  const { positions, days } = load;
  const { steps, channels } = SEQUENCE;
  const sequence = new Float32Array(positions * steps * channels);
  const dayOf = (table: DayTable, back: number): Float64Array =>
    meanOfDays(table, day, [back], new Float64Array(table.positions));
  const warmthToday = temperature === undefined ? 0 : average(dayOf(temperature, 0));
  const isWeekend = (d: number): boolean => days[d]!.weekday >= 6;
  for (let step = 0; step < steps; step += 1) {
    const back = steps - step;
    const own = dayOf(load, back);
    const around = smooth(own, 2);
    const kind = isWeekend(day - back) === isWeekend(day) ? 1 : 0;
    const warmer = temperature === undefined ? 0 : bounded((warmthToday - average(dayOf(temperature, back))) / DEGREES);
    for (let p = 0; p < positions; p += 1) {
      const at = (p * steps + step) * channels;
      sequence[at] = bounded((own[p]! - base[p]!) / scale);
      sequence[at + 1] = bounded((around[p]! - base[p]!) / scale);
      sequence[at + 2] = kind;
      sequence[at + 3] = warmer;
    }
  }
  return sequence;
}
