/**
 * Issues the bills of a period: for each meter whose feeders have all been asked, one bill over all of them, in the
 * caller's transaction. A bill that is there already gets a new version only when released energy is not in it yet.
 * What it returns is to be logged in the same transaction.
 */
import { encodeTotals, invoice } from "../../billing/index.ts";
import type { Utility } from "../settings.ts";
import { billEntry } from "../ledger/entries.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import { chargedBefore, headOf, insertBills, type NewBill, supersedeBill, totalsOf } from "../store/bills-store.ts";
import { INSERT_ROWS } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { RangeProof, ReleasedTotalsTable } from "../store/tables.ts";
import { type Period, TariffError } from "../../billing/tariffs/index.ts";
import { billSums } from "./bill-sums.ts";
import { customerBills } from "./customer-bill.ts";
import { bookOf, keepTariff } from "./period-book.ts";
import { type BillRow, issuedVersions, keptTariffs, repriced, sumsKey } from "./reprice.ts";
import type { TariffSource } from "./tariff-book.ts";

/** Feeders that a meter belongs to at some time of a period. */
function feedersOf(utility: Pick<Utility, "roll" | "origin">, meter: string, period: Period): string[] {
  const from = Math.max(period.slots.from, utility.origin);
  const places = utility.roll.record(meter)?.places ?? [];
  const touching = places.filter((place) => place.from < period.slots.to && (place.to ?? period.slots.to) > from);
  return [...new Set(touching.map(({ feeder }) => feeder))];
}

interface GapSummary {
  missing: number;
  reason: string | undefined;
}

export async function issueBills(
  db: Queries,
  utility: Utility,
  meters: readonly string[],
  period: Period,
): Promise<NewEntry[]> {
  const settled = await settledFeeders(db, period);
  const ready = meters.filter((meter) => feedersOf(utility, meter, period).every((feeder) => settled.has(feeder)));
  const totals = await totalsOf(db, ready, period.from);
  const late = [...totals].filter(([, rows]) => rows.some((row) => row.source_start !== period.from));
  const lateStarts = new Set(late.flatMap(([, rows]) => rows.map((row) => row.source_start)));
  lateStarts.delete(period.from);
  const lateMeters = late.map(([meter]) => meter);
  const charged = await chargedBefore(db, lateMeters, [...lateStarts], period.from);
  const gaps = await gapSummaries(db, ready, period);
  const book = await bookOf(db, utility.book, period);
  const before = await currentVersions(db, ready, period);
  const bills: NewBill[] = [];
  for (const meter of ready) {
    const feeders = feedersOf(utility, meter, period);
    const rows = totals.get(meter) ?? [];
    const known = before.get(meter);
    // Nobody here and nothing late: not a customer of this period.
    if (feeders.length === 0 && rows.length === 0) continue;
    if (known?.released_rows === rows.length) continue;
    const failed = feeders
      .map((feeder) => settled.get(feeder))
      .find((status) => status !== undefined && status !== "final");
    const gap = gaps.get(meter);
    const status = failed ?? (rows.length === 0 && gap?.reason !== undefined ? gap.reason : "final");
    const key = { meter, from: period.from, to: period.to };
    if (known !== undefined) await supersedeBill(db, key);
    const head = { ...key, version: (known?.version ?? 0) + 1, status };
    bills.push(billOf(utility, book.of(meter), head, { rows, charged: charged.get(meter) ?? [] }, gap, period));
  }
  const used = new Set(bills.map(({ tariffId }) => tariffId));
  for (const source of book.all().filter(({ id }) => used.has(id))) await keepTariff(db, source);
  const corrections = await correctionsOf(db, before, bills, period);
  await insertBills(db, bills);
  const entries = await billEntries(db, bills, utility.slotSeconds);
  return [...entries, ...(await correctAgain(db, utility, bills, corrections))];
}

/** The tariffs to which people have corrected what now gets a new version, by meter. */
async function correctionsOf(
  db: Queries,
  before: ReadonlyMap<string, BillRow>,
  bills: readonly NewBill[],
  period: Period,
): Promise<Map<string, string>> {
  const replaced = bills.flatMap(({ meter }) => before.get(meter) ?? []).filter(({ status }) => status === "final");
  const issued = await issuedVersions(
    db,
    replaced.map(({ meter_id }) => meter_id),
    period.from,
  );
  const corrected = replaced.filter((bill) => {
    const first = issued.get(sumsKey(bill));
    return first !== undefined && first.tariff_id !== bill.tariff_id;
  });
  return new Map(corrected.map((bill) => [bill.meter_id, bill.tariff_id]));
}

/**
 * What was corrected stays so when more energy comes: the version with all of it is followed by one under the tariff of the
 * correction. Where that one does not fit the new sums, the bill keeps its own, and whoever corrected it is told.
 */
