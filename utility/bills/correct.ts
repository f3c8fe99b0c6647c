/**
 * A price correction: bills of a period are worked out anew, from the released totals they were made from, under
 * another tariff. No aggregator is asked and nothing is opened twice; each bill gets a new version, which is logged.
 */
import { isDeepStrictEqual } from "node:util";
import type { Selectable } from "kysely";
import { correctTotals, decodeTotals, encodeTotals, invoice } from "../../billing/index.ts";
import { insertBills, type NewBill, supersedeBill } from "../store/bills-store.ts";
import { assertLogged } from "../ledger/assert-logged.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { UtilityTables } from "../store/tables.ts";
import { parseTariffYaml, type Tariff } from "../../billing/tariffs/index.ts";
import type { Utility } from "../settings.ts";
import { billEntries } from "./issue.ts";
import { parsePeriod } from "./list.ts";
import type { TariffSource } from "./tariff-book.ts";

export interface CorrectionRequest {
  readonly tariff: TariffSource;
  readonly period: string;
  readonly meter?: string | undefined;
  /** Unix seconds. */
  readonly now: number;
}

export interface CorrectedBill {
  readonly meter: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly version: number;
  readonly beforeMicro: bigint;
  readonly afterMicro: bigint;
}

type Correcting = Pick<Utility, "db" | "ledger" | "slotSeconds"> & {
  /** The same database opened for reading: the running utility writes on while bills are checked. Default: `db`. */
  readonly snapshots?: UtilityDatabase;
};

type FinalBill = Selectable<UtilityTables["current_bills"]>;

async function finalBills(db: Queries, { period, meter }: CorrectionRequest): Promise<FinalBill[]> {
  const { from, to } = parsePeriod(period);
  let query = db.selectFrom("current_bills").selectAll().where("period_start", "=", from).where("status", "=", "final");
  if (to !== undefined) query = query.where("period_end", "=", to);
  if (meter !== undefined) query = query.where("meter_id", "=", meter);
  return await query.orderBy("meter_id").execute();
}

type IssuedVersion = Pick<FinalBill, "tariff_id" | "totals">;

/**
 * By meter, last date and number of sums the version that came from rounds: a correction starts from there, so that one
 * that joined bands by mistake can be taken back.
 */
async function issuedVersions(db: Queries, [one, ...more]: readonly FinalBill[]): Promise<Map<string, IssuedVersion>> {
  let query = db
    .selectFrom("bills")
    .select(["meter_id", "period_end", "released_rows", "tariff_id", "totals"])
    .where("period_start", "=", one?.period_start ?? "")
    .where("totals", "is not", null);
  if (one !== undefined && more.length === 0) query = query.where("meter_id", "=", one.meter_id);
  const versions = await query.orderBy("version", "desc").execute();
  return new Map(versions.map((bill) => [`${bill.meter_id} ${bill.period_end} ${bill.released_rows}`, bill]));
}

/** All of a bill but how often it was sent. */
function versionOf({ sent: _sent, ...bill }: FinalBill): Omit<FinalBill, "sent"> {
  return bill;
}

/**
 * Corrects all final bills of a period, or one meter's, in one transaction: all or none. Throws TariffError `regroup`
 * where the new tariff needs totals that were never released, RangeError when there is no such bill or one is not as it
 * was logged.
 */
export async function correctBills(
  { db, ledger, slotSeconds, snapshots = db }: Correcting,
  request: CorrectionRequest,
): Promise<CorrectedBill[]> {
  const { from } = parsePeriod(request.period);
  const checked = await snapshots.transaction().execute(async (snapshot) => {
    const bills = await finalBills(snapshot, request);
    if (bills.length === 0) throw new RangeError(`period: there is no final bill to correct for ${request.period}`);
    await assertLogged(snapshot, slotSeconds, { periodStart: from, meter: request.meter }, bills);
    return bills;
  });
  return await db.transaction().execute(async (transaction) => {
    const bills = await finalBills(transaction, request);
    if (!isDeepStrictEqual(bills.map(versionOf), checked.map(versionOf))) {
      throw new RangeError(`period: bills of ${request.period} changed while they were checked: repeat the command`);
    }
    const billed = new Map<string, Tariff>();
    for (const { id, source, yaml } of await transaction.selectFrom("tariffs").selectAll().execute()) {
      billed.set(id, parseTariffYaml(yaml, source));
    }
    const { id, file, yaml, tariff } = request.tariff;
    await transaction
      .insertInto("tariffs")
      .values({ id, source: file, yaml })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .execute();
    const corrected: CorrectedBill[] = [];
    const added: NewBill[] = [];
    const issued = await issuedVersions(transaction, bills);
    for (const bill of bills) {
      const first = issued.get(`${bill.meter_id} ${bill.period_end} ${bill.released_rows}`);
      const before = billed.get(first?.tariff_id ?? "");
      if (before === undefined || first === undefined || first.totals === null) {
        throw new RangeError(`${bill.meter_id}: the tariff or the totals of its bill are not in the database`);
      }
      const repriced = correctTotals(decodeTotals(first.totals), before, tariff);
      const result = invoice(tariff, repriced);
      const key = { meter: bill.meter_id, from: bill.period_start, to: bill.period_end };
      await supersedeBill(transaction, key);
      added.push({
        ...key,
        version: bill.version + 1,
        status: "final",
        invoice: result,
        currency: tariff.currency,
        spareAnswers: bill.spare_answers ?? undefined,
        rangeProof: bill.range_proof ?? undefined,
        gaps: bill.gaps,
        tariffId: id,
        totals: encodeTotals(repriced),
        releasedRows: bill.released_rows,
        issuedAt: request.now,
      });
      corrected.push({
        meter: bill.meter_id,
        periodStart: bill.period_start,
        periodEnd: bill.period_end,
        version: bill.version + 1,
        beforeMicro: BigInt(bill.amount_micro ?? 0),
        afterMicro: result.amountMicro,
      });
    }
    await insertBills(transaction, added);
    await ledger.append(transaction, request.now, await billEntries(transaction, added, slotSeconds));
    return corrected;
  });
}
