/** Bills against readings and tariff: one for each meter and day, right in every row, and every watt-hour in one of them. */
import type { Database } from "better-sqlite3";
import { type Calendar, dateAfter, datesBetween } from "./calendar.ts";
import { Findings } from "./report.ts";
import type { PlainTariff } from "./tariff.ts";
import type { Truth } from "./truth.ts";

interface BillRow {
  readonly meter_id: string;
  readonly period_start: string;
  readonly period_end: string;
  readonly energy_wh: number | null;
  readonly export_wh: number | null;
  readonly catchup_wh: number | null;
  readonly amount_micro: number | null;
  readonly version: number;
  readonly status: string;
  readonly gaps: number;
}

interface RowOfBill {
  readonly meter_id: string;
  readonly period_start: string;
  readonly version: number;
  readonly band: string;
  readonly energy_wh: number;
  readonly amount_micro: number;
}

export interface BillsInput {
  readonly utility: Database;
  readonly truth: Truth;
  readonly tariff: PlainTariff;
  readonly calendar: Calendar;
  /** Of the run; the end is not part of it. */
  readonly dates: { readonly from: string; readonly to: string };
}

export function checkBills(input: BillsInput): Findings[] {
  const { utility, truth, tariff, calendar, dates } = input;
  const found = new Findings("bills", "each meter has one final bill a day, and it follows from readings and tariff");
  const bills = new Map<string, BillRow[]>();
  for (const bill of utility.prepare<[], BillRow>("SELECT * FROM bills WHERE status <> 'superseded'").iterate()) {
    const key = `${bill.meter_id} ${bill.period_start}`;
    bills.set(key, [...(bills.get(key) ?? []), bill]);
  }
  const rows = rowsOfBills(utility);
  for (const date of datesBetween(dates.from, dates.to)) {
    const [from, to] = [calendar.startOf(date), calendar.startOf(dateAfter(date, 1))];
    for (const [meter, readings] of truth.ofMeter) {
      const key = `${meter} ${date}`;
      const own = bills.get(key) ?? [];
      bills.delete(key);
      const [bill] = own;
      const due = tariff.bill(
        date,
        readings.filter(({ start }) => start >= from && start < to),
        calendar,
      );
      const faults =
        bill === undefined || own.length > 1 ? [`there are ${own.length} bills`] : faultsOf(bill, due, date);
      if (bill !== undefined) faults.push(...rowFaults(rows.get(`${key} ${bill.version}`) ?? [], due.rows));
      found.look(faults.length === 0, () => `bill of ${meter} for ${date}: ${faults.join("; ")}`);
    }
  }
  for (const key of bills.keys()) found.add(`bill of ${key}: nothing was fed for it`);
  return [found, checkTotals(input)];
}

function faultsOf(bill: BillRow, due: ReturnType<PlainTariff["bill"]>, date: string): string[] {
  const faults: string[] = [];
  const compare = (what: string, is: number | string | null, should: number | string): void => {
    if (is !== should) faults.push(`${what} is ${String(is)}, expected ${should}`);
  };
  compare("status", bill.status, "final");
  compare("its end", bill.period_end, dateAfter(date, 1));
  compare("import", bill.energy_wh ?? 0, due.importWh);
  compare("export", bill.export_wh ?? 0, due.exportWh);
  compare("catch-up", bill.catchup_wh ?? 0, 0);
  compare("gaps", bill.gaps, 0);
  compare("amount", bill.amount_micro, due.amountMicro);
  return faults;
}

/** A row that is not there is one of nothing. */
function rowFaults(is: readonly RowOfBill[], due: ReturnType<PlainTariff["bill"]>["rows"]): string[] {
  const names = new Set([...is.map(({ band }) => band), ...due.keys()]);
  return [...names].flatMap((name) => {
    const own = is.filter(({ band }) => band === name);
    if (own.length > 1) return [`row ${name} is there ${own.length} times`];
    const { energy_wh = 0, amount_micro = 0 } = own[0] ?? {};
    const { energyWh, amountMicro } = due.get(name) ?? { energyWh: 0, amountMicro: 0 };
    if (energy_wh === energyWh && amount_micro === amountMicro) return [];
    return [`row ${name} is ${energy_wh} Wh for ${amount_micro}, expected ${energyWh} Wh for ${amountMicro}`];
  });
}

function rowsOfBills(utility: Database): Map<string, RowOfBill[]> {
  const rows = new Map<string, RowOfBill[]>();
  for (const row of utility.prepare<[], RowOfBill>("SELECT * FROM bill_totals").iterate()) {
    const key = `${row.meter_id} ${row.period_start} ${row.version}`;
    const own = rows.get(key);
    if (own === undefined) rows.set(key, [row]);
    else own.push(row);
  }
  return rows;
}

interface ReleasedRow {
  readonly meter_id: string;
  readonly source_start: string;
  readonly row: string;
  readonly kind: string;
  readonly energy_wh: number;
  readonly cells: number;
}

/** What was released for bills, whatever bill it entered: each sum once, and together all that was fed. */
function checkTotals({ utility, truth, tariff, calendar, dates }: BillsInput): Findings {
  const found = new Findings(
    "releases",
    "each sum of a meter was released once, over the right slots, and is what was fed",
  );
  const released = new Map<string, ReleasedRow[]>();
  for (const row of utility.prepare<[], ReleasedRow>("SELECT * FROM released_totals").iterate()) {
    const key = `${row.meter_id} ${row.source_start} ${row.kind}`;
    released.set(key, [...(released.get(key) ?? []), row]);
  }
  for (const date of datesBetween(dates.from, dates.to)) {
    const [from, to] = [calendar.startOf(date), calendar.startOf(dateAfter(date, 1))];
    for (const [meter, readings] of truth.ofMeter) {
      const own = readings.filter(({ start }) => start >= from && start < to);
      const due = tariff.bill(date, own, calendar);
      for (const [kind, energyWh] of [
        ["import", due.importWh],
        ["export", due.exportWh],
      ] as const) {
        const key = `${meter} ${date} ${kind}`;
        const rows = released.get(key) ?? [];
        released.delete(key);
        const twice = rows.length !== new Set(rows.map(({ row }) => row)).size;
        const sum = rows.reduce((all, { energy_wh }) => all + energy_wh, 0);
        const cells = rows.reduce((all, one) => all + one.cells, 0);
        const isWhole = cells === own.length || (rows.length === 0 && !truth.exporters.has(meter));
        found.look(
          !twice && sum === energyWh && (kind === "export" && rows.length === 0 ? energyWh === 0 : isWhole),
          () => {
            if (twice) return `${key}: a row was released more than once`;
            return `${key}: ${sum} Wh of ${cells} slots were released, fed were ${energyWh} Wh in ${own.length}`;
          },
        );
      }
    }
  }
  for (const [key, rows] of released) {
    const sum = rows.reduce((all, { energy_wh }) => all + energy_wh, 0);
    if (sum !== 0) found.add(`${key}: ${sum} Wh were released, nothing was fed`);
  }
  return found;
}
