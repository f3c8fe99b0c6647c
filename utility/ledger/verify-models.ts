/** Holds sums of learning rounds against the log: each is what was logged when it was opened, with its set and its homes. */
import { createHash } from "node:crypto";
import { type EntryContent, sameBytes } from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { Finding } from "./verify.ts";

/** `logged`: the entries by the round's id. */
export async function verifyModels(
  db: Queries,
  logged: ReadonlyMap<string, Extract<EntryContent, { type: "model" }>>,
  found: (finding: Finding) => void,
): Promise<void> {
  const waiting = new Set(logged.keys());
  const rows = await db.selectFrom("model_rounds").selectAll().where("status", "=", "final").execute();
  for (const { round, sum, set_id: setId, meters, model, proved } of rows) {
    waiting.delete(round);
    const entry = logged.get(round);
    if (entry === undefined) {
      found({ where: "model_rounds", what: `${round}: it is not in the log` });
      continue;
    }
    const hash = createHash("sha256")
      .update(sum ?? "")
      .digest();
    const isSame =
      sameBytes(hash, entry.sum) &&
      sameBytes(setId ?? new Uint8Array(0), entry.setId) &&
      sameBytes(model, entry.model) &&
      meters === entry.meters &&
      proved === (entry.bound?.proved ?? null);
    if (!isSame) found({ where: "model_rounds", what: `${round}: its sum is not the one that was logged` });
  }
  for (const round of waiting) found({ where: "model_rounds", what: `${round}: it was logged and is gone` });
}
