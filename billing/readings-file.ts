/** Readings of a file with the columns of a replay, to check bills with: exact integers, every fault with its line. */
import { createReadStream } from "node:fs";
import { CsvError, parse } from "csv-parse";
import type { CustomerKindName } from "../protocol/units.ts";

/** Watt-hours by slot, for each kind. */
export type MeterReadings = Readonly<Record<CustomerKindName, ReadonlyMap<number, bigint>>>;

export const NO_READINGS: MeterReadings = {
  import: new Map(),
  export: new Map(),
  catchup: new Map(),
  catchupExport: new Map(),
};

/** What is wrong with a file of readings; the message names the line. */
export class ReadingsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ReadingsError";
  }
}

const COLUMNS: Readonly<Record<CustomerKindName, string>> = {
  import: "energy_wh",
  export: "export_wh",
  catchup: "catchup_wh",
  catchupExport: "catchup_export_wh",
};
const KINDS = Object.keys(COLUMNS) as CustomerKindName[];
const KNOWN = new Set(["meter", "slot_start", "feeder", ...Object.values(COLUMNS)]);

/** A row as it stands in the file. */
export interface ReadingsRow {
  readonly meter: string;
  readonly slot: number;
  /** Empty where the file has no such column. */
  readonly feeder: string;
  /** `slot_start` as it is written. */
  readonly start: string;
  /** The energy of a kind in Wh, or undefined where the field is empty or the file has no such column. */
  energy(kind: CustomerKindName): number | undefined;
  /** Throws ReadingsError that names the file and the row's line. */
  fail(what: string): never;
}

/** Reads `meter,slot_start,energy_wh` and the optional columns. Throws ReadingsError for whatever is wrong with it. */
export async function readReadings(file: string, slotSeconds: number): Promise<Map<string, MeterReadings>> {
  const meters = new Map<string, Record<CustomerKindName, Map<number, bigint>>>();
  await scanReadings(file, slotSeconds, ({ meter, slot, start, energy, fail }) => {
    let own = meters.get(meter);
    if (own === undefined) {
      own = { import: new Map(), export: new Map(), catchup: new Map(), catchupExport: new Map() };
      meters.set(meter, own);
    }
    for (const kind of KINDS) {
      const value = energy(kind);
      if (value === undefined) continue;
      if (own[kind].has(slot)) fail(`${meter} has two values of ${COLUMNS[kind]} for ${start}`);
      own[kind].set(slot, BigInt(value));
    }
  });
  return meters;
}

/** Hands every row to `take`, in the order of the file. Throws ReadingsError as `readReadings` does. */
export async function scanReadings(file: string, slotSeconds: number, take: (row: ReadingsRow) => void): Promise<void> {
  try {
    await readRows(file, slotSeconds, take);
  } catch (error) {
    throw error instanceof ReadingsError || !(error instanceof Error) ? error : unreadable(file, error);
  }
}

/** The system's and the CSV parser's own messages say neither which file it was nor what a good one looks like. */
function unreadable(file: string, error: Error): Error {
  if (error instanceof CsvError) {
    const line = error["lines"];
    const place = typeof line === "number" ? `${file}, line ${line}` : file;
    return new ReadingsError(`${place}: this is no CSV of readings; its first line is meter,slot_start,energy_wh`);
  }
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return error;
  if (code === "ENOENT") return new ReadingsError(`${file}: there is no such file`);
  if (code === "EISDIR") return new ReadingsError(`${file} is a folder, not a file of readings`);
  if (code === "EACCES" || code === "EPERM") return new ReadingsError(`${file} cannot be read by this user`);
  return new ReadingsError(`${file} cannot be read (${code ?? "unknown"})`);
}

async function readRows(file: string, slotSeconds: number, take: (row: ReadingsRow) => void): Promise<void> {
  const rows = parse({ bom: true, trim: true, skip_empty_lines: true, relax_column_count: true, info: true });
  const source = createReadStream(file);
  // A pipe hands no error on.
  source.on("error", (error) => rows.destroy(error)).pipe(rows);
  let columns: readonly string[] | undefined;
  for await (const item of rows) {
    const { record, info } = item as { record: string[]; info: { lines: number } };
    const fail = (what: string): never => {
      throw new ReadingsError(`${file}, line ${info.lines}: ${what}`);
    };
    if (columns === undefined) {
      columns = record;
      const separator = otherSeparator(record);
      if (separator !== undefined) fail(`the columns are separated by ${separator}; expected commas`);
      const stray = record.find((name, i) => !KNOWN.has(name) || record.indexOf(name) < i);
      if (stray !== undefined) fail(`column ${stray} is unknown or there twice; known are ${[...KNOWN].join(", ")}`);
      if (!record.includes("meter") || !record.includes("slot_start") || !record.includes("energy_wh")) {
        fail("expected the columns meter, slot_start and energy_wh in the first line");
      }
      continue;
    }
    if (record.length !== columns.length) fail(`expected ${columns.length} fields, got ${record.length}`);
    const names = columns;
    const value = (name: string): string => record[names.indexOf(name)] ?? "";
    const start = value("slot_start");
    const at = secondsOf(start);
    if (!(at % slotSeconds === 0)) {
      fail(
        `slot_start: expected Unix seconds, or ISO 8601 with an offset, in multiples of ${slotSeconds}, got ${start}`,
      );
    }
    const energy = (kind: CustomerKindName): number | undefined => {
      const text = value(COLUMNS[kind]);
      if (text === "") return undefined;
      if (!/^\d{1,15}$/.test(text)) fail(`${COLUMNS[kind]}: expected whole watt-hours, got ${text}`);
      return Number(text);
    };
    take({ meter: value("meter"), slot: at / slotSeconds, feeder: value("feeder"), start, energy, fail });
  }
  if (columns === undefined) throw new ReadingsError(`${file} is empty`);
}

/** As spreadsheets of many countries write CSV. */
function otherSeparator([first = "", ...more]: readonly string[]): string | undefined {
  if (more.length > 0) return undefined;
  if (first.includes(";")) return "semicolons";
  return first.includes("\t") ? "tabs" : undefined;
}

function secondsOf(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  return /(Z|[+-]\d{2}:\d{2})$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
}
