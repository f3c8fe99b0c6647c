/** A bill as its customer gets it (docs/protocol.md, "Bills"): JSON with units in the names. */
import { z } from "zod";
import { meterId } from "../names.ts";

const row = z.strictObject({ band: z.string(), energyWh: z.int(), amountMicro: z.int() });
const gap = z.strictObject({ kind: z.string(), from: z.int(), to: z.int(), reason: z.string() });

export const customerBill = z.strictObject({
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
export type CustomerBill = z.infer<typeof customerBill>;
