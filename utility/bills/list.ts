/** Bills for people: which ones are asked for, as CSV or as JSON. Reads the database only. */
import { stringify } from "csv-stringify/sync";
import type { LateEnergy } from "../../billing/check.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { RangeProof } from "../store/tables.ts";

export interface BillFilter {
  readonly meter?: string | undefined;
  /** First local date of the period, or `from..to`. */
  readonly period?: string | undefined;
  /** Superseded versions too. */
  readonly allVersions: boolean;
}

export interface ListedRow {
  readonly band: string;
  readonly energyWh: number;
  readonly amountMicro: number;
}

export interface ListedGap {
  readonly kind: string;
  /** Unix seconds, half-open. */
  readonly from: number;
  readonly to: number;
  readonly reason: string;
  readonly billedPeriodStart: string | null;
}

export interface ListedBill {
  readonly meter: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly version: number;
  readonly status: string;
  readonly energyWh: number | null;
  readonly amountMicro: number | null;
  readonly currency: string;
  readonly spareAnswers: number | null;
  readonly rangeProof?: RangeProof | undefined;
  /** First 32 hex digits of the SHA-256 of the tariff file. */
  readonly tariff: string;
  readonly gapSlots: number;
  readonly rows: readonly ListedRow[];
  readonly gaps: readonly ListedGap[];
  /** What it charges of earlier periods, where the bill itself tells. */
  readonly late?: readonly LateEnergy[];
}

/** A period as the user names it: `2025-01-15`, or `2025-01-01..2025-02-01`. Throws RangeError, also for no date. */
export function parsePeriod(text: string): { from: string; to: string | undefined } {
  const match = /^(\d{4}-\d{2}-\d{2})(?:\.\.(\d{4}-\d{2}-\d{2}))?$/.exec(text);
  if (match === null) throw new RangeError(`period: expected YYYY-MM-DD or YYYY-MM-DD..YYYY-MM-DD, got ${text}`);
  const [, from = "", to] = match;
  for (const date of [from, to]) {
    if (date !== undefined && !isDate(date)) throw new RangeError(`period: ${date} is not a date of the calendar`);
  }
  return { from, to };
}

/** The 30th of February is none: it would come back as a day of March, or not at all. */
function isDate(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The bills that a filter selects, by period, meter and version, with their rows and gaps. */
export async function listBills(db: Queries, filter: BillFilter): Promise<ListedBill[]> {
  const period = filter.period === undefined ? undefined : parsePeriod(filter.period);
  let query = db.selectFrom("bills").selectAll();
  if (filter.meter !== undefined) query = query.where("meter_id", "=", filter.meter);
  if (period !== undefined) query = query.where("period_start", "=", period.from);
  if (period?.to !== undefined) query = query.where("period_end", "=", period.to);
  if (!filter.allVersions) query = query.where("status", "!=", "superseded");
  const bills = await query.orderBy("period_start").orderBy("meter_id").orderBy("version").execute();
  const wanted = { meter: filter.meter, from: period?.from };
  const rows = await groupedRows(db, wanted);
  const gaps = await groupedGaps(db, wanted);
  return bills.map((bill) => ({
    meter: bill.meter_id,
    periodStart: bill.period_start,
    periodEnd: bill.period_end,
    version: bill.version,
    status: bill.status,
    energyWh: bill.energy_wh,
    amountMicro: bill.amount_micro,
    currency: bill.currency,
    spareAnswers: bill.spare_answers,
    ...(bill.range_proof === null ? {} : { rangeProof: bill.range_proof }),
    tariff: bill.tariff_id,
    gapSlots: bill.gaps,
    rows: rows.get(`${bill.meter_id} ${bill.period_start} ${bill.period_end} ${bill.version}`) ?? [],
    gaps: gaps.get(`${bill.meter_id} ${bill.period_start}`) ?? [],
  }));
}

interface Wanted {
  readonly meter: string | undefined;
  readonly from: string | undefined;
}

async function groupedRows(db: Queries, { meter, from }: Wanted): Promise<Map<string, ListedRow[]>> {
  let query = db.selectFrom("bill_totals").selectAll();
  if (meter !== undefined) query = query.where("meter_id", "=", meter);
  if (from !== undefined) query = query.where("period_start", "=", from);
  const grouped = new Map<string, ListedRow[]>();
  for (const row of await query.orderBy("position").execute()) {
    const key = `${row.meter_id} ${row.period_start} ${row.period_end} ${row.version}`;
    const list = grouped.get(key) ?? [];
    list.push({ band: row.band, energyWh: row.energy_wh, amountMicro: row.amount_micro });
    grouped.set(key, list);
  }
  return grouped;
}

async function groupedGaps(db: Queries, { meter, from }: Wanted): Promise<Map<string, ListedGap[]>> {
  let query = db.selectFrom("gaps").selectAll();
  if (meter !== undefined) query = query.where("meter_id", "=", meter);
  if (from !== undefined) query = query.where("period_start", "=", from);
  const grouped = new Map<string, ListedGap[]>();
  for (const row of await query.orderBy("slot_start").execute()) {
    const key = `${row.meter_id} ${row.period_start}`;
    const list = grouped.get(key) ?? [];
    list.push({
      kind: row.kind,
      from: row.slot_start,
      to: row.slot_end,
      reason: row.reason,
      billedPeriodStart: row.billed_period_start,
    });
    grouped.set(key, list);
  }
  return grouped;
}

/** One line per row of each bill; a bill without rows has one line with its status. */
export function billsCsv(bills: readonly ListedBill[]): string {
  const columns = [
    "meter",
    "period_start",
    "period_end",
    "version",
    "status",
    "band",
    "energy_wh",
    "amount_micro",
    "currency",
    "spare_answers",
    "gap_slots",
  ];
  const lines = bills.flatMap((bill) => {
    const head = [bill.meter, bill.periodStart, bill.periodEnd, bill.version, bill.status];
    const tail = [bill.currency, bill.spareAnswers, bill.gapSlots];
    const total = [...head, "total", bill.energyWh, bill.amountMicro, ...tail];
    return [...bill.rows.map((row) => [...head, row.band, row.energyWh, row.amountMicro, ...tail]), total];
  });
  return stringify([columns, ...lines]);
}

/** Says why a filter selects nothing, naming what there is; undefined while no bill has been issued at all. */
export async function whyNone(db: Queries, { meter, period }: BillFilter): Promise<string | undefined> {
  const bills = await db.selectFrom("bills").select(["meter_id", "period_start", "period_end"]).distinct().execute();
  if (bills.length === 0) return undefined;
  const meters = [...new Set(bills.map((bill) => bill.meter_id))].sort();
  if (meter !== undefined && !meters.includes(meter)) {
    return `--meter ${meter}: there is no bill of this meter; there are bills of ${span(meters)}`;
  }
  const own = bills.filter((bill) => meter === undefined || bill.meter_id === meter);
  const periods = [...new Set(own.map((bill) => `${bill.period_start}..${bill.period_end}`))].sort();
  const whose = meter === undefined ? "" : ` of ${meter}`;
  return `--period ${period ?? ""}: there is no bill${whose} of this period; there are bills of ${span(periods)}`;
}

/** `m-001`, `m-001 and m-002`, or `m-001 to m-050 (50)`. */
function span(sorted: readonly string[]): string {
  return sorted.length < 3 ? sorted.join(" and ") : `${sorted[0]} to ${sorted.at(-1)} (${sorted.length})`;
}