async function correctAgain(
  db: Queries,
  utility: Utility,
  bills: readonly NewBill[],
  corrections: ReadonlyMap<string, string>,
): Promise<NewEntry[]> {
  if (corrections.size === 0) return [];
  const tariffs = await keptTariffs(db);
  const again: NewBill[] = [];
  for (const bill of bills) {
    const [from, to] = [tariffs.get(bill.tariffId), tariffs.get(corrections.get(bill.meter) ?? "")];
    if (from === undefined || to === undefined || bill.status !== "final" || bill.totals === undefined) continue;
    try {
      again.push(repriced(headOf(bill), bill.totals, { from, to, now: bill.issuedAt }));
    } catch (error) {
      if (!(error instanceof TariffError)) throw error;
      utility.warn?.("correction-undone", `${bill.meter}, from ${bill.from}: ${error.message}`);
    }
  }
  for (const bill of again) await supersedeBill(db, bill);
  await insertBills(db, again);
  return await billEntries(db, again, utility.slotSeconds);
}

/** Final bills that were just written, for the log. */
export async function billEntries(db: Queries, bills: readonly NewBill[], slotSeconds: number): Promise<NewEntry[]> {
  const heads = bills.filter(({ status }) => status === "final").map(headOf);
  const texts = await customerBills(db, heads, slotSeconds);
  return heads.map((head, i) => billEntry(head, JSON.stringify(texts[i])));
}

function billOf(
  utility: Utility,
  { id, tariff }: TariffSource,
  head: { meter: string; from: string; to: string; version: number; status: string },
  { rows, charged }: Record<"rows" | "charged", readonly ReleasedTotalsTable[]>,
  gap: GapSummary | undefined,
  period: Period,
): NewBill {
  const base = {
    ...head,
    currency: tariff.currency,
    gaps: gap?.missing ?? 0,
    tariffId: id,
    releasedRows: rows.length,
    issuedAt: utility.clock.now(),
  };
  const nothing = { invoice: undefined, spareAnswers: undefined, rangeProof: undefined, totals: undefined };
  if (head.status !== "final") return { ...base, ...nothing };
  const sums = billSums(tariff, period, utility, { rows, charged });
  const spares = rows.map((row) => row.spare_answers);
  return {
    ...base,
    invoice: invoice(tariff, sums),
    spareAnswers: spares.length === 0 ? undefined : Math.min(...spares),
    rangeProof: rangeProofOf(rows),
    totals: encodeTotals(sums),
  };
}

/** A bill is proved if all of it is. */
function rangeProofOf(rows: readonly ReleasedTotalsTable[]): RangeProof | undefined {
  if (rows.every(({ range_proof }) => range_proof === null)) return undefined;
  return rows.every(({ range_proof }) => range_proof === "proved") ? "proved" : "unproved";
}

/** Feeders whose billing round of the period is settled, with its status. */
async function settledFeeders(db: Queries, period: Period): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom("feeder_periods")
    .select(["feeder_id", "status"])
    .where("period_start", "=", period.from)
    .where("period_end", "=", period.to)
    .execute();
  return new Map(rows.map(({ feeder_id, status }) => [feeder_id, status]));
}

async function gapSummaries(db: Queries, meters: readonly string[], period: Period): Promise<Map<string, GapSummary>> {
  const found = new Map<string, GapSummary>();
  for (let from = 0; from < meters.length; from += INSERT_ROWS) {
    const rows = await db
      .selectFrom("gaps")
      .select(["meter_id", "kind", "reason", "slots"])
      .where("meter_id", "in", meters.slice(from, from + INSERT_ROWS))
      .where("period_start", "=", period.from)
      .execute();
    for (const { meter_id, kind, reason, slots } of rows) {
      const summary = found.get(meter_id) ?? { missing: 0, reason: undefined };
      if (kind === "import") summary.missing += slots;
      if (reason !== "missing") summary.reason ??= reason;
      found.set(meter_id, summary);
    }
  }
  return found;
}

/** The last version of each meter's bill. */
async function currentVersions(db: Queries, meters: readonly string[], period: Period): Promise<Map<string, BillRow>> {
  const found = new Map<string, BillRow>();
  for (let from = 0; from < meters.length; from += INSERT_ROWS) {
    const rows = await db
      .selectFrom("bills")
      .selectAll()
      .where("meter_id", "in", meters.slice(from, from + INSERT_ROWS))
      .where("period_start", "=", period.from)
      .where("period_end", "=", period.to)
      .where("status", "!=", "superseded")
      .execute();
    for (const row of rows) found.set(row.meter_id, row);
  }
  return found;
}
