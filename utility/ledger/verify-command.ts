/** `npm run ledger -- verify`: the log against itself, the tables against the log, and both in words. */
import { createProgress } from "../../config/runtime/terminal.ts";
import type { NoteKey } from "../../protocol/log/index.ts";
import type { UtilityDatabase } from "../store/open.ts";
import { readHead } from "./ledger.ts";
import { type Finding, type SavedCheckpoint, type VerifiedLog, verifyLog } from "./verify.ts";
import { type VerifiedTables, verifyTables } from "./verify-tables.ts";

export interface VerifyRequest {
  readonly log: NoteKey;
  readonly saved: readonly SavedCheckpoint[];
  readonly slotSeconds: number;
  readonly silent: boolean;
}

export interface VerifyReport extends VerifiedLog {
  readonly tables: VerifiedTables;
  readonly findings: readonly Finding[];
}

/** Checks everything as of one moment, though the utility may go on. */
export async function verifyAll(
  db: UtilityDatabase,
  { log, saved, slotSeconds, silent }: VerifyRequest,
): Promise<VerifyReport> {
  const findings: Finding[] = [];
  const found = (finding: Finding): void => void findings.push(finding);
  return await db.transaction().execute(async (snapshot) => {
    const { size: total } = await readHead(snapshot);
    const bar = createProgress({ label: "entries", total, silent });
    const verified = await verifyLog(snapshot, { log, saved, onProgress: (done) => bar.update(done) }, found);
    bar.stop();
    return { ...verified, tables: await verifyTables(snapshot, slotSeconds, verified.size, found), findings };
  });
}

const MOST_FINDINGS = 20;

export function verifiedText({ findings, entries, size, erased, checkpoints, tables }: VerifyReport): string {
  const told = findings
    .slice(0, MOST_FINDINGS)
    .map(({ where, index, what }) => `${where}${index === undefined ? "" : `, entry ${index}`}: ${what}`);
  const more = findings.length - told.length;
  const types = Object.entries(entries).map(([type, count]) => `${count} ${type}`);
  return [
    ...told,
    ...(more > 0 ? [`and ${more} more findings`] : []),
    `${size} entries (${types.join(", ")}), ${erased} of them erased as logged, ${checkpoints} checkpoints kept`,
    `${tables.bills} bills, ${tables.loads} loads, ${tables.rounds} rounds and ${tables.jobs} jobs compared`,
    findings.length === 0
      ? "everything is as it was logged"
      : `${findings.length} ${findings.length === 1 ? "finding" : "findings"}: this is not what was logged`,
  ].join("\n");
}
