/**
 * Replays given readings: a CSV file `meter,slot_start,energy_wh` with optional columns `feeder` and `export_wh`.
 * Strict: whatever cannot be billed to the watt-hour is refused with its line, all faults together. A slot without a
 * row is a gap. `slot_start` is in Unix seconds, or ISO 8601 with its offset (2025-03-01T00:15:00+01:00).
 */
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { CsvError, type InfoRecord, parse } from "csv-parse";
import { DateTime } from "luxon";
import { feederId, meterId } from "../../protocol/names.ts";
import { MAX_SLOT, type SlotRange } from "../../protocol/slots.ts";
import { assertSlotSeconds } from "./civil-day.ts";
import { FaultList } from "./replay-faults.ts";
import type { MeterPlace, ReadingsSource, SlotEnergy } from "./readings-source.ts";
import { ReplayTable } from "./replay-table.ts";

export interface ReplayOptions {
  /** A divisor of 86400; 900 by default. */
  readonly slotSeconds?: number;
  /** The feeder of rows without one; `feeder-1` by default. */
  readonly defaultFeeder?: string;
}

/** Largest energy of one slot: sums over a million cells stay far inside the field. */
const MAX_SLOT_ENERGY_WH = 1e12;

const REQUIRED = ["meter", "slot_start", "energy_wh"] as const;
const COLUMNS: readonly string[] = [...REQUIRED, "feeder", "export_wh"];
const ISO_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/;

/**
 * Reads a file of readings. Throws ReplayError with the faults found, RangeError on bad options, and what the file
 * system throws where the file cannot be read.
 */
export function openReplay(path: string, options: ReplayOptions = {}): Promise<ReadingsSource> {
  return readReplay(createReadStream(path), path, options);
}

/** The same from any stream of text; `name` stands for the file in messages. */
export async function readReplay(input: Readable, name: string, options: ReplayOptions = {}): Promise<ReadingsSource> {
  const slotSeconds = options.slotSeconds ?? 900;
  assertSlotSeconds(slotSeconds);
  const reader = new RowReader(slotSeconds, options.defaultFeeder ?? "feeder-1");
  // Rows are taken as they are parsed: a later syntax error must not hide the faults before it.
  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    on_record: (record: string[], context: InfoRecord) => {
      reader.take(record, context.lines);
      return null;
    },
  });
  try {
    await pipeline(input, parser.resume());
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    reader.fail(Number(error["lines"] ?? 0), error.message);
  }
  return reader.finish(name);
}

class RowReader {
  private readonly faults = new FaultList();
  private readonly slotSeconds: number;
  private readonly defaultFeeder: string;
  private readonly table = new ReplayTable();
  private readonly goodIds = new Set<string>();
  private readonly goodFeeders = new Set<string>();
  private columns: Map<string, number> | undefined;
  private width = 0;
  private headerLine = 1;
  private isHopeless = false;

  constructor(slotSeconds: number, defaultFeeder: string) {
    this.slotSeconds = slotSeconds;
    this.defaultFeeder = feederId.parse(defaultFeeder);
  }

  /** Takes a row; when the header is wrong the rows mean nothing and are passed over. */
  take(record: readonly string[], line: number): void {
    if (this.columns === undefined) {
      this.takeHeader(record, line);
      return;
    }
    if (this.isHopeless) return;
    if (record.length !== this.width) {
      this.faults.add(line, `expected ${this.width} fields, got ${record.length}`);
      return;
    }
    const before = this.faults.count;
    const meter = this.id(record, "meter", line);
    const slot = this.slot(this.field(record, "slot_start") ?? "", line);
    const importWh = this.energy(record, "energy_wh", line);
    const exportWh = this.columns.has("export_wh") ? this.energy(record, "export_wh", line) : 0;
    const feeder = this.columns.has("feeder") ? this.id(record, "feeder", line) : this.defaultFeeder;
    if (this.faults.count === before) this.table.add({ meter, feeder, slot, importWh, exportWh, line });
  }

  /** Notes that the file ends in something that is not CSV. */
  fail(line: number, message: string): void {
    this.faults.add(line, `not CSV: ${message}`);
  }

  finish(name: string): ReadingsSource {
    if (this.faults.count === 0 && this.table.rows === 0) {
      const isEmpty = this.columns === undefined;
      this.faults.add(this.headerLine, isEmpty ? `no header; expected ${REQUIRED.join(",")}` : "no readings");
    }
    this.table.finish((line, message) => {
      this.faults.add(line, message);
    }, this.slotSeconds);
    this.faults.throwIfAny(name);
    return new ReplaySource(this.table, this.slotSeconds);
  }

