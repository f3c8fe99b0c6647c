/** Reads the whole log in order, a batch at a time, so that a log of any size fits in memory. */
import type { LedgerEntriesTable } from "../store/ledger-tables.ts";
import type { Queries } from "../store/rounds-store.ts";

/** As many as a level-1 tile's eighth covers: whole tiles, few queries. */
export const SCAN_ENTRIES = 8_192;

/** Entries from `from` up to `to`, in the order of their indices as far as they are there. */
export async function* scanEntries(db: Queries, from: number, to: number): AsyncGenerator<LedgerEntriesTable[]> {
  for (let at = from; at < to; at += SCAN_ENTRIES) {
    yield await db
      .selectFrom("ledger_entries")
      .selectAll()
      .where("idx", ">=", at)
      .where("idx", "<", Math.min(to, at + SCAN_ENTRIES))
      .orderBy("idx")
      .execute();
  }
}
