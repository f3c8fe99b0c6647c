/** Ambient and season of a simulated region, in two-hour steps of a day that stands for its week. */
import type { SeededRandom } from "../../grid/random.ts";
import { WEEKS_PER_YEAR } from "../history/history.ts";

/** Hours of one step, and steps of a day. */
export const STEP_HOURS = 2;
export const STEPS = 24 / STEP_HOURS;

/** Over the day's mean: warmest at 15 o'clock. */
const DAILY_K = Float64Array.from(
  { length: STEPS },
  (_, step) => 5 * Math.sin((2 * Math.PI * (STEP_HOURS * (step + 0.5) - 9)) / 24),
);

export interface WeekWeather {
  /** Days of the year since the first of January, as an angle. */
  readonly season: number;
  /** Degrees Celsius of each step of the day. */
  readonly stepsC: Float64Array;
  readonly meanC: number;
}

/** `departure` is how far the week is from what is usual, in K. */
export function weatherOf(week: number, departure: number): WeekWeather {
  const season = (2 * Math.PI * week) / WEEKS_PER_YEAR;
  const meanC = 11 - 10 * Math.cos(season) + departure;
  const stepsC = DAILY_K.map((above) => meanC + above);
  return { season, stepsC, meanC };
}

/** Week after week: warm weeks follow warm ones. */
export class Weather {
  readonly #random: SeededRandom;
  #departure = 0;
  #week: number;

  constructor(random: SeededRandom, firstWeek: number) {
    this.#random = random;
    this.#week = firstWeek;
  }

  next(): WeekWeather {
    this.#departure = 0.6 * this.#departure + 2.4 * this.#random.normal();
    return weatherOf(this.#week++, this.#departure);
  }
}

const HOME = [33, 30, 32, 52, 58, 54, 55, 54, 60, 89, 97, 69];
const WORK = [30, 28, 34, 66, 95, 100, 94, 97, 92, 65, 45, 38];

/** The load of each step over the peak of the day; `homes` is the share of households in it. */
export function dayShape(homes: number): Float64Array {
  const mixed = HOME.map((home, step) => homes * home + (1 - homes) * WORK[step]!);
  const peak = Math.max(...mixed);
  return Float64Array.from(mixed, (value) => value / peak);
}
