/** A bill of the database as its customer gets it. */
import type { CustomerBill } from "../../protocol/messages/bill.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { BillsTable } from "../store/tables.ts";

/** More ranges than this are counted in the bill and listed in the database only: the message has a size limit. */
const MAX_GAPS = 500;

/** Reads the rows and gaps of a final bill. */
export async function customerBill(
  db: Queries,
  bill: Omit<BillsTable, "sent"> & { readonly sent: number },
): Promise<CustomerBill> {
  const rows = await db
    .selectFrom("bill_totals")
    .select(["band", "energy_wh", "amount_micro"])
    .where("meter_id", "=", bill.meter_id)
    .where("period_start", "=", bill.period_start)
    .where("period_end", "=", bill.period_end)
    .where("version", "=", bill.version)
    .orderBy("position")
    .execute();
  const gaps = await db
    .selectFrom("gaps")
    .select(["kind", "slot_start", "slot_end", "reason"])
    .where("meter_id", "=", bill.meter_id)
    .where("period_start", "=", bill.period_start)
    .orderBy("slot_start")
    .execute();
  return {
    meterId: bill.meter_id,
    periodStart: bill.period_start,
    periodEnd: bill.period_end,
    version: bill.version,
    status: bill.status,
    currency: bill.currency,
    energyWh: bill.energy_wh ?? 0,
    amountMicro: bill.amount_micro ?? 0,
    spareAnswers: bill.spare_answers,
    tariff: bill.tariff_id,
    rows: rows.map(({ band, energy_wh, amount_micro }) => ({ band, energyWh: energy_wh, amountMicro: amount_micro })),
    gaps: joined(
      gaps.map(({ kind, slot_start, slot_end, reason }) => ({ kind, from: slot_start, to: slot_end, reason })),
    ),
  };
}

/**
 * Late energy cuts the database's gaps into what it filled and what it did not. A bill lists what it lacked when it was
 * issued, so a repeat of it is the same, byte for byte.
 */
function joined(gaps: readonly CustomerBill["gaps"][number][]): CustomerBill["gaps"] {
  const ranges: CustomerBill["gaps"] = [];
  const last = new Map<string, CustomerBill["gaps"][number]>();
  for (const gap of gaps) {
    const key = `${gap.kind} ${gap.reason}`;
    const before = last.get(key);
    if (before?.to === gap.from) {
      before.to = gap.to;
      continue;
    }
    const range = { ...gap };
    last.set(key, range);
    ranges.push(range);
  }
  return ranges.slice(0, MAX_GAPS);
}
