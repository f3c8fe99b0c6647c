/** The readings that were fed, from their file: by meter and slot, and summed up by feeder. */
import { readFileSync } from "node:fs";
import { parse } from "csv-parse/sync";

export interface TrueReading {
  readonly meter: string;
  readonly feeder: string;
  /** Unix seconds. */
  readonly start: number;
  readonly importWh: number;
  readonly exportWh: number;
}

export interface TrueLoad {
  importWh: number;
  exportWh: number;
  meters: number;
  /** How many of them have ever exported. */
  exporting: number;
}

export interface Truth {
  readonly readings: readonly TrueReading[];
  readonly ofMeter: ReadonlyMap<string, readonly TrueReading[]>;
  /** Meters that have exported at least once. */
  readonly exporters: ReadonlySet<string>;
  /** By `feeder/start`. */
  readonly loads: ReadonlyMap<string, TrueLoad>;
}

/** Throws RangeError for a row that is no reading, or for two of one meter and slot. */
export function readTruth(file: string): Truth {
  const rows = parse<Readonly<Record<string, string>>>(readFileSync(file, "utf8"), { columns: true });
  const ofMeter = new Map<string, TrueReading[]>();
  const seen = new Set<string>();
  const readings = rows.map((row, i): TrueReading => {
    const reading: TrueReading = {
      meter: row["meter"] ?? "",
      feeder: row["feeder"] ?? "",
      start: Number(row["slot_start"]),
      importWh: Number(row["energy_wh"]),
      exportWh: Number(row["export_wh"]),
    };
    const { meter, start, importWh, exportWh } = reading;
    const key = `${meter}/${start}`;
    if (meter === "" || ![start, importWh, exportWh].every((one) => Number.isSafeInteger(one)) || seen.has(key)) {
      throw new RangeError(
        `${file}, row ${i + 2}: expected one reading of a meter and slot, got ${JSON.stringify(row)}`,
      );
    }
    seen.add(key);
    return reading;
  });
  for (const reading of readings) {
    const own = ofMeter.get(reading.meter);
    if (own === undefined) ofMeter.set(reading.meter, [reading]);
    else own.push(reading);
  }
  const exporters = new Set(readings.filter(({ exportWh }) => exportWh > 0).map(({ meter }) => meter));
  return { readings, ofMeter, exporters, loads: sumUp(readings, exporters) };
}

function sumUp(readings: readonly TrueReading[], exporters: ReadonlySet<string>): Map<string, TrueLoad> {
  const loads = new Map<string, TrueLoad>();
  for (const { meter, feeder, start, importWh, exportWh } of readings) {
    const key = `${feeder}/${start}`;
    const load = loads.get(key) ?? { importWh: 0, exportWh: 0, meters: 0, exporting: 0 };
    load.importWh += importWh;
    load.exportWh += exportWh;
    load.meters += 1;
    if (exporters.has(meter)) load.exporting += 1;
    loads.set(key, load);
  }
  return loads;
}
