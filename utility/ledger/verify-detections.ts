/** Holds what rounds found out about aggregators and meters against the log. */
import type { Excluded } from "../rounds/record.ts";
import { sameBytes } from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { DetectionsTable } from "../store/tables.ts";
import { lieContents, lieSubject, parseJson } from "./entries.ts";
import type { Finding } from "./verify.ts";

/** Calls `found` for each detection, and each round that left meters out, that is not as it was logged. */
export async function verifyDetections(db: Queries, found: (finding: Finding) => void): Promise<void> {
  const tell = (subject: string, what: string): void => {
    const [, round = "", code = ""] = subject.split(" ");
    found({ where: "detections", what: `${round}, ${code}: ${what}` });
  };
  const kept = await db
    .selectFrom("ledger_private")
    .select(["subject", "content"])
    .where("subject", "like", "lie %")
    .execute();
  const waiting = new Map(kept.map(({ subject, content }) => [subject, content]));
  const detections = new Map<string, DetectionsTable[]>();
  for (const row of await db.selectFrom("detections").selectAll().execute()) {
    detections.set(row.round_id, [...(detections.get(row.round_id) ?? []), row]);
  }
  const rounds = await db
    .selectFrom("rounds")
    .select(["id", "excluded"])
    .where("state", "in", ["finished", "failed"])
    .execute();
  const excluded = new Map(rounds.map((row) => [row.id, excludedOf(row.excluded)]));
  for (const round of new Set([...excluded.keys(), ...detections.keys()])) {
    for (const [code, content] of lieContents(excluded.get(round) ?? [], detections.get(round) ?? [])) {
      const subject = lieSubject(round, code);
      const logged = waiting.get(subject);
      waiting.delete(subject);
      if (logged === undefined) tell(subject, "it is not in the log");
      else if (logged !== null && !sameBytes(content, logged)) tell(subject, "not what was logged");
    }
  }
  for (const subject of waiting.keys()) tell(subject, "it was logged and is gone");
}

/** Text that cannot be read is for `verifyRounds` to tell. */
function excludedOf(text: string): Excluded[] {
  const value = parseJson(text);
  return Array.isArray(value) ? (value as Excluded[]) : [];
}
