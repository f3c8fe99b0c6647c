/** What feeds a load over a day or a week: sun, wind, and the grid for the rest; what is left over goes there. */
import { dayShape } from "../grid/scada/profile.ts";
import { checkPlant, type Plant, powerKw } from "./plants/plant.ts";
import { checkSite, hourAngle, type Site } from "./plants/sun.ts";
import type { Weather } from "./weather/weather.ts";

/** kW of a plant in each slot. Throws RangeError for a plant or a site that cannot be. */
export function outputOf(plant: Plant, { start, slotSeconds, moments }: Weather, site: Site): Float64Array {
  checkPlant(plant);
  checkSite(site);
  return Float64Array.from(moments, (moment, slot) => powerKw(plant, moment, start + (slot + 0.5) * slotSeconds, site));
}

/** kW of a load with a usual day, by the sun's time. */
export function usualLoad(peakKw: number, { start, slotSeconds, moments }: Weather, site: Site): Float64Array {
  if (!(peakKw >= 0 && Number.isFinite(peakKw))) throw new RangeError(`peakKw: expected 0 or more, got ${peakKw}`);
  return Float64Array.from(moments, (_, slot) => {
    const turned = hourAngle(start + (slot + 0.5) * slotSeconds, site.longitudeDeg) / (2 * Math.PI);
    return peakKw * dayShape((turned + 0.5) * 86_400);
  });
}

/** kWh of a while. */
export interface Mix {
  /** Unix seconds. */
  readonly start: number;
  readonly loadKwh: number;
  readonly pvKwh: number;
  readonly windKwh: number;
  /** From the grid, where plants give less than the load; and to it, where they give more. */
  readonly importKwh: number;
  readonly exportKwh: number;
  /** Of the load by own plants at the moment they give it, 0 to 1; 1 without a load. */
  readonly coverage: number;
}

export interface MixRequest extends Site {
  readonly plants: readonly Plant[];
  readonly weather: Weather;
  /** kW of each slot. */
  readonly loadKw: Float64Array;
}

/** Slot by slot. Throws RangeError for loads of another length, or plants that cannot be. */
export function mixOf({ plants, weather, loadKw, ...site }: MixRequest): Mix[] {
  const { start, slotSeconds, moments } = weather;
  if (loadKw.length !== moments.length) {
    throw new RangeError(`loadKw: expected ${moments.length} slots, got ${loadKw.length}`);
  }
  const outputs = plants.map((plant) => ({ kind: plant.kind, kw: outputOf(plant, weather, site) }));
  const hours = slotSeconds / 3_600;
  return moments.map((_, slot): Mix => {
    const sum = (kind: Plant["kind"]): number =>
      outputs.reduce((total, one) => total + (one.kind === kind ? one.kw[slot]! : 0), 0) * hours;
    const [loadKwh, pvKwh, windKwh] = [loadKw[slot]! * hours, sum("pv"), sum("wind")];
    const missing = loadKwh - pvKwh - windKwh;
    const importKwh = Math.max(0, missing);
    return {
      ...{ start: start + slot * slotSeconds, loadKwh, pvKwh, windKwh, importKwh },
      exportKwh: Math.max(0, -missing),
      coverage: loadKwh > 0 ? 1 - importKwh / loadKwh : 1,
    };
  });
}

/** Sums of `slots` in a row, the last perhaps of fewer. */
export function summed(mixes: readonly Mix[], slots: number): Mix[] {
  const sums: Mix[] = [];
  for (let from = 0; from < mixes.length; from += slots) {
    const part = mixes.slice(from, from + slots);
    const of = (field: Exclude<keyof Mix, "start" | "coverage">): number =>
      part.reduce((sum, one) => sum + one[field], 0);
    const [loadKwh, importKwh] = [of("loadKwh"), of("importKwh")];
    sums.push({
      ...{ start: part[0]!.start, loadKwh, pvKwh: of("pvKwh"), windKwh: of("windKwh"), importKwh },
      exportKwh: of("exportKwh"),
      coverage: loadKwh > 0 ? 1 - importKwh / loadKwh : 1,
    });
  }
  return sums;
}
