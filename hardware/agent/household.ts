/** What a household prints from its own meter: the bills that came, and the readings to check them with. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { stringify } from "csv-stringify/sync";
import { openDatabase } from "../../config/runtime/database.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { KINDS } from "../../protocol/units.ts";
import type { KeptBill } from "./bills.ts";
import { readHistory } from "./outbox.ts";

/** Where a meter keeps its bills. */
export function billsFolder(data: string, meter: string): string {
  return join(data, meter, "bills");
}

export interface OwnReading {
  readonly meter: string;
  /** Unix seconds. */
  readonly slotStart: number;
  readonly energyWh?: number;
  readonly exportWh?: number;
  /** Energy of the gap that ends with this slot. */
  readonly catchupWh?: number;
  readonly catchupExportWh?: number;
}

const FIELDS = {
  import: "energyWh",
  export: "exportWh",
  catchup: "catchupWh",
  catchupExport: "catchupExportWh",
} as const;
const COLUMNS = {
  energyWh: "energy_wh",
  exportWh: "export_wh",
  catchupWh: "catchup_wh",
  catchupExportWh: "catchup_export_wh",
};

/** Every reading that the meter still has, by slot. Throws UsageError where there is no such meter on this machine. */
export function ownReadings(data: string, meter: string, slotSeconds: number): OwnReading[] {
  const file = join(data, meter, "meter.db");
  if (!existsSync(file)) throw new UsageError(`${file} does not exist: start the meter first, or set --data`);
  const database = openDatabase(file, { synchronous: "NORMAL", readonly: true });
  try {
    const slots = new Map<number, Partial<Record<(typeof FIELDS)[keyof typeof FIELDS], number>>>();
    for (const { kind, firstSlot, readings } of readHistory(database, meter)) {
      const name = (Object.keys(KINDS) as (keyof typeof KINDS)[]).find((key) => KINDS[key] === kind);
      if (name === undefined) continue;
      for (const [i, reading] of readings.entries()) {
        slots.set(firstSlot + i, { ...slots.get(firstSlot + i), [FIELDS[name]]: reading });
      }
    }
    const inOrder = [...slots].sort(([a], [b]) => a - b);
    return inOrder.map(([slot, values]) => ({ meter, slotStart: slot * slotSeconds, ...values }));
  } finally {
    database.close();
  }
}

/** CSV with the columns of a replay; columns of export and catch-up only where there is some. */
export function readingsCsv(readings: readonly OwnReading[]): string {
  const more = (["exportWh", "catchupWh", "catchupExportWh"] as const).filter((field) =>
    readings.some((reading) => reading[field] !== undefined),
  );
  const fields = ["energyWh" as const, ...more];
  const head = ["meter", "slot_start", ...fields.map((field) => COLUMNS[field])];
  return stringify([
    head,
    ...readings.map((reading) => [reading.meter, reading.slotStart, ...fields.map((field) => reading[field] ?? "")]),
  ]);
}

/** The bills as a table: each with its rows. */
export function billsText(bills: readonly KeptBill[]): string {
  if (bills.length === 0) return "No bill has come yet.";
  return bills.map(oneBill).join("\n\n");
}

function oneBill({ bill, first }: KeptBill): string {
  const table = new Table({
    head: ["row", "kWh", bill.currency],
    colAligns: ["left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  for (const { band, energyWh, amountMicro } of bill.rows) {
    table.push([band, energyWh === 0 ? "" : decimal(energyWh, 3), decimal(amountMicro, 6)]);
  }
  table.push(["total", decimal(bill.energyWh, 3), decimal(bill.amountMicro, 6)]);
  const slots = bill.gaps.length === 0 ? "no gaps" : `${bill.gaps.length} gaps`;
  const head = `${bill.meterId}, ${bill.periodStart} to ${bill.periodEnd}, version ${bill.version}, ${slots}`;
  const doubt = first ? "" : "\nThis text contradicts the one that came first under this version.";
  return `${head}${doubt}\n${table.toString()}`;
}

/** Exact: digits are moved, nothing is divided. */
function decimal(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, "0");
  return `${value < 0 ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
