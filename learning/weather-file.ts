/** The temperature from a file of the weather. */
import { createReadStream } from "node:fs";
import { CsvError, parse } from "csv-parse";
import type { TemperatureSeries } from "./series.ts";

/** What is wrong with a file of the weather; the message names the file, and the line. */
export class WeatherError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WeatherError";
  }
}

/** Of a quarter hour a century: a file with two rows further apart has a wrong date in it. */
const MOST_SLOTS = 3_600_000;

/**
 * Reads `slot_start,temperature_c`: degrees Celsius as forecast the day before, per slot. Throws WeatherError that
 * names the line.
 */
export async function readWeather(file: string, slotSeconds: number): Promise<TemperatureSeries> {
  const degrees = new Map<number, number>();
  const rows = parse({ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true });
  const source = createReadStream(file);
  source.on("error", (error) => rows.destroy(error)).pipe(rows);
  let header = true;
  try {
    for await (const item of rows) {
      const { record, info } = item as { record: string[]; info: { lines: number } };
      const fail = (what: string): never => {
        throw new WeatherError(`${file}, line ${info.lines}: ${what}`);
      };
      if (header) {
        header = false;
        if (record.join() !== "slot_start,temperature_c") {
          fail(`expected the columns slot_start,temperature_c, got ${record.join().slice(0, 80)}`);
        }
        continue;
      }
      if (record.length !== 2) fail(`expected 2 fields, got ${record.length}`);
      const [start = "", text = ""] = record;
      const seconds = /^\d{1,12}$/.test(start) ? Number(start) : Number.NaN;
      if (!(seconds % slotSeconds === 0)) {
        fail(`slot_start: expected Unix seconds in multiples of ${slotSeconds}, got ${start}`);
      }
      const value = text === "" ? Number.NaN : Number(text);
      if (!(value >= -90 && value <= 70)) fail(`temperature_c: expected -90 to 70, got ${text}`);
      const slot = seconds / slotSeconds;
      if (degrees.has(slot)) fail(`slot_start: ${start} is there twice`);
      degrees.set(slot, value);
    }
  } catch (error) {
    if (error instanceof CsvError) throw new WeatherError(`${file} is no CSV of slot_start,temperature_c`);
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new WeatherError(`${file} cannot be read (${code ?? "unknown"})`);
  }
  if (degrees.size === 0) throw new WeatherError(`${file} has no temperatures`);
  let firstSlot = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const slot of degrees.keys()) {
    firstSlot = Math.min(firstSlot, slot);
    last = Math.max(last, slot);
  }
  if (last - firstSlot > MOST_SLOTS) throw new WeatherError(`${file}: slot_start spans a century; is a date wrong?`);
  const temperatureC = Float64Array.from({ length: last - firstSlot + 1 }, (_, i) => degrees.get(firstSlot + i) ?? NaN);
  return { firstSlot, temperatureC };
}
