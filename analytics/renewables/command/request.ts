/** What the flags of `npm run renewables` say: the place, the plants and the weather. */
import { readFileSync } from "node:fs";
import { UsageError } from "../../../config/runtime/role-command.ts";
import type { OptionValues } from "../../../config/runtime/role.ts";
import { numberOf } from "../../grid/command/request.ts";
import { parseWeather, type PvPlant, type Site, type Weather, type WindPlant } from "../index.ts";

export function siteOf(options: OptionValues): Site {
  return { latitudeDeg: numberOf(options, "lat", 48.2), longitudeDeg: numberOf(options, "lon", 16.4) };
}

export function pvOf(options: OptionValues, peakKw: number): PvPlant {
  return {
    ...{ kind: "pv", peakKw },
    ...{ tiltDeg: numberOf(options, "tilt", 30), azimuthDeg: numberOf(options, "azimuth", 180) },
  };
}

export function windOf(options: OptionValues, ratedKw: number): WindPlant {
  return { kind: "wind", ratedKw, hubM: numberOf(options, "hub", 100) };
}

/** A day as 2025-06-21, its first second in UTC; default `otherwise`. */
export function dayOf(options: OptionValues, otherwise: string): number {
  const text = (options["from"] as string | undefined) ?? otherwise;
  const seconds = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) / 1_000 : Number.NaN;
  if (!(seconds >= 0)) throw new UsageError(`--from: expected a day as 2025-06-21, got ${text}`);
  return seconds;
}

export function weatherOf(options: OptionValues): Weather {
  const file = options["weather"] as string | undefined;
  if (file === undefined) throw new UsageError("expected --weather with a CSV of the weather");
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new UsageError(`--weather: ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
  }
  return parseWeather(text, file);
}
