/** Long work on a database that others write to as well. */
import type { SqlDatabase } from "../config/runtime/sql.ts";

const AT_A_TIME = 100;

/** Does something for each item, a hundred in a transaction: who else writes waits for the end of each. */
export function inPieces<T>(db: SqlDatabase, items: readonly T[], work: (item: T) => void): void {
  for (let at = 0; at < items.length; at += AT_A_TIME) {
    const piece = db.transaction(() => items.slice(at, at + AT_A_TIME).forEach((item) => work(item)));
    piece.immediate();
  }
}
