/**
 * Forgets what bills say: salt and content go, the entry and its commitment stay. Without the salt the commitment is noise;
 * the tree, and with it every proof and receipt that was given out, stays what it was.
 */
import { sql } from "kysely";
import type { UtilityDatabase } from "../store/open.ts";
import { billSubject } from "./entries.ts";

const AT_ONCE = 500;

/** Erases bills of periods that ended by a local date, of one meter or of all; returns how many. */
export async function eraseBills(db: UtilityDatabase, before: string, meter?: string): Promise<number> {
  let query = db.selectFrom("bills").selectAll().where("period_end", "<=", before);
  if (meter !== undefined) query = query.where("meter_id", "=", meter);
  const subjects = (await query.execute()).map(billSubject);
  const count = await db.transaction().execute(async (transaction) => {
    let erased = 0;
    for (let from = 0; from < subjects.length; from += AT_ONCE) {
      const { numUpdatedRows } = await transaction
        .updateTable("ledger_private")
        .set({ salt: null, content: null })
        .where("subject", "in", subjects.slice(from, from + AT_ONCE))
        .where("salt", "is not", null)
        .executeTakeFirstOrThrow();
      erased += Number(numUpdatedRows);
    }
    return erased;
  });
  // Deleted bytes stay in unused parts of the file's pages until it is written anew.
  await sql`VACUUM`.execute(db);
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
  return count;
}
