/** A bill under another tariff, from the sums that rounds released for it. */
import type { Selectable } from "kysely";
import { correctTotals, decodeTotals, encodeTotals, invoice } from "../../billing/index.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import type { NewBill } from "../store/bills-store.ts";
import { INSERT_ROWS } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { UtilityTables } from "../store/tables.ts";
import type { TariffSource } from "./tariff-book.ts";

export type BillRow = Selectable<UtilityTables["bills"]>;

/** What a correction starts from: the version that came from rounds. */
export type IssuedVersion = Pick<BillRow, "tariff_id" | "totals">;

/** Which of the versions of a bill go by the same released sums. */
export function sumsKey(bill: Pick<BillRow, "meter_id" | "period_end" | "released_rows">): string {
  return `${bill.meter_id} ${bill.period_end} ${bill.released_rows}`;
}

/**
 * Of the bills of some meters, by `sumsKey`, the version that came from rounds: a correction starts from there, so that one
 * that joined bands by mistake can be taken back.
 */
export async function issuedVersions(
  db: Queries,
  meters: readonly string[],
  periodStart: string,
): Promise<Map<string, IssuedVersion>> {
  const found = new Map<string, IssuedVersion>();
  for (let from = 0; from < meters.length; from += INSERT_ROWS) {
    const versions = await db
      .selectFrom("bills")
      .select(["meter_id", "period_end", "released_rows", "tariff_id", "totals"])
      .where("meter_id", "in", meters.slice(from, from + INSERT_ROWS))
      .where("period_start", "=", periodStart)
      .where("totals", "is not", null)
      .orderBy("version", "desc")
      .execute();
    for (const bill of versions) found.set(sumsKey(bill), bill);
  }
  return found;
}

/** All tariffs that bills were made by, by id. */
export async function keptTariffs(db: Queries): Promise<Map<string, TariffSource>> {
  const rows = await db.selectFrom("tariffs").selectAll().execute();
  return new Map(
    rows.map(({ id, source, yaml }) => [id, { id, file: source, yaml, tariff: parseTariffYaml(yaml, source) }]),
  );
}

/**
 * The next version of a bill under `to`, of the sums that were released under `from`. Throws TariffError `regroup` where
 * it needs sums that were never released.
 */
export function repriced(
  bill: BillRow,
  totals: string,
  { from, to, now }: { readonly from: TariffSource; readonly to: TariffSource; readonly now: number },
): NewBill {
  const sums = correctTotals(decodeTotals(totals), from.tariff, to.tariff);
  return {
    meter: bill.meter_id,
    from: bill.period_start,
    to: bill.period_end,
    version: bill.version + 1,
    status: "final",
    invoice: invoice(to.tariff, sums),
    currency: to.tariff.currency,
    spareAnswers: bill.spare_answers ?? undefined,
    rangeProof: bill.range_proof ?? undefined,
    gaps: bill.gaps,
    tariffId: to.id,
    totals: encodeTotals(sums),
    releasedRows: bill.released_rows,
    issuedAt: now,
  };
}
