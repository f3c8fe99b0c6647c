/** Holds sums of learning rounds against the log: each is what was logged when it was opened, with its set and its homes. */
import { createHash } from "node:crypto";
import { type EntryContent, sameBytes } from "../../protocol/log/index.ts";
import { noisedReleaseOf, valueRows } from "../learning/releases.ts";
import type { ModelRound } from "../store/learning-store.ts";
import type { NoisedValuesTable } from "../store/learning-tables.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { Finding } from "./verify.ts";

/** `logged`: the entries by the round's id; `slotSeconds`: of the system. */
export async function verifyModels(
  db: Queries,
  slotSeconds: number,
  logged: ReadonlyMap<string, Extract<EntryContent, { type: "model" }>>,
  found: (finding: Finding) => void,
): Promise<void> {
  const waiting = new Set(logged.keys());
  const rows = await db.selectFrom("model_rounds").selectAll().where("status", "=", "final").execute();
  for (const row of rows) {
    const { round, sum, set_id: setId, meters, model, proved } = row;
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
    else await verifyRelease(db, row, slotSeconds, found);
  }
  for (const round of waiting) found({ where: "model_rounds", what: `${round}: it was logged and is gone` });
}

/** What people read of a release follows from the sum that was logged. */
async function verifyRelease(
  db: Queries,
  row: ModelRound,
  slotSeconds: number,
  found: (finding: Finding) => void,
): Promise<void> {
  const release = noisedReleaseOf(row, slotSeconds);
  if (release === undefined || !("values" in release)) return;
  const rows = await db
    .selectFrom("noised_values")
    .select(["position", "value", "slot_start", "from_wh", "to_wh"])
    .where("round", "=", row.round)
    .orderBy("position")
    .execute();
  const same = (one: NoisedValuesTable, kept: (typeof rows)[number] | undefined): boolean =>
    (["position", "value", "slot_start", "from_wh", "to_wh"] as const).every((name) => one[name] === kept?.[name]);
  const expected = valueRows(release);
  if (rows.length === expected.length && expected.every((one, i) => same(one, rows[i]))) return;
  found({ where: "noised_values", what: `${row.round}: its values are not those of the sum that was logged` });
}
