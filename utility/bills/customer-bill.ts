/** A bill as its customer gets it (docs/protocol.md, "Bills"): JSON with units in the names. */
import { z } from "zod";
import { meterId } from "../../protocol/names.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { BillsTable } from "../store/tables.ts";

const row = z.strictObject({ band: z.string(), energyWh: z.int(), amountMicro: z.int() });
const gap = z.strictObject({ kind: z.string(), from: z.int(), to: z.int(), reason: z.string() });

export const customerBillSchema = z.strictObject({
  meterId,
  periodStart: z.iso.date(),
  periodEnd: z.iso.date(),
  version: z.int().min(1),
  status: z.string(),
  currency: z.string(),
  energyWh: z.int(),
  amountMicro: z.int(),
  spareAnswers: z.int().nullable(),
  /** SHA-256 of the tariff file, first 32 hex digits. */
  tariff: z.string(),
  rows: z.array(row),
  /** Unix seconds, half-open: slots that this bill does not hold. */
  gaps: z.array(gap),
});
export type CustomerBill = z.infer<typeof customerBillSchema>;

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
    .limit(MAX_GAPS)
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
    gaps: gaps.map(({ kind, slot_start, slot_end, reason }) => ({ kind, from: slot_start, to: slot_end, reason })),
  };
}
