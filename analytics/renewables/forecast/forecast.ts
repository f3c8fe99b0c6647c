/**
 * The day ahead of a plant. The weather forecast goes through the plant's physical model; how that model, a clear sky and
 * yesterday go together is fitted on days gone by, because no plant is quite what its papers say.
 */
import { outputOf } from "../mix.ts";
import { capacityKw, type Plant } from "../plants/plant.ts";
import type { Site } from "../plants/sun.ts";
import type { Weather } from "../weather/weather.ts";

/** What is known when the day before ends. */
export interface Known {
  /** As forecast the day before, from the first slot of the history on. */
  readonly forecast: Weather;
  /** kW that the plant gave, by slot of `forecast`; slots after it are to come. */
  readonly gaveKw: ArrayLike<number>;
}

/** Keeps a fit on few or dull days near the physical model alone, in squared shares of the capacity per slot. */
const RIDGE = 0.002;
/** The physical model as it is. */
const PRIOR = [1, 0, 0] as const;

export class PlantForecaster {
  readonly plant: Plant;
  readonly site: Site;
  /** Of the physical model, of a clear sky (wind: of full power), and of the day before. */
  weights: readonly number[] = PRIOR;

  constructor(plant: Plant, site: Site) {
    this.plant = plant;
    this.site = site;
  }

  /** Fits on all slots whose output is known, from the second day on. Throws RangeError for less than three days. */
  fit({ forecast, gaveKw }: Known): void {
    const perDay = slotsPerDay(forecast);
    if (gaveKw.length < 3 * perDay) {
      throw new RangeError(`gaveKw: expected three days or more (${3 * perDay} slots), got ${gaveKw.length}`);
    }
    const columns = this.#columns(forecast, gaveKw);
    const capacity = capacityKw(this.plant);
    const n = PRIOR.length;
    const matrix = Array.from({ length: n }, () => new Float64Array(n + 1));
    let count = 0;
    for (let slot = perDay; slot < gaveKw.length; slot++) {
      const x = columns.map((column) => column[slot]! / capacity);
      const left = gaveKw[slot]! / capacity - x.reduce((sum, value, a) => sum + value * PRIOR[a]!, 0);
      for (const [a, row] of matrix.entries()) {
        for (let b = 0; b < n; b++) row[b]! += x[a]! * x[b]!;
        row[n]! += x[a]! * left;
      }
      count += 1;
    }
    for (const [a, row] of matrix.entries()) row[a]! += RIDGE * count;
    const change = solved(matrix);
    this.weights = PRIOR.map((weight, a) => weight + change[a]!);
  }

  /** kW for each slot of the day that begins where what the plant gave ends, 0 to its capacity. */
  predict({ forecast, gaveKw }: Known): Float64Array {
    const perDay = slotsPerDay(forecast);
    const columns = this.#columns(forecast, gaveKw);
    const first = gaveKw.length;
    const last = Math.min(first + perDay, forecast.moments.length);
    const capacity = capacityKw(this.plant);
    return Float64Array.from({ length: Math.max(0, last - first) }, (_, i) => {
      const kw = columns.reduce((sum, column, a) => sum + this.weights[a]! * column[first + i]!, 0);
      // At night there is nothing to share out.
      const dark = this.plant.kind === "pv" && columns[1]![first + i] === 0;
      return dark ? 0 : Math.min(capacity, Math.max(0, kw));
    });
  }

  #columns(forecast: Weather, gaveKw: ArrayLike<number>): readonly Float64Array[] {
    const perDay = slotsPerDay(forecast);
    const clear = { ...forecast, moments: forecast.moments.map((moment) => ({ ...moment, cloud: 0 })) };
    const most =
      this.plant.kind === "pv"
        ? outputOf(this.plant, clear, this.site)
        : new Float64Array(forecast.moments.length).fill(capacityKw(this.plant));
    const yesterday = Float64Array.from(forecast.moments, (_, slot) => gaveKw[slot - perDay] ?? 0);
    return [outputOf(this.plant, forecast, this.site), most, yesterday];
  }
}

export function slotsPerDay({ slotSeconds }: Weather): number {
  const count = 86_400 / slotSeconds;
  if (!Number.isInteger(count)) throw new RangeError(`slotSeconds: expected a part of a day, got ${slotSeconds}`);
  return count;
}

/** Of n rows with the right side last, by Gauss; the matrix is positive definite. */
function solved(rows: readonly Float64Array[]): Float64Array {
  const n = rows.length;
  const result = new Float64Array(n);
  for (let a = 0; a < n; a++) {
    for (let b = a + 1; b < n; b++) {
      const factor = rows[b]![a]! / rows[a]![a]!;
      for (let c = a; c <= n; c++) rows[b]![c]! -= factor * rows[a]![c]!;
    }
  }
  for (let a = n - 1; a >= 0; a--) {
    let rest = rows[a]![n]!;
    for (let b = a + 1; b < n; b++) rest -= rows[a]![b]! * result[b]!;
    result[a] = rest / rows[a]![a]!;
  }
  return result;
}
