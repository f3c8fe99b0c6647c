/** What a household prints from its own meter: the bills that came, and the readings to check them with. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import { stringify } from "csv-stringify/sync";
import type { MeterReadings } from "../../billing/readings-file.ts";
import { openDatabase, type SqliteDatabase, StorageError } from "../../config/runtime/database.ts";
import { UsageError } from "../../config/runtime/role-command.ts";
import { KINDS } from "../../protocol/units.ts";
import type { KeptBill } from "./bills.ts";
import type { PrivacyBudget } from "../../protocol/learning/index.ts";
import { type PrivacyStatement, privacyStatement } from "./learning/spent.ts";
import { knowsMeter, readHistory } from "./outbox.ts";

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

/** A device's own database, or the hosts' where many simulated meters share one. */
function databasesOf(data: string, meter: string): string[] {
  const hosts = simulatedHosts(data).map((name) => join(data, name, "outbox.db"));
  // The homes of a learning run share one.
  return [join(data, meter, "meter.db"), ...hosts, join(data, "homes", "meters.db")].filter((file) => existsSync(file));
}

/** Folders of processes that stand for many meters, as a fleet has them. */
function simulatedHosts(data: string): string[] {
  if (!existsSync(data)) return [];
  return readdirSync(data)
    .filter((name) => /^meters(-\d+)?$/.test(name))
    .sort();
}

/**
 * Every reading that the meter still has, by slot; where a device of its own and a simulation have both read a slot,
 * the device's. Throws UsageError where there is no such meter on this machine.
 */
export function ownReadings(data: string, meter: string, slotSeconds: number): OwnReading[] {
  const slots = new Map<number, Values>();
  const files = databasesOf(data, meter).filter((file) => collect(file, meter, slots));
  if (files.length === 0) {
    throw new UsageError(
      `${meter} has read nothing in ${data}: start the meter first (npm run meter -- --id ${meter}), or a fleet ` +
        "(npm run fleet), or set --data",
    );
  }
  const inOrder = [...slots].sort(([a], [b]) => a - b);
  return inOrder.map(([slot, values]) => ({ meter, slotStart: slot * slotSeconds, ...values }));
}

type Values = Partial<Record<(typeof FIELDS)[keyof typeof FIELDS], number>>;

/** The same as whole numbers by slot, to check bills with; empty where nothing was read yet. */
export function readingsForCheck(data: string, meter: string): MeterReadings {
  const found = { import: new Map(), export: new Map(), catchup: new Map(), catchupExport: new Map() } satisfies Record<
    keyof MeterReadings,
    Map<number, bigint>
  >;
  const slots = new Map<number, Values>();
  for (const file of databasesOf(data, meter)) collect(file, meter, slots);
  for (const [slot, values] of slots) {
    for (const kind of Object.keys(FIELDS) as (keyof typeof FIELDS)[]) {
      const value = values[FIELDS[kind]];
      if (value !== undefined) (found[kind] as Map<number, bigint>).set(slot, BigInt(value));
    }
  }
  return found;
}

/** What `read` finds of a meter in a database; undefined where it does not know the meter. */
function readFrom<T>(file: string, meter: string, read: (database: SqliteDatabase) => T): T | undefined {
  const database = openDatabase(file, { synchronous: "NORMAL", readonly: true });
  try {
    return knowsMeter(database, meter) ? read(database) : undefined;
  } catch (error) {
    // Tables of another party, which may bear the same names.
    if (!(error instanceof Error) || !/^no such (table|column)/.test(error.message)) throw error;
    throw new StorageError("foreign", `${file} is not the database of a meter (${error.message})`, { cause: error });
  } finally {
    database.close();
  }
}

/** Adds what a database has of a meter; false where it does not know the meter. */
function collect(file: string, meter: string, slots: Map<number, Values>): boolean {
  const known = readFrom(file, meter, (database) => {
    for (const { kind, firstSlot, readings } of readHistory(database, meter)) {
      const name = (Object.keys(FIELDS) as (keyof typeof FIELDS)[]).find((key) => KINDS[key] === kind);
      if (name === undefined) continue;
      for (const [i, reading] of readings.entries()) {
        slots.set(firstSlot + i, { [FIELDS[name]]: reading, ...slots.get(firstSlot + i) });
      }
    }
    return true;
  });
  return known === true;
}

/** Where the bills of a meter are that keeps none itself, or undefined. */
export function simulatedBills(data: string, meter: string): string | undefined {
  const simulated = simulatedHosts(data).some((name) => {
    const file = join(data, name, "outbox.db");
    if (!existsSync(file)) return false;
    return readFrom(file, meter, () => true) === true;
  });
  if (!simulated) return undefined;
  return (
    `${meter} is a simulated meter of a fleet, which keeps no bills: npm run bills -- --data ${data} --meter ${meter} ` +
    "prints the utility's"
  );
}

/** What the meter has risked in rounds of learning. Throws UsageError where there is no such meter on this machine. */
export function ownPrivacy(data: string, meter: string, budget: PrivacyBudget): PrivacyStatement {
  for (const file of databasesOf(data, meter)) {
    const statement = readFrom(file, meter, (database) => privacyStatement(database, meter, budget));
    if (statement !== undefined) return statement;
  }
  throw new UsageError(`${meter} was never started in ${data}: npm run meter -- --id ${meter}, or set --data`);
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

function oneBill({ bill, first, check }: KeptBill): string {
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
  return `${head}${doubt}${verdictText(check)}\n${table.toString()}`;
}

function verdictText(check: KeptBill["check"]): string {
  if (check === undefined) return "\nIt came without a receipt.";
  if (check.findings.length > 0) return `\nALARM: ${check.findings.join("\n       ")}`;
  const follows = {
    same: "It is in the log, and follows from this meter's readings.",
    none: "It is in the log; this meter has no readings of its period.",
    unknown: "It was not compared with readings.",
    other: "",
  };
  return `\n${follows[check.readings]}`;
}

/** Exact: digits are moved, nothing is divided. */
function decimal(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, "0");
  return `${value < 0 ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
