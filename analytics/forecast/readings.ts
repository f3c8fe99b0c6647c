/** Series to forecast from a file of readings, and the temperature from a file of the weather. */
import { createReadStream } from "node:fs";
import { CsvError, parse } from "csv-parse";
import { ReadingsError, type ReadingsRow, scanReadings } from "../../billing/readings-file.ts";
import type { LoadSeries, TemperatureSeries } from "../../learning/index.ts";

export interface FleetReadings {
  /** Every meter by itself, in the order of their ids. */
  readonly meters: readonly LoadSeries[];
  /** Which meters a feeder has; `all` where the file names none. A meter that moved stands where it was last. */
  readonly feeders: ReadonlyMap<string, readonly string[]>;
}

export interface ReadOptions {
  readonly slotSeconds: number;
  /** Told after every row. */
  readonly onRow?: (rows: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The feeder of rows that name none. */
const ALL = "all";
/** Of a quarter hour a century: a file with two rows further apart has a wrong date in it. */
const MOST_SLOTS = 3_600_000;

interface Growing {
  feeder: string;
  readonly slots: number[];
  readonly energyWh: number[];
}

/** Reads what the meters took from the grid. Throws ReadingsError that names the line. */
export async function readFleet(file: string, { slotSeconds, onRow, signal }: ReadOptions): Promise<FleetReadings> {
  const byMeter = new Map<string, Growing>();
  let rows = 0;
  await scanReadings(file, slotSeconds, (row) => {
    signal?.throwIfAborted();
    takeRow(byMeter, row);
    onRow?.((rows += 1));
  });
  if (rows === 0) throw new ReadingsError(`${file} has no readings`);
  const ids = [...byMeter.keys()].sort();
  const feeders = new Map<string, string[]>();
  for (const id of ids) {
    const { feeder } = byMeter.get(id)!;
    feeders.set(feeder, [...(feeders.get(feeder) ?? []), id]);
  }
  return { meters: ids.map((id) => seriesOf(id, byMeter.get(id)!, file, slotSeconds)), feeders };
}

function takeRow(byMeter: Map<string, Growing>, { meter, slot, feeder, energy, fail }: ReadingsRow): void {
  if (meter === "") fail("meter: expected the name of a meter, got nothing");
  const value = energy("import");
  let own = byMeter.get(meter);
  if (own === undefined) byMeter.set(meter, (own = { feeder: ALL, slots: [], energyWh: [] }));
  own.feeder = feeder === "" ? ALL : feeder;
  // An empty field is a gap, as a missing row is.
  if (value === undefined) return;
  own.slots.push(slot);
  own.energyWh.push(value);
}

function seriesOf(id: string, { slots, energyWh }: Growing, file: string, slotSeconds: number): LoadSeries {
  let firstSlot = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const slot of slots) {
    firstSlot = Math.min(firstSlot, slot);
    last = Math.max(last, slot);
  }
  if (slots.length === 0) throw new ReadingsError(`${file}: energy_wh of meter ${id} is empty in every row`);
  if (last - firstSlot > MOST_SLOTS) {
    const date = (slot: number): string => new Date(slot * slotSeconds * 1_000).toISOString().slice(0, 10);
    throw new ReadingsError(
      `${file}: slot_start of meter ${id} goes from ${date(firstSlot)} to ${date(last)}; is a date wrong?`,
    );
  }
  const series = new Float64Array(last - firstSlot + 1).fill(Number.NaN);
  for (const [i, slot] of slots.entries()) {
    if (!Number.isNaN(series[slot - firstSlot])) {
      const start = new Date(slot * slotSeconds * 1_000).toISOString();
      throw new ReadingsError(`${file}: meter ${id} has two values of energy_wh for slot_start ${start}`);
    }
    series[slot - firstSlot] = energyWh[i]!;
  }
  return { id, firstSlot, energyWh: series };
}

/**
 * Reads `slot_start,temperature_c`: degrees Celsius as forecast the day before, per slot. Throws ReadingsError that
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
        throw new ReadingsError(`${file}, line ${info.lines}: ${what}`);
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
    if (error instanceof CsvError) throw new ReadingsError(`${file} is no CSV of slot_start,temperature_c`);
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new ReadingsError(`${file} cannot be read (${code ?? "unknown"})`);
  }
  if (degrees.size === 0) throw new ReadingsError(`${file} has no temperatures`);
  let firstSlot = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const slot of degrees.keys()) {
    firstSlot = Math.min(firstSlot, slot);
    last = Math.max(last, slot);
  }
  if (last - firstSlot > MOST_SLOTS) throw new ReadingsError(`${file}: slot_start spans a century; is a date wrong?`);
  const temperatureC = Float64Array.from({ length: last - firstSlot + 1 }, (_, i) => degrees.get(firstSlot + i) ?? NaN);
  return { firstSlot, temperatureC };
}
