/** Writes the simulated temperature as a weather service would have forecast it the day before: with an error. */
import { writeFile } from "node:fs/promises";
import type { SlotRange } from "../../protocol/slots.ts";
import { DAY_SECONDS, energyPerSlot } from "./civil-day.ts";
import { loadModel } from "./model-options.ts";
import { nameOf, PURPOSES, RandomStream } from "./random.ts";
import { RegionWeather } from "./weather.ts";

/** How far off a forecast of the next day usually is, in degrees. */
export const WEATHER_ERROR_C = 1.5;

export interface WeatherFileOptions {
  /** As of the homes: they feel this weather. */
  readonly seed: string | number;
  readonly range: SlotRange;
  /** A divisor of 86400. */
  readonly slotSeconds: number;
  /** Standard deviation of the forecast of a day, in degrees. */
  readonly errorC: number;
}

/** Writes `slot_start,temperature_c`, hundredths of a degree. Throws what the file system throws. */
export async function writeWeather(path: string, options: WeatherFileOptions): Promise<void> {
  const { seed, range, slotSeconds, errorC } = options;
  const name = nameOf(String(seed));
  const region = new RegionWeather(name, 0, loadModel());
  const stream = new RandomStream();
  const perDay = DAY_SECONDS / slotSeconds;
  const lines = ["slot_start,temperature_c"];
  let known = { day: -1, degrees: new Float64Array() };
  for (let slot = range.from; slot < range.to; slot += 1) {
    const day = Math.floor(slot / perDay);
    if (known.day !== day) {
      const error = errorC * stream.enter(name, nameOf("weather forecast"), day, PURPOSES.temperature).normal();
      // A mean over the slot is what power spread over it gives, by the hour.
      const perSlot = energyPerSlot(region.day(day).temperatureC, slotSeconds);
      known = { day, degrees: perSlot.map((value) => (value * 3600) / slotSeconds + error) };
    }
    lines.push(`${slot * slotSeconds},${known.degrees[slot - day * perDay]!.toFixed(2)}`);
  }
  await writeFile(path, `${lines.join("\n")}\n`);
}
