/**
 * A price correction: bills of a period are worked out anew, from the released totals they were made from, under
 * another tariff. No aggregator is asked and nothing is opened twice; each bill gets a new version, which is logged.
 */
import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { insertBills, type NewBill, supersedeBill } from "../store/bills-store.ts";
import { assertLogged } from "../ledger/assert-logged.ts";
import type { UtilityDatabase } from "../store/open.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { Utility } from "../settings.ts";
import { billEntries } from "./issue.ts";
import { parsePeriod } from "./list.ts";
import { keepTariff } from "./period-book.ts";
import { type BillRow, issuedVersions, keptTariffs, repriced, sumsKey } from "./reprice.ts";
import type { TariffSource } from "./tariff-book.ts";

/** Bills written at a time: the running utility waits meanwhile, less than a second, and has its turn in between. */
const BILLS_AT_A_TIME = 250;
/** SQLite tries again within 100 ms: whoever waits for the database gets it before the next bills are written. */
const PAUSE_MILLISECONDS = 150;

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
  /** Called as bills are written. */
  readonly progress?: (done: number, of: number) => void;
  /** Default: 250. */
  readonly billsAtATime?: number;
};

interface Planned {
  readonly before: BillRow;
  readonly after: NewBill;
}

/**
 * Corrects all final bills of a period, or one meter's, but those that go by the tariff already: an interrupted correction
 * goes on where it stopped. All are worked out before the first is written. Throws TariffError `regroup` where the new
 * tariff needs totals that were never released, RangeError when there is nothing to correct, or a bill is not as it was
 * logged.
 */
export async function correctBills(
  { db, ledger, slotSeconds, snapshots = db, progress, billsAtATime = BILLS_AT_A_TIME }: Correcting,
  request: CorrectionRequest,
): Promise<CorrectedBill[]> {
  const { tariff, now } = request;
  const planned = await snapshots.transaction().execute((snapshot) => planCorrection(snapshot, slotSeconds, request));
  for (let from = 0; from < planned.length; from += billsAtATime) {
    if (from > 0) await delay(PAUSE_MILLISECONDS);
    const some = planned.slice(from, from + billsAtATime);
    await db.transaction().execute(async (transaction) => {
      await assertUnchanged(transaction, request, some);
      await keepTariff(transaction, tariff);
      const bills = some.map(({ after }) => after);
      for (const bill of bills) await supersedeBill(transaction, bill);
      await insertBills(transaction, bills);
      await ledger.append(transaction, now, await billEntries(transaction, bills, slotSeconds));
    });
    progress?.(from + some.length, planned.length);
  }
  return planned.map(({ before, after }) => ({
    meter: after.meter,
    periodStart: after.from,
    periodEnd: after.to,
    version: after.version,
    beforeMicro: BigInt(before.amount_micro ?? 0),
    afterMicro: after.invoice?.amountMicro ?? 0n,
  }));
}

async function planCorrection(snapshot: Queries, slotSeconds: number, request: CorrectionRequest): Promise<Planned[]> {
  const { tariff: to, period, meter, now } = request;
  const final = await finalBills(snapshot, request);
  if (final.length === 0) throw new RangeError(`period: there is no final bill to correct for ${period}`);
  const bills = final.filter(({ tariff_id }) => tariff_id !== to.id);
  if (bills.length === 0) throw new RangeError(`tariff: all final bills of ${period} go by this one already`);
  const { from } = parsePeriod(period);
  await assertLogged(snapshot, slotSeconds, { periodStart: from, meter }, bills);
  const tariffs = await keptTariffs(snapshot);
  const meters = bills.map(({ meter_id }) => meter_id);
  const issued = await issuedVersions(snapshot, meters, from);
  return bills.map((before) => {
    const first = issued.get(sumsKey(before));
    const source = tariffs.get(first?.tariff_id ?? "");
    if (source === undefined || first === undefined || first.totals === null) {
      throw new RangeError(`${before.meter_id}: the tariff or the totals of its bill are not in the database`);
    }
    return { before, after: repriced(before, first.totals, { from: source, to, now }) };
  });
}

async function finalBills(db: Queries, { period, meter }: CorrectionRequest): Promise<BillRow[]> {
  const { from, to } = parsePeriod(period);
  let query = db.selectFrom("current_bills").selectAll().where("period_start", "=", from).where("status", "=", "final");
  if (to !== undefined) query = query.where("period_end", "=", to);
  if (meter !== undefined) query = query.where("meter_id", "=", meter);
  return await query.orderBy("meter_id").execute();
}

async function assertUnchanged(db: Queries, { period }: CorrectionRequest, some: readonly Planned[]): Promise<void> {
  const current = await db
    .selectFrom("current_bills")
    .selectAll()
    .where("period_start", "=", parsePeriod(period).from)
    .where(
      "meter_id",
      "in",
      some.map(({ after }) => after.meter),
    )
    .execute();
  const found = new Map(current.map((bill) => [sumsKey(bill), versionOf(bill)]));
  const changed = some.find(({ before }) => !isDeepStrictEqual(found.get(sumsKey(before)), versionOf(before)));
  if (changed === undefined) return;
  throw new RangeError(
    `${changed.after.meter}: its bill of ${period} changed while it was corrected: repeat the command, which goes on from there`,
  );
}

/** All of a bill but how often it was sent. */
function versionOf({ sent: _sent, ...bill }: BillRow): Omit<BillRow, "sent"> {
  return bill;
}
