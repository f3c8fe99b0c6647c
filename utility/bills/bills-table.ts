/** Bills as tables for a terminal: exact digits, the same number of them in a column, and what the columns mean. */
import Table from "cli-table3";
import type { ListedBill } from "./list.ts";

const MICRO_DIGITS = 6;
const LEAST_MONEY_DIGITS = 2;

/** One line per bill and their total, or all rows of a single one. */
export function billsTable(bills: readonly ListedBill[], timezone: string): string {
  const [only] = bills;
  if (bills.length === 1 && only !== undefined) return singleBill(only, timezone);
  const table = new Table({
    head: ["meter", "period", "kWh", "amount", "version", "status", "spare", "gaps"],
    colAligns: ["left", "left", "right", "right", "right", "left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const sums = totals(bills);
  const digits = moneyDigits([...bills.map(({ amountMicro }) => amountMicro), ...sums.map((sum) => sum.amountMicro)]);
  for (const bill of bills) {
    table.push([
      bill.meter,
      `${bill.periodStart} to ${bill.periodEnd}`,
      bill.energyWh === null ? "-" : kilowattHours(bill.energyWh),
      bill.amountMicro === null ? "-" : money(bill.amountMicro, bill.currency, digits),
      bill.version,
      bill.status,
      bill.spareAnswers ?? "-",
      bill.gapSlots,
    ]);
  }
  for (const { currency, energyWh, amountMicro, count } of sums) {
    const of = count === 1 ? "1 final bill" : `${count} final bills`;
    table.push(["total", of, kilowattHours(energyWh), money(amountMicro, currency, digits), "", "", "", ""]);
  }
  return [table.toString(), ...LEGEND].join("\n");
}

const PERIOD_NOTE = "The end of a period is exclusive: the last day is the one before.";
const LEGEND = [
  PERIOD_NOTE,
  "spare: answers of aggregators beyond those that the total needs; 1 or more have cross-checked it, 0 have not.",
  "gaps: slots whose reading is not in this bill. One bill with its rows: --meter ID --period DATE.",
];

interface Sum {
  readonly currency: string;
  energyWh: number;
  amountMicro: number;
  count: number;
}

/** Of final bills, for each currency: others are not charged, or have been charged in another version. */
function totals(bills: readonly ListedBill[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { status, currency, energyWh, amountMicro } of bills) {
    if (status !== "final") continue;
    const sum = sums.get(currency) ?? { currency, energyWh: 0, amountMicro: 0, count: 0 };
    sum.energyWh += energyWh ?? 0;
    sum.amountMicro += amountMicro ?? 0;
    sum.count++;
    sums.set(currency, sum);
  }
  const found = [...sums.values()];
  // Exact or not at all: beyond 2^53 the last digits would be wrong.
  return found.every((sum) => Number.isSafeInteger(sum.energyWh) && Number.isSafeInteger(sum.amountMicro)) ? found : [];
}

function singleBill(bill: ListedBill, timezone: string): string {
  const table = new Table({
    head: ["row", "kWh", "amount"],
    colAligns: ["left", "right", "right"],
    style: { head: [], border: [], compact: true },
  });
  const digits = moneyDigits([...bill.rows.map((row) => row.amountMicro), bill.amountMicro]);
  for (const row of bill.rows) {
    table.push([
      row.band,
      row.energyWh === 0 ? "" : kilowattHours(row.energyWh),
      money(row.amountMicro, bill.currency, digits),
    ]);
  }
  if (bill.energyWh !== null && bill.amountMicro !== null) {
    table.push(["total", kilowattHours(bill.energyWh), money(bill.amountMicro, bill.currency, digits)]);
  }
  const head = `${bill.meter}, ${bill.periodStart} to ${bill.periodEnd}, version ${bill.version}: ${bill.status}`;
  const time = new Intl.DateTimeFormat("sv-SE", { timeZone: timezone, dateStyle: "short", timeStyle: "short" });
  const gaps = bill.gaps.map(({ kind, from, to, reason, billedPeriodStart }) => {
    const later = billedPeriodStart === null ? "" : `, billed in the period from ${billedPeriodStart}`;
    return `gap (${kind}): ${time.format(from * 1000)} to ${time.format(to * 1000)}, ${reason}${later}`;
  });
  return [head, table.toString(), PERIOD_NOTE, ...gaps].join("\n");
}

/** Exact: digits are moved, nothing is divided. */
export function kilowattHours(energyWh: number): string {
  return decimal(energyWh, 3);
}

/** Micro-units with all their digits that matter; `digits` after the point at least. */
export function money(amountMicro: number, currency: string, digits = LEAST_MONEY_DIGITS): string {
  const [whole, fraction = ""] = decimal(amountMicro, MICRO_DIGITS).split(".");
  return `${whole}.${fraction.replace(/0+$/, "").padEnd(digits, "0")} ${currency}`;
}

/** As many digits as the amount with the most of them needs, so that a column stands in line. */
function moneyDigits(amounts: readonly (number | null)[]): number {
  const needed = amounts.map((amount) => {
    const text = decimal(amount ?? 0, MICRO_DIGITS).replace(/0+$/, "");
    return text.length - text.indexOf(".") - 1;
  });
  return Math.max(LEAST_MONEY_DIGITS, ...needed);
}

function decimal(value: number, digits: number): string {
  const text = String(Math.abs(value)).padStart(digits + 1, "0");
  return `${value < 0 ? "-" : ""}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
