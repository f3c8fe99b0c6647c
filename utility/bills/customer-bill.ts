/** Bills of the database as their customers get them, and as the log commits to them. */
import { type CustomerBill, MOST_RANGES } from "../../protocol/messages/bill.ts";
import { INSERT_ROWS } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { BillTotalsTable, BillsTable, GapsTable } from "../store/tables.ts";

export type BillHead = Omit<BillsTable, "sent">;
type Gap = CustomerBill["gaps"][number];
type Range = CustomerBill["late"][number]["billed"][number];

/**
 * The bills with their rows, gaps and late energy, in the same order. A bill stays as it was issued: gaps that later bills
 * fill stay in it, and a superseded version is written as the final one that it was.
 */
export async function customerBills(
  db: Queries,
  heads: readonly BillHead[],
  slotSeconds: number,
): Promise<CustomerBill[]> {
  const bills: CustomerBill[] = [];
  for (let from = 0; from < heads.length; from += INSERT_ROWS) {
    bills.push(...(await someBills(db, heads.slice(from, from + INSERT_ROWS), slotSeconds)));
  }
  return bills;
}

async function someBills(db: Queries, heads: readonly BillHead[], slotSeconds: number): Promise<CustomerBill[]> {
  const meters = [...new Set(heads.map(({ meter_id }) => meter_id))];
  const starts = [...new Set(heads.map(({ period_start }) => period_start))];
  const rows = grouped(
    await db
      .selectFrom("bill_totals")
      .selectAll()
      .where("meter_id", "in", meters)
      .where("period_start", "in", starts)
      .orderBy("position")
      .execute(),
    billKey,
  );
  const ofGap = ({ meter_id, period_start }: GapsTable): string => `${meter_id} ${period_start}`;
  const gaps = grouped(await gapsWhere(db, meters, starts), ofGap);
  const late = grouped(await gapsFilledBy(db, meters, starts), (gap) => `${gap.meter_id} ${gap.billed_period_start}`);
  const lateGaps = [...late.values()].flat();
  const sources =
    lateGaps.length === 0
      ? new Map<string, GapsTable[]>()
      : grouped(
          await gapsWhere(
            db,
            [...new Set(lateGaps.map(({ meter_id }) => meter_id))],
            [...new Set(lateGaps.map(({ period_start }) => period_start))],
          ),
          ofGap,
        );
  return heads.map((head) => {
    const key = `${head.meter_id} ${head.period_start}`;
    return billOf(head, slotSeconds, {
      rows: rows.get(billKey(head)) ?? [],
      gaps: gaps.get(key) ?? [],
      late: lateEnergy(late.get(key) ?? [], sources),
    });
  });
}

function billOf(
  bill: BillHead,
  slotSeconds: number,
  parts: { readonly rows: readonly BillTotalsTable[]; readonly gaps: readonly GapsTable[]; late: CustomerBill["late"] },
): CustomerBill {
  return {
    meterId: bill.meter_id,
    periodStart: bill.period_start,
    periodEnd: bill.period_end,
    version: bill.version,
    status: "final",
    currency: bill.currency,
    energyWh: bill.energy_wh ?? 0,
    amountMicro: bill.amount_micro ?? 0,
    spareAnswers: bill.spare_answers,
    ...(bill.range_proof === null ? {} : { rangeProof: bill.range_proof }),
    tariff: bill.tariff_id,
    slotSeconds,
    rows: parts.rows.map(({ band, energy_wh, amount_micro }) => ({
      band,
      energyWh: energy_wh,
      amountMicro: amount_micro,
    })),
    gaps: joined<Gap>(
      parts.gaps.map((gap) => ({ ...rangeOf(gap), reason: gap.reason })),
      ({ kind, reason }) => `${kind} ${reason}`,
    ),
    late: parts.late,
  };
}

/** What a bill charges of earlier periods, by their gaps: those that it fills, and those that no bill until it does. */
function lateEnergy(
  filled: readonly GapsTable[],
  sources: ReadonlyMap<string, readonly GapsTable[]>,
): CustomerBill["late"] {
  const bySource = grouped(filled, ({ meter_id, period_start }) => `${meter_id} ${period_start}`);
  return [...bySource]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, billed]) => {
      const [first] = billed;
      if (first === undefined) return [];
      const by = first.billed_period_start ?? "";
      const missing = (sources.get(key) ?? []).filter(({ billed_period_start: start }) => start === null || start > by);
      return [
        {
          periodStart: first.period_start,
          periodEnd: first.period_end,
          billed: ranges(billed),
          missing: ranges(missing),
        },
      ];
    });
}

function ranges(gaps: readonly GapsTable[]): Range[] {
  return joined(gaps.map(rangeOf), ({ kind }) => kind);
}

/** Only what is billed has gaps. */
function rangeOf({ kind, slot_start, slot_end }: GapsTable): Range {
  return { kind: kind as Range["kind"], from: slot_start, to: slot_end };
}

function gapsWhere(db: Queries, meters: readonly string[], starts: readonly string[]): Promise<GapsTable[]> {
  return db
    .selectFrom("gaps")
    .selectAll()
    .where("meter_id", "in", meters)
    .where("period_start", "in", starts)
    .orderBy("slot_start")
    .execute();
}

function gapsFilledBy(db: Queries, meters: readonly string[], starts: readonly string[]): Promise<GapsTable[]> {
  return db
    .selectFrom("gaps")
    .selectAll()
    .where("meter_id", "in", meters)
    .where("billed_period_start", "in", starts)
    .orderBy("slot_start")
    .execute();
}

function billKey(bill: Pick<BillHead, "meter_id" | "period_start" | "period_end" | "version">): string {
  return `${bill.meter_id} ${bill.period_start} ${bill.period_end} ${bill.version}`;
}

function grouped<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return groups;
}

/**
 * Late energy cuts the database's gaps into what it filled and what it did not. A bill lists what it lacked when it was
 * issued, so a repeat of it is the same, byte for byte.
 */
function joined<T extends Range>(gaps: readonly T[], keyOf: (gap: T) => string): T[] {
  const found: T[] = [];
  const last = new Map<string, T>();
  for (const gap of gaps) {
    const key = keyOf(gap);
    const before = last.get(key);
    if (before?.to === gap.from) {
      before.to = gap.to;
      continue;
    }
    const range = { ...gap };
    last.set(key, range);
    found.push(range);
  }
  return found.slice(0, MOST_RANGES);
}
