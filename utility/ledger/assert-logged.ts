/** What a correction starts from must be what the log has committed to: a wrong bill would be logged and hold for ever. */
import { assertCommitted, decodeEntry, LogError, sameBytes } from "../../protocol/log/index.ts";
import type { BillHead } from "../bills/customer-bill.ts";
import type { Queries } from "../store/rounds-store.ts";
import { billSubject, totalsContent, totalsSubject } from "./entries.ts";
import { verifyBills, type WhichBills } from "./verify-bills.ts";

/**
 * Throws RangeError where one of the bills, or a sum that was released for its meter, is not as it was logged, and where
 * what a bill said was erased.
 */
export async function assertLogged(
  db: Queries,
  slotSeconds: number,
  which: WhichBills,
  bills: readonly BillHead[],
): Promise<void> {
  const meters = new Set(bills.map(({ meter_id }) => meter_id));
  const refuse = (what: string): never => {
    throw new RangeError(
      `${what}; a correction starts from what was logged ("npm run ledger -- verify" says what is not)`,
    );
  };
  for (const bill of bills) {
    const content = await committedTo(db, billSubject(bill), refuse);
    if (content === null) refuse(`${bill.meter_id}: what its bill from ${bill.period_start} says was erased`);
  }
  let query = db.selectFrom("released_totals").select(["round_id", "meter_id"]).distinct();
  if (which.meter !== undefined) query = query.where("meter_id", "=", which.meter);
  const rounds = (await query.execute()).filter(({ meter_id }) => meters.has(meter_id));
  for (const round of new Set(rounds.map(({ round_id }) => round_id))) {
    const rows = await db.selectFrom("released_totals").selectAll().where("round_id", "=", round).execute();
    const content = await committedTo(db, totalsSubject(round), refuse);
    if (content !== null && sameBytes(totalsContent(rows), content)) continue;
    refuse(`released_totals of the round ${round}: not those that were logged`);
  }
  await verifyBills(db, slotSeconds, ({ where, what }) => refuse(`${where}: ${what}`), which);
}

/** The content that an entry commits to; null where it was erased. */
async function committedTo(db: Queries, subject: string, refuse: (what: string) => never): Promise<Uint8Array | null> {
  const kept = await db
    .selectFrom("ledger_private")
    .innerJoin("ledger_entries", "ledger_entries.idx", "ledger_private.idx")
    .select(["salt", "content", "entry"])
    .where("subject", "=", subject)
    .executeTakeFirst();
  if (kept === undefined) return refuse(`${subject}: it is not in the log`);
  if (kept.salt === null || kept.content === null) return null;
  try {
    const { content } = decodeEntry(kept.entry);
    if (!("commitment" in content)) return refuse(`${subject}: its entry commits to nothing`);
    assertCommitted(content.commitment, kept.salt, kept.content);
  } catch (error) {
    if (!(error instanceof LogError)) throw error;
    return refuse(`${subject}: ${error.message}`);
  }
  return kept.content;
}
