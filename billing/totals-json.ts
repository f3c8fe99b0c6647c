/**
 * A bill's sums as text for the database, so that a correction years later starts from what was released. Rows of a
 * bill are not enough: they add up export and catch-up over versions.
 */
import { z } from "zod";
import { parseLocalDate } from "./tariffs/local-time.ts";
import type { BillTotals } from "./totals.ts";

const energy = z
  .string()
  .regex(/^\d{1,30}$/, "expected watt-hours in digits")
  .transform(BigInt);
const energies = z.array(z.tuple([z.string().min(1), energy])).transform((entries) => new Map(entries));
const days = z.int().min(0);
const date = z.string().transform((text, context) => {
  const parsed = parseLocalDate(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `expected a date YYYY-MM-DD, got ${text}` });
  return z.NEVER;
});

const part = z
  .strictObject({
    from: date,
    to: date,
    days,
    bandsWh: energies,
    billedBandsWh: energies.optional(),
    exportWh: energy,
    catchupWh: energy,
    catchupExportWh: energy,
  })
  // An absent key stays absent: a stored bill equals the one in memory.
  .transform(({ billedBandsWh, ...rest }) => (billedBandsWh === undefined ? rest : { ...rest, billedBandsWh }));

const period = z.strictObject({ from: date, to: date, days, parts: z.array(part).min(1) });
const bill = z.strictObject({ own: period, late: z.array(period) });

/** The sums as JSON; energies are digits in text, for JSON numbers end at 2^53. */
export function encodeTotals(totals: BillTotals): string {
  return JSON.stringify(totals, (_key, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    return value instanceof Map ? [...(value as Map<unknown, unknown>)] : value;
  });
}

/** Reads what encodeTotals wrote; throws SyntaxError or ZodError on anything else. */
export function decodeTotals(text: string): BillTotals {
  return bill.parse(JSON.parse(text));
}
