/**
 * Made-up weather by seed, with the forecast that was made of it the day before. Clouds, wind and temperature are each a
 * slow and a quick process; the forecast knows most of the slow one and nothing of the quick one. No real place's.
 */
import { SeededRandom } from "../../grid/random.ts";
import { checkSite, declination, hourAngle, type Site } from "../plants/sun.ts";
import type { Weather } from "./weather.ts";
import type { Moment } from "../plants/plant.ts";

export interface WeatherPlan extends Site {
  readonly seed: number;
  /** 1 to 3,660. */
  readonly days: number;
  /** Unix seconds of the first slot. */
  readonly start: number;
  /** 60 to 86,400; default an hour. */
  readonly slotSeconds?: number;
}

export interface SimulatedWeather {
  readonly actual: Weather;
  /** As told the day before. */
  readonly forecast: Weather;
}

/** Hours until a process forgets 63 % of where it was. */
const MEMORY = { slow: 20, quick: 2.5, front: 60 } as const;
/** How much of the slow process a day-ahead forecast knows (correlation). */
const KNOWN = { cloud: 0.85, wind: 0.9, temperature: 0.9 } as const;
const SLOW_SHARE = 0.85;

/** Mean 0, deviation 1, with a memory. */
class Process {
  #at: number;
  readonly #random: SeededRandom;
  readonly #keep: number;

  constructor(random: SeededRandom, hours: number, memory: number) {
    this.#random = random;
    this.#keep = Math.exp(-hours / memory);
    this.#at = random.normal();
  }

  next(): number {
    this.#at = this.#keep * this.#at + Math.sqrt(1 - this.#keep ** 2) * this.#random.normal();
    return this.#at;
  }
}

/** Throws RangeError for a plan that cannot be. The same plan gives the same weather. */
export function simulateWeather(plan: WeatherPlan): SimulatedWeather {
  const { seed, days, start, slotSeconds = 3_600 } = plan;
  checkSite(plan);
  if (!(Number.isInteger(days) && days >= 1 && days <= 3_660)) {
    throw new RangeError(`days: expected an integer from 1 to 3660, got ${days}`);
  }
  if (!(Number.isInteger(slotSeconds) && slotSeconds >= 60 && slotSeconds <= 86_400)) {
    throw new RangeError(`slotSeconds: expected an integer from 60 to 86400, got ${slotSeconds}`);
  }
  if (!(Number.isInteger(start) && start >= 0)) throw new RangeError(`start: expected Unix seconds, got ${start}`);
  const random = new SeededRandom(seed);
  const hours = slotSeconds / 3_600;
  const of = (memory: number): Process => new Process(random, hours, memory);
  const parts = { cloud: twoOf(of, MEMORY.slow), wind: twoOf(of, MEMORY.slow), temperature: twoOf(of, MEMORY.front) };
  const actual: Moment[] = [];
  const forecast: Moment[] = [];
  const pressure = of(MEMORY.front);
  const slots = Math.round((days * 86_400) / slotSeconds);
  for (let slot = 0; slot < slots; slot++) {
    const middle = start + (slot + 0.5) * slotSeconds;
    const pressureHpa = 1_013 + 8 * pressure.next();
    const [cloud, wind, temperature] = [
      parts.cloud(KNOWN.cloud),
      parts.wind(KNOWN.wind),
      parts.temperature(KNOWN.temperature),
    ];
    for (const [out, k] of [
      [actual, 0],
      [forecast, 1],
    ] as const) {
      out.push({
        temperatureC: usualC(plan, middle) + 3 * temperature[k],
        cloud: 1 / (1 + Math.exp(-(0.4 + 2.2 * cloud[k]))),
        windMps: weibull(wind[k]),
        pressureHpa,
      });
    }
  }
  return { actual: { start, slotSeconds, moments: actual }, forecast: { start, slotSeconds, moments: forecast } };
}

/** The process as it goes, and as the day before had it: both of deviation 1. */
function twoOf(of: (memory: number) => Process, memory: number): (known: number) => readonly [number, number] {
  const [slow, quick, error] = [of(memory), of(MEMORY.quick), of(memory)];
  return (known) => {
    const seen = slow.next();
    const guess = known * seen + Math.sqrt(1 - known ** 2) * error.next();
    return [SLOW_SHARE * seen + Math.sqrt(1 - SLOW_SHARE ** 2) * quick.next(), SLOW_SHARE * guess];
  };
}

/** Of season, latitude and time of day: warmest after noon and in the summer. */
function usualC({ latitudeDeg, longitudeDeg }: Site, unixSeconds: number): number {
  const season = Math.sign(latitudeDeg) * declination(unixSeconds);
  const mean = 27 - 0.35 * Math.abs(latitudeDeg);
  const afterNoon = Math.cos(hourAngle(unixSeconds, longitudeDeg) - Math.PI / 5);
  return mean + season * (0.5 * Math.abs(latitudeDeg)) + 4 * afterNoon;
}

/** Wind with shape 2 and mean 4.8 m/s from a normal figure. */
function weibull(normal: number): number {
  const above = Math.max(1e-12, 1 - normalShare(normal));
  return 5.4 * Math.sqrt(-Math.log(above));
}

/** Share of a normal distribution below: M. Abramowitz and I. A. Stegun 26.2.17, good to 1e-7. */
function normalShare(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    (Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}
