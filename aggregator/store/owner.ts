/** Whose database this is: the shares of another aggregator, in the place of one's own, would make wrong sums of all. */
import { StorageError } from "../../config/runtime/database.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";

/** Notes `party` where nobody is noted yet. Throws StorageError `foreign` for the database of another aggregator. */
export function claimDatabase(db: SqlDatabase, party: string): void {
  // Several workers may begin at one moment.
  db.prepare<[string]>("INSERT INTO owner (one, party) VALUES (1, ?) ON CONFLICT (one) DO NOTHING").run(party);
  const owner = db.prepare<[], string>("SELECT party FROM owner").pluck().get();
  if (owner === party) return;
  throw new StorageError("foreign", `${db.name} is the database of ${owner}, not of ${party}; put back the right one`);
}
