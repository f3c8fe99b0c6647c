/**
 * Forgets what bills say: salt and content go, the entry and its commitment stay. Without the salt the commitment is noise;
 * the tree, and with it every proof and receipt that was given out, stays what it was. Which entries it was is logged, so
 * that nothing that merely went away passes for erased.
 */
import { forgetDeleted, type UtilityDatabase } from "../store/open.ts";
import { billSubject, eraseEntry } from "./entries.ts";
import { type Ledger, readHead } from "./ledger.ts";

const AT_ONCE = 500;

export interface Erasure {
  /** Bills of periods that ended by this local date. */
  readonly before: string;
  /** Of this meter alone. */
  readonly meter?: string | undefined;
  /** Unix seconds. */
  readonly now: number;
}

/** Erases bills and logs which; returns how many. */
export async function eraseBills(
  db: UtilityDatabase,
  ledger: Ledger,
  { before, meter, now }: Erasure,
): Promise<number> {
  const count = await db.transaction().execute(async (transaction) => {
    let query = transaction.selectFrom("bills").selectAll().where("period_end", "<=", before);
    if (meter !== undefined) query = query.where("meter_id", "=", meter);
    const subjects = (await query.execute()).map(billSubject);
    const erased: number[] = [];
    for (let from = 0; from < subjects.length; from += AT_ONCE) {
      const rows = await transaction
        .updateTable("ledger_private")
        .set({ salt: null, content: null })
        .where("subject", "in", subjects.slice(from, from + AT_ONCE))
        .where("salt", "is not", null)
        .returning("idx")
        .execute();
      for (const { idx } of rows) erased.push(idx);
    }
    if (erased.length === 0) return 0;
    const { size } = await readHead(transaction);
    const indices = erased.sort((a, b) => a - b);
    await ledger.append(transaction, now, [eraseEntry(before, indices, size)]);
    return erased.length;
  });
  await forgetDeleted(db, "ledger_private");
  return count;
}
