/** What a settled round leaves in the database, by its purpose. */
import { writeBalances } from "../balance/results.ts";
import { writeBilling } from "../bills/billing-results.ts";
import { writeVector } from "../learning/results.ts";
import type { NewEntry } from "../ledger/ledger.ts";
import { writeLoads } from "../loads/load-results.ts";
import type { Utility } from "../settings.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { RoundRecord } from "./record.ts";
import type { RoundOutcome } from "./round-ports.ts";

/** In the caller's transaction. Returns what is to be logged in it. */
export async function writeResults(
  db: Queries,
  utility: Utility,
  record: RoundRecord,
  outcome: RoundOutcome,
): Promise<NewEntry[]> {
  switch (record.question.purpose) {
    case "load":
      return await writeLoads(db, record, outcome, utility.slotSeconds);
    case "billing":
      return await writeBilling(db, utility, record, outcome);
    case "balance":
      return await writeBalances(db, utility, record, outcome);
    case "vector":
      return await writeVector(db, utility, record, outcome);
  }
}
