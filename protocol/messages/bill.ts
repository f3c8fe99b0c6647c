/**
 * A bill as its customer gets it (docs/protocol.md, "Bills"): JSON with units in the names. It says all that is needed to
 * work it out anew from readings and tariff.
 */
import { z } from "zod";
import { meterId } from "../names.ts";

/** More ranges than this are counted in the bill and listed in the database only: the message has a size limit. */
export const MOST_RANGES = 500;

const row = z.strictObject({ band: z.string(), energyWh: z.int(), amountMicro: z.int() });
const gap = z.strictObject({ kind: z.string(), from: z.int(), to: z.int(), reason: z.string() });
const range = z.strictObject({ kind: z.string(), from: z.int(), to: z.int() });
const late = z.strictObject({
  periodStart: z.iso.date(),
  periodEnd: z.iso.date(),
  /** Slots of this earlier period that the bill charges. */
  billed: z.array(range),
  /** Slots of it that neither this bill nor an earlier one charges. */
  missing: z.array(range),
});

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
  /** Whether every reading in it is known to be in range; left out where none is shared by bits. */
  rangeProof: z.enum(["proved", "unproved"]).optional(),
  /** SHA-256 of the tariff file, first 32 hex digits. */
  tariff: z.string(),
  slotSeconds: z.int().min(1),
  rows: z.array(row),
  /** Unix seconds, half-open: slots that this bill does not hold. */
  gaps: z.array(gap),
  /** Energy of earlier periods in the rows. */
  late: z.array(late),
});
export type CustomerBill = z.infer<typeof customerBill>;