  private takeHeader(record: readonly string[], line: number): void {
    const columns = new Map<string, number>();
    this.headerLine = line;
    const separator = record.length === 1 ? otherSeparator(record[0] ?? "") : undefined;
    if (separator !== undefined) {
      // One cause, one fault: each column would else be called unknown, and missing.
      this.faults.add(line, `the fields are separated by ${separator}; expected commas: ${REQUIRED.join(",")}`);
      this.columns = columns;
      this.isHopeless = true;
      return;
    }
    for (const [index, raw] of record.entries()) {
      const column = raw.trim();
      if (!COLUMNS.includes(column)) {
        this.faults.add(line, `unknown column ${quote(column)}; known are ${COLUMNS.join(", ")}`);
      } else if (columns.has(column)) {
        this.faults.add(line, `column ${quote(column)} twice`);
      }
      columns.set(column, index);
    }
    for (const column of REQUIRED) {
      if (!columns.has(column)) this.faults.add(line, `column ${quote(column)} is missing`);
    }
    this.columns = columns;
    this.width = record.length;
    this.isHopeless = this.faults.count > 0;
  }

  private field(record: readonly string[], column: string): string | undefined {
    const index = this.columns?.get(column);
    return index === undefined ? undefined : record[index]?.trim();
  }

  private id(record: readonly string[], column: "meter" | "feeder", line: number): string {
    const text = this.field(record, column) ?? "";
    const good = column === "meter" ? this.goodIds : this.goodFeeders;
    if (!good.has(text)) {
      const checked = (column === "meter" ? meterId : feederId).safeParse(text);
      if (checked.success) good.add(text);
      else this.faults.add(line, `${column} ${quote(text)}: ${checked.error.issues.map((i) => i.message).join(", ")}`);
    }
    return text;
  }

  private energy(record: readonly string[], column: "energy_wh" | "export_wh", line: number): number {
    const text = this.field(record, column) ?? "";
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= MAX_SLOT_ENERGY_WH) return value;
    if (/^-\d+$/.test(text)) this.faults.add(line, `${column} ${quote(text)} is negative`);
    else if (/^\d+$/.test(text)) this.faults.add(line, `${column} ${quote(text)} is above ${MAX_SLOT_ENERGY_WH}`);
    else this.faults.add(line, `${column} ${quote(text)} is not an integer of watt-hours`);
    return 0;
  }

  private slot(text: string, line: number): number {
    const isIso = ISO_TIME.test(text);
    // Not by Date, which makes 2 March of 30 February.
    const seconds = isIso ? DateTime.fromISO(text, { setZone: true }).toSeconds() : Number(text);
    if ((!isIso && !/^\d+$/.test(text)) || !Number.isInteger(seconds)) {
      this.faults.add(line, `slot_start ${quote(text)} is neither Unix seconds nor ISO 8601 with an offset`);
    } else if (seconds % this.slotSeconds !== 0) {
      this.faults.add(line, `slot_start ${quote(text)} is not a multiple of ${this.slotSeconds} seconds`);
    } else if (seconds < 0 || seconds / this.slotSeconds > MAX_SLOT) {
      this.faults.add(line, `slot_start ${quote(text)} is outside the slots that a meter can send (0 to ${MAX_SLOT})`);
    }
    return seconds / this.slotSeconds;
  }
}

class ReplaySource implements ReadingsSource {
  readonly meters: readonly MeterPlace[];
  readonly slotSeconds: number;
  readonly range: SlotRange;
  private readonly table: ReplayTable;

  constructor(table: ReplayTable, slotSeconds: number) {
    this.table = table;
    this.slotSeconds = slotSeconds;
    this.meters = table.places();
    this.range = table.range();
  }

  read(meterIndex: number, slot: number): SlotEnergy | undefined {
    return this.table.read(meterIndex, slot);
  }

  feederOf(meterIndex: number, slot: number): string {
    return this.table.feederOf(meterIndex, slot);
  }

  hasExport(meterIndex: number): boolean {
    return this.table.hasExport(meterIndex);
  }
}

const OTHER_SEPARATORS: Readonly<Record<string, string>> = { ";": "semicolons", "\t": "tabs", "|": "bars" };

/** What separates the known columns of a header that has no commas, by name. */
function otherSeparator(header: string): string | undefined {
  const found = Object.keys(OTHER_SEPARATORS).find((sign) => {
    const names = header.split(sign).map((name) => name.trim());
    return names.length > 1 && names.some((name) => COLUMNS.includes(name));
  });
  return found === undefined ? undefined : OTHER_SEPARATORS[found];
}

function quote(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
