/** Weather as slots of equal length, and its file. */
import { parse } from "csv-parse/sync";
import type { Moment } from "../plants/plant.ts";

export interface Weather {
  /** Unix seconds of the first slot's begin. */
  readonly start: number;
  readonly slotSeconds: number;
  readonly moments: readonly Moment[];
}

/** Pressure is optional. */
const WEATHER_COLUMNS = ["slot_start", "temperature_c", "cloud_cover", "wind_mps", "pressure_hpa"] as const;
const SEA_LEVEL_HPA = 1_013.25;

/** A file that is no weather; the message names it and the line. */
export class WeatherFileError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WeatherFileError";
  }
}

const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  temperature_c: [-90, 70],
  cloud_cover: [0, 1],
  wind_mps: [0, 100],
  pressure_hpa: [300, 1_100],
};

/**
 * `slot_start` in Unix seconds, evenly apart and without gaps; degrees Celsius; 0 (clear) to 1; m/s at 10 m; hPa at the
 * site. Throws WeatherFileError that names the line and the column.
 */
export function parseWeather(text: string, file: string): Weather {
  let rows: string[][];
  try {
    rows = parse(text, { bom: true, trim: true, skip_empty_lines: true, relax_column_count: true });
  } catch (error) {
    throw new WeatherFileError(`${file} is no CSV: ${error instanceof Error ? error.message : String(error)}`);
  }
  const [header = [], ...records] = rows;
  const full = WEATHER_COLUMNS.join();
  if (header.join() !== full && header.join() !== WEATHER_COLUMNS.slice(0, -1).join()) {
    throw new WeatherFileError(`${file}, line 1: expected the columns ${full} (pressure_hpa may be left out)`);
  }
  if (records.length < 2) throw new WeatherFileError(`${file}: expected two rows or more, got ${records.length}`);
  const starts: number[] = [];
  const moments = records.map((record, row): Moment => {
    const fail = (what: string): never => {
      throw new WeatherFileError(`${file}, line ${row + 2}: ${what}`);
    };
    if (record.length !== header.length) fail(`expected ${header.length} fields, got ${record.length}`);
    const at = record[0]!;
    if (!/^\d{1,12}$/.test(at)) fail(`slot_start: expected Unix seconds, got ${at}`);
    starts.push(Number(at));
    const step = starts.length < 2 ? 1 : starts[1]! - starts[0]!;
    if (starts.length > 1 && (step <= 0 || Number(at) !== starts[0]! + row * step)) {
      fail(`slot_start: expected ${starts[0]! + row * Math.max(step, 1)}, slots evenly apart; got ${at}`);
    }
    const value = (column: string, otherwise: number): number => {
      const index = header.indexOf(column);
      if (index < 0) return otherwise;
      const number = record[index] === "" ? Number.NaN : Number(record[index]);
      const [least, most] = RANGES[column]!;
      if (!(number >= least && number <= most)) fail(`${column}: expected ${least} to ${most}, got ${record[index]}`);
      return number;
    };
    return {
      temperatureC: value("temperature_c", 0),
      cloud: value("cloud_cover", 0),
      windMps: value("wind_mps", 0),
      pressureHpa: value("pressure_hpa", SEA_LEVEL_HPA),
    };
  });
  return { start: starts[0]!, slotSeconds: starts[1]! - starts[0]!, moments };
}

export function weatherCsv({ start, slotSeconds, moments }: Weather): string {
  const rows = moments.map(({ temperatureC, cloud, windMps, pressureHpa }, slot) =>
    [
      start + slot * slotSeconds,
      ...[temperatureC.toFixed(2), cloud.toFixed(3), windMps.toFixed(2), pressureHpa.toFixed(1)],
    ].join(),
  );
  return `${WEATHER_COLUMNS.join()}\n${rows.join("\n")}\n`;
}

/** Part of a weather, by slots. */
export function sliceOf({ start, slotSeconds, moments }: Weather, from: number, to: number): Weather {
  return { start: start + from * slotSeconds, slotSeconds, moments: moments.slice(from, to) };
}
