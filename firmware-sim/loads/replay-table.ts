/** The rows of a readings file in memory: per meter growing columns (26 bytes a row), sorted by slot once at the end. */
import type { SlotRange } from "../../protocol/slots.ts";
import type { MeterPlace, SlotEnergy } from "./readings-source.ts";

export interface ReplayRow {
  readonly meter: string;
  readonly feeder: string;
  readonly slot: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly line: number;
}

interface Columns {
  readonly slot: Uint32Array;
  readonly importWh: Float64Array;
  readonly exportWh: Float64Array;
  readonly feeder: Uint16Array;
  readonly line: Uint32Array;
}

class MeterRows {
  columns = emptyColumns(128);
  length = 0;
  isSorted = true;
  hasExport = false;

  add(row: ReplayRow, feeder: number): void {
    if (this.length === this.columns.slot.length) {
      const grown = emptyColumns(this.length * 2);
      for (const name of COLUMN_NAMES) grown[name].set(this.columns[name]);
      this.columns = grown;
    }
    const last = this.length === 0 ? -1 : (this.columns.slot[this.length - 1] ?? -1);
    this.isSorted &&= row.slot > last;
    this.columns.slot[this.length] = row.slot;
    this.columns.importWh[this.length] = row.importWh;
    this.columns.exportWh[this.length] = row.exportWh;
    this.hasExport ||= row.exportWh > 0;
    this.columns.feeder[this.length] = feeder;
    this.columns.line[this.length] = row.line;
    this.length += 1;
  }

  sort(): void {
    if (this.isSorted) return;
    const { slot, line } = this.columns;
    const order = Uint32Array.from({ length: this.length }, (_, i) => i).sort(
      (a, b) => (slot[a] ?? 0) - (slot[b] ?? 0) || (line[a] ?? 0) - (line[b] ?? 0),
    );
    const sorted = emptyColumns(this.length);
    for (const name of COLUMN_NAMES) {
      for (const [to, from] of order.entries()) sorted[name][to] = this.columns[name][from] ?? 0;
    }
    this.columns = sorted;
  }

  /** Index of the last row at or before a slot, or -1. */
  floor(slot: number): number {
    let low = -1;
    let high = this.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.columns.slot[middle] ?? 0) <= slot) low = middle;
      else high = middle;
    }
    return low;
  }
}

const COLUMN_NAMES = ["slot", "importWh", "exportWh", "feeder", "line"] as const;

function emptyColumns(capacity: number): Columns {
  return {
    slot: new Uint32Array(capacity),
    importWh: new Float64Array(capacity),
    exportWh: new Float64Array(capacity),
    feeder: new Uint16Array(capacity),
    line: new Uint32Array(capacity),
  };
}

/** Meters are numbered in the order of their ids, so that the order of lines in a file does not matter. */
export class ReplayTable {
  rows = 0;
  private readonly byMeter = new Map<string, MeterRows>();
  private readonly feeders: string[] = [];
  private readonly feederIndex = new Map<string, number>();
  private ordered: { id: string; rows: MeterRows }[] = [];

  add(row: ReplayRow): void {
    let rows = this.byMeter.get(row.meter);
    if (rows === undefined) this.byMeter.set(row.meter, (rows = new MeterRows()));
    let feeder = this.feederIndex.get(row.feeder);
    if (feeder === undefined) {
      if (this.feeders.length > 0xffff) throw new RangeError("feeder: expected at most 65536 different ones");
      feeder = this.feeders.push(row.feeder) - 1;
      this.feederIndex.set(row.feeder, feeder);
    }
    rows.add(row, feeder);
    this.rows += 1;
  }

  /** Sorts, and reports every row that repeats a (meter, slot). Afterwards the table can be read. */
  finish(report: (line: number, message: string) => void, slotSeconds: number): void {
    this.ordered = [...this.byMeter].map(([id, rows]) => ({ id, rows })).sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const { id, rows } of this.ordered) {
      rows.sort();
      const { slot, feeder, line } = rows.columns;
      for (let i = 1, first = 0; i < rows.length; i += 1) {
        if (slot[i] !== slot[first]) {
          first = i;
          continue;
        }
        const where = `meter "${id}", slot_start ${(slot[i] ?? 0) * slotSeconds}`;
        const [here, there] = [this.feeders[feeder[i] ?? 0], this.feeders[feeder[first] ?? 0]];
        if (here === there) report(line[i] ?? 0, `${where}: already on line ${line[first]}`);
        else report(line[i] ?? 0, `${where}: in feeder "${here}", but in "${there}" on line ${line[first]}`);
      }
    }
  }

  places(): MeterPlace[] {
    return this.ordered.map(({ id, rows }) => ({ id, feeder: this.feeders[rows.columns.feeder[0] ?? 0] ?? "" }));
  }

  range(): SlotRange {
    let from = Number.POSITIVE_INFINITY;
    let to = 0;
    for (const { rows } of this.ordered) {
      from = Math.min(from, rows.columns.slot[0] ?? 0);
      to = Math.max(to, (rows.columns.slot[rows.length - 1] ?? 0) + 1);
    }
    return { from, to };
  }

  read(meterIndex: number, slot: number): SlotEnergy | undefined {
    const rows = this.rowsOf(meterIndex);
    const at = rows.floor(slot);
    if (at < 0 || rows.columns.slot[at] !== slot) return undefined;
    return { importWh: rows.columns.importWh[at] ?? 0, exportWh: rows.columns.exportWh[at] ?? 0 };
  }

  feederOf(meterIndex: number, slot: number): string {
    const rows = this.rowsOf(meterIndex);
    return this.feeders[rows.columns.feeder[Math.max(0, rows.floor(slot))] ?? 0] ?? "";
  }

  hasExport(meterIndex: number): boolean {
    return this.rowsOf(meterIndex).hasExport;
  }

  private rowsOf(meterIndex: number): MeterRows {
    const rows = this.ordered[meterIndex]?.rows;
    if (rows === undefined) {
      throw new RangeError(`meterIndex: expected 0 to ${this.ordered.length - 1}, got ${meterIndex}`);
    }
    return rows;
  }
}
