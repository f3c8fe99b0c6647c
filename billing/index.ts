/** Exact bills from released sums: grouping, pricing, rounding, corrections. */
export { correctTotals } from "./corrections.ts";
export { type Invoice, type InvoiceRow, invoice, type RowKind } from "./invoice.ts";
export { decodeTotals, encodeTotals } from "./totals-json.ts";
export { type BillTotals, collectTotals, type PeriodTotals, type VersionTotals, withLateEnergy } from "./totals.ts";
