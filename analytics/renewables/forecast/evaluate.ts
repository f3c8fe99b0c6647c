/**
 * Forecasts beside what is simple, on simulated weather that nothing was fitted on. Plants give what their physical model
 * says of the actual weather, but not quite: each has its own tilt, dirt or wake that its papers do not tell.
 */
import { SeededRandom } from "../../grid/random.ts";
import { outputOf } from "../mix.ts";
import { capacityKw, type Plant } from "../plants/plant.ts";
import type { Site } from "../plants/sun.ts";
import { simulateWeather } from "../weather/simulate.ts";
import { sliceOf, type Weather } from "../weather/weather.ts";
import { PlantForecaster, slotsPerDay } from "./forecast.ts";

/** `persistence`: as yesterday; `climate`: the mean of the same slot so far; `perfect weather`: the physical model with the weather that came. */
export const FORECASTS = ["fitted", "physical", "persistence", "climate", "perfect weather"] as const;
export type ForecastName = (typeof FORECASTS)[number];

export interface ForecastTrial extends Site {
  readonly plant: Plant;
  readonly seeds: readonly number[];
  /** Days before the first that is forecast, 3 or more; and days that are. Defaults 60 and 30. */
  readonly trainingDays?: number;
  readonly days?: number;
  /** Unix seconds; default 2025-04-01. */
  readonly start?: number;
  readonly onSeed?: (done: number) => void;
}

export interface ForecastRow {
  readonly forecast: ForecastName;
  /** In percent of the capacity, over all slots, nights among them. */
  readonly maePercent: number;
  readonly rmsePercent: number;
  /** Least and largest of the seeds' mean errors. */
  readonly seedMaePercent: readonly [number, number];
  /** 1 - MAE / MAE of persistence. */
  readonly skill: number;
}

const APRIL = Date.UTC(2025, 3, 1) / 1_000;

/** What a plant like this one really gives, by seed: simulated. */
function simulatedOutput(plant: Plant, weather: Weather, site: Site, seed: number): Float64Array {
  const random = new SeededRandom(seed * 7 + 3);
  const real: Plant =
    plant.kind === "pv"
      ? {
          ...plant,
          tiltDeg: Math.min(90, Math.max(0, plant.tiltDeg + 5 * random.normal())),
          azimuthDeg: Math.min(360, Math.max(0, plant.azimuthDeg + 10 * random.normal())),
        }
      : plant;
  const share = random.uniform(0.85, 0.98);
  const keep = Math.exp(-weather.slotSeconds / 7_200);
  let unsteady = random.normal();
  return outputOf(real, weather, site).map((kw) => {
    unsteady = keep * unsteady + Math.sqrt(1 - keep ** 2) * random.normal();
    return Math.min(capacityKw(plant), Math.max(0, kw * share * (1 + 0.05 * unsteady)));
  });
}

/** Day after day, fitted each day on what is known by then. Throws RangeError for a trial that cannot be. */
export function evaluateForecast(trial: ForecastTrial): readonly ForecastRow[] {
  const { plant, seeds, trainingDays = 60, days = 30, start = APRIL, onSeed, latitudeDeg, longitudeDeg } = trial;
  if (!(Number.isInteger(trainingDays) && trainingDays >= 3)) {
    throw new RangeError(`trainingDays: expected an integer from 3 on, got ${trainingDays}`);
  }
  if (!(Number.isInteger(days) && days >= 1)) throw new RangeError(`days: expected an integer from 1 on, got ${days}`);
  if (seeds.length === 0) throw new RangeError("seeds: expected at least one, got none");
  const site = { latitudeDeg, longitudeDeg };
  const capacity = capacityKw(plant);
  const errors = new Map(FORECASTS.map((name) => [name, seeds.map(() => ({ sum: 0, squares: 0, count: 0 }))]));
  for (const [s, seed] of seeds.entries()) {
    const { actual, forecast } = simulateWeather({ ...site, seed, days: trainingDays + days, start });
    const gave = simulatedOutput(plant, actual, site, seed);
    const [told, perfect] = [outputOf(plant, forecast, site), outputOf(plant, actual, site)];
    const perDay = slotsPerDay(actual);
    const forecaster = new PlantForecaster(plant, site);
    for (let day = trainingDays; day < trainingDays + days; day++) {
      const first = day * perDay;
      const known = { forecast: sliceOf(forecast, 0, first + perDay), gaveKw: gave.subarray(0, first) };
      forecaster.fit(known);
      const said: Readonly<Record<ForecastName, (slot: number) => number>> = {
        fitted: (
          (values) => (slot: number) =>
            values[slot - first]!
        )(forecaster.predict(known)),
        physical: (slot) => told[slot]!,
        persistence: (slot) => gave[slot - perDay]!,
        climate: (slot) => {
          let sum = 0;
          for (let before = slot - perDay; before >= 0; before -= perDay) sum += gave[before]!;
          return sum / day;
        },
        "perfect weather": (slot) => perfect[slot]!,
      };
      for (const name of FORECASTS) {
        const tally = errors.get(name)![s]!;
        for (let slot = first; slot < first + perDay; slot++) {
          const error = Math.abs(said[name](slot) - gave[slot]!) / capacity;
          tally.sum += error;
          tally.squares += error ** 2;
          tally.count += 1;
        }
      }
    }
    onSeed?.(s + 1);
  }
  const rows = FORECASTS.map((forecast) => {
    const tallies = errors.get(forecast)!;
    const count = tallies.reduce((sum, one) => sum + one.count, 0);
    const bySeed = tallies.map((one) => (100 * one.sum) / one.count);
    return {
      forecast,
      maePercent: (100 * tallies.reduce((sum, one) => sum + one.sum, 0)) / count,
      rmsePercent: 100 * Math.sqrt(tallies.reduce((sum, one) => sum + one.squares, 0) / count),
      seedMaePercent: [Math.min(...bySeed), Math.max(...bySeed)] as const,
    };
  });
  const persistence = rows.find(({ forecast }) => forecast === "persistence")!.maePercent;
  return rows.map((row) => ({ ...row, skill: 1 - row.maePercent / persistence }));
}
