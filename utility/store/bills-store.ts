/** Bills, their rows, gaps and the released totals behind them. Every writer runs in the caller's transaction. */
import type { Insertable } from "kysely";
import type { Invoice } from "../../billing/index.ts";
import { INSERT_ROWS } from "./open.ts";
import type { Queries } from "./rounds-store.ts";
import {
  type BillsTable,
  type BillTotalsTable,
  exactNumber,
  type GapsTable,
  type RangeProof,
  type ReleasedTotalsTable,
} from "./tables.ts";

/** Who and when: the key of a bill. Local dates, half-open. */
export interface BillKey {
  readonly meter: string;
  readonly from: string;
  readonly to: string;
}

export interface NewBill extends BillKey {
  readonly version: number;
  readonly status: string;
  /** Absent where nothing could be billed; `status` says why. */
  readonly invoice: Invoice | undefined;
  readonly currency: string;
  readonly spareAnswers: number | undefined;
  /** Absent where no reading was shared by bits. */
  readonly rangeProof: RangeProof | undefined;
  /** Slots of the period that the bill does not hold. */
  readonly gaps: number;
  readonly tariffId: string;
  readonly totals: string | undefined;
  /** How many released totals entered it. */
  readonly releasedRows: number;
  readonly issuedAt: number;
}

export async function insertBills(db: Queries, bills: readonly NewBill[]): Promise<void> {
  const heads = bills.map(headOf);
  const rows = bills.flatMap(rowsOf);
  for (let from = 0; from < heads.length; from += INSERT_ROWS) {
    await db
      .insertInto("bills")
      .values(heads.slice(from, from + INSERT_ROWS))
      .execute();
  }
  for (let from = 0; from < rows.length; from += INSERT_ROWS) {
    await db
      .insertInto("bill_totals")
      .values(rows.slice(from, from + INSERT_ROWS))
      .execute();
  }
}

/** The row of a bill. */
export function headOf(bill: NewBill): Omit<BillsTable, "sent"> & { readonly sent: number } {
  const { invoice } = bill;
  return {
    meter_id: bill.meter,
    period_start: bill.from,
    period_end: bill.to,
    energy_wh: invoice === undefined ? null : exactNumber("energy", invoice.energyWh),
    amount_micro: invoice === undefined ? null : exactNumber("amount", invoice.amountMicro),
    currency: bill.currency,
    version: bill.version,
    status: bill.status,
    spare_answers: bill.spareAnswers ?? null,
    range_proof: bill.rangeProof ?? null,
    gaps: bill.gaps,
    catchup_wh: invoice === undefined ? null : exactNumber("catchup", invoice.catchupWh),
    export_wh: invoice === undefined ? null : exactNumber("export", invoice.exportWh),
    tariff_id: bill.tariffId,
    totals: bill.totals ?? null,
    released_rows: bill.releasedRows,
    issued_at: Math.floor(bill.issuedAt),
    sent: 0,
  };
}

function rowsOf(bill: NewBill): Insertable<BillTotalsTable>[] {
  return (bill.invoice?.rows ?? []).map((row, position) => ({
    meter_id: bill.meter,
    period_start: bill.from,
    period_end: bill.to,
    band: row.band,
    kind: row.kind,
    position,
    energy_wh: exactNumber(row.band, row.energyWh),
    amount_micro: exactNumber(row.band, row.amountMicro),
    currency: bill.currency,
    version: bill.version,
    status: bill.status,
  }));
}

/** Marks all versions of a bill as superseded; a new one follows in the same transaction. */
export async function supersedeBill(db: Queries, { meter, from, to }: BillKey): Promise<void> {
  for (const table of ["bills", "bill_totals"] as const) {
    await db
      .updateTable(table)
      .set({ status: "superseded" })
      .where("meter_id", "=", meter)
      .where("period_start", "=", from)
      .where("period_end", "=", to)
      .execute();
  }
}

export async function insertTotals(db: Queries, rows: readonly ReleasedTotalsTable[]): Promise<void> {
  for (let from = 0; from < rows.length; from += INSERT_ROWS) {
    await db
      .insertInto("released_totals")
      .values(rows.slice(from, from + INSERT_ROWS))
      .execute();
  }
}

/** All sums of some meters that enter the bills of a period. */
export async function totalsOf(
  db: Queries,
  meters: readonly string[],
  periodStart: string,
): Promise<Map<string, ReleasedTotalsTable[]>> {
  const found = new Map<string, ReleasedTotalsTable[]>();
  for (let from = 0; from < meters.length; from += INSERT_ROWS) {
    const rows = await db
      .selectFrom("released_totals")
      .selectAll()
      .where("meter_id", "in", meters.slice(from, from + INSERT_ROWS))
      .where("period_start", "=", periodStart)
      .execute();
    for (const row of rows) {
      const list = found.get(row.meter_id);
      if (list === undefined) found.set(row.meter_id, [row]);
      else list.push(row);
    }
  }
  return found;
}

/**
 * Sums of some meters and periods that final bills before `before` charged, by meter: what tiers of late energy go on
 * from.
 */
export async function chargedBefore(
  db: Queries,
  meters: readonly string[],
  sourceStarts: readonly string[],
  before: string,
): Promise<Map<string, ReleasedTotalsTable[]>> {
  const found = new Map<string, ReleasedTotalsTable[]>();
  if (sourceStarts.length === 0) return found;
  for (let from = 0; from < meters.length; from += INSERT_ROWS) {
    const rows = await db
      .selectFrom("released_totals as sums")
      .selectAll()
      .where("meter_id", "in", meters.slice(from, from + INSERT_ROWS))
      .where("source_start", "in", [...sourceStarts])
      .where("period_start", "<", before)
      .where((is) =>
        is.exists(
          is
            .selectFrom("bills")
            .select("bills.meter_id")
            .whereRef("bills.meter_id", "=", "sums.meter_id")
            .whereRef("bills.period_start", "=", "sums.period_start")
            .where("bills.status", "=", "final"),
        ),
      )
      .execute();
    for (const row of rows) found.set(row.meter_id, [...(found.get(row.meter_id) ?? []), row]);
  }
  return found;
}

export async function insertGaps(db: Queries, rows: readonly GapsTable[]): Promise<void> {
  for (let from = 0; from < rows.length; from += INSERT_ROWS) {
    await db
      .insertInto("gaps")
      .values(rows.slice(from, from + INSERT_ROWS))
      .execute();
  }
}

export async function deleteGaps(
  db: Queries,
  key: { meter: string; feeder: string; kind: string; periodStart: string },
): Promise<void> {
  await db
    .deleteFrom("gaps")
    .where("meter_id", "=", key.meter)
    .where("feeder_id", "=", key.feeder)
    .where("kind", "=", key.kind)
    .where("period_start", "=", key.periodStart)
    .execute();
}

/** Gaps of a feeder's earlier periods that no bill has filled. */
export async function openGapPeriods(
  db: Queries,
  feeder: string,
  before: string,
): Promise<{ period_start: string; period_end: string }[]> {
  return await db
    .selectFrom("gaps")
    .select(["period_start", "period_end"])
    .distinct()
    .where("feeder_id", "=", feeder)
    .where("period_start", "<", before)
    .where("billed_period_start", "is", null)
    .orderBy("period_start", "desc")
    .execute();
}
