/**
 * Holds the utility's tables against its log: bills, released sums, loads, balances, sets and opened results are what was logged
 * when they became final, and nothing is there that was not.
 */
import { createHash } from "node:crypto";
import { decodeEntry, type EntryContent, sameBytes } from "../../protocol/log/index.ts";
import { type BillHead, customerBills } from "../bills/customer-bill.ts";
import type { HeResultRow } from "../store/opened-tables.ts";
import type { Queries } from "../store/rounds-store.ts";
import { balancesContent, balancesSubject, billSubject, jobDigest, totalsContent, totalsSubject } from "./entries.ts";
import { scanEntries } from "./scan.ts";
import type { Finding } from "./verify.ts";
import { verifyDetections } from "./verify-detections.ts";
import { verifyModels } from "./verify-models.ts";

type Found = (finding: Finding) => void;

export interface VerifiedTables {
  readonly bills: number;
  readonly loads: number;
  readonly rounds: number;
  readonly jobs: number;
}

/** Calls `found` for each row that is not as it was logged. The log itself is checked by `verifyLog`. */
export async function verifyTables(
  db: Queries,
  slotSeconds: number,
  size: number,
  found: Found,
): Promise<VerifiedTables> {
  const logged = await readLogged(db, size);
  const totals = await db.selectFrom("released_totals").selectAll().execute();
  await verifyCommitted(
    db,
    { table: "released_totals", subject: totalsSubject, content: totalsContent, rows: totals },
    found,
  );
  const balances = await db.selectFrom("feeder_balances").selectAll().execute();
  await verifyCommitted(
    db,
    { table: "feeder_balances", subject: balancesSubject, content: balancesContent, rows: balances },
    found,
  );
  await verifyDetections(db, found);
  await verifyModels(db, logged.models, found);
  return {
    bills: await verifyBills(db, slotSeconds, found),
    loads: await verifyLoads(db, logged, found),
    rounds: await verifyRounds(db, logged, found),
    jobs: await verifyJobs(db, logged, found),
  };
}

interface Logged {
  /** By feeder and slot. */
  readonly loads: Map<string, string>;
  /** By round: hashes of its sets. */
  readonly sets: Map<string, Uint8Array[]>;
  readonly jobs: Map<string, Extract<EntryContent, { type: "job" }>>;
  /** By learning round. */
  readonly models: Map<string, Extract<EntryContent, { type: "model" }>>;
}

async function readLogged(db: Queries, size: number): Promise<Logged> {
  const logged: Logged = { loads: new Map(), sets: new Map(), jobs: new Map(), models: new Map() };
  for await (const batch of scanEntries(db, 0, size)) {
    for (const { entry, type } of batch) {
      if (type !== "loads" && type !== "set" && type !== "job" && type !== "model") continue;
      const content = contentOf(entry);
      if (content?.type === "loads") {
        for (const [at, ...load] of content.loads) logged.loads.set(`${content.feeder} ${at}`, JSON.stringify(load));
      } else if (content?.type === "set") {
        logged.sets.set(content.round, [...(logged.sets.get(content.round) ?? []), content.setId]);
      } else if (content?.type === "job") logged.jobs.set(content.job, content);
      else if (content?.type === "model") logged.models.set(content.round, content);
    }
  }
  return logged;
}

/** What is no entry is for `verifyLog` to tell. */
function contentOf(entry: Uint8Array): EntryContent | undefined {
  try {
    return decodeEntry(entry).content;
  } catch {
    return undefined;
  }
}

const AT_ONCE = 500;

async function verifyBills(db: Queries, slotSeconds: number, found: Found): Promise<number> {
  const tell = (bill: BillHead, what: string): void => {
    const { meter_id: meter, period_start: start, version } = bill;
    found({ where: "bills", what: `${meter}, period from ${start}, version ${version}: ${what}` });
  };
  const kept = new Map(
    (await db.selectFrom("ledger_private").select(["subject", "idx"]).where("subject", "like", "bill %").execute()).map(
      ({ subject, idx }) => [subject, idx],
    ),
  );
  const bills = await db
    .selectFrom("bills")
    .selectAll()
    .where("status", "in", ["final", "superseded"])
    .orderBy("meter_id")
    .orderBy("period_start")
    .execute();
  for (let from = 0; from < bills.length; from += AT_ONCE) {
    const some = bills.slice(from, from + AT_ONCE);
    const texts = await customerBills(db, some, slotSeconds);
    const contents = await contentsOf(db, some.map(billSubject));
    for (const [i, bill] of some.entries()) {
      const subject = billSubject(bill);
      // A version that was never final was superseded without having been logged.
      if (!kept.delete(subject)) {
        if (bill.status === "final" || bill.amount_micro !== null) tell(bill, "it is not in the log");
        continue;
      }
      const content = contents.get(subject);
      if (content === undefined || content === null) continue;
      const logged = JSON.parse(Buffer.from(content).toString("utf8")) as Record<string, unknown>;
      const now = texts[i] as unknown as Record<string, unknown>;
      // Gaps of a version that was replaced may have been filled since; those of the last one stay as they were.
      const fields = Object.keys(now).filter((name) => bill.status === "final" || (name !== "gaps" && name !== "late"));
      const other = fields.filter((name) => JSON.stringify(now[name]) !== JSON.stringify(logged[name]));
      if (other.length > 0) tell(bill, `${other.join(", ")}: not what was logged`);
    }
  }
  for (const [subject, index] of kept) found({ where: "bills", index, what: `${subject}: it was logged and is gone` });
  return bills.length;
}

async function contentsOf(db: Queries, subjects: readonly string[]): Promise<Map<string, Uint8Array | null>> {
  const rows = await db
    .selectFrom("ledger_private")
    .select(["subject", "content"])
    .where("subject", "in", [...subjects])
    .execute();
  return new Map(rows.map(({ subject, content }) => [subject, content]));
}

async function verifyLoads(db: Queries, { loads }: Logged, found: Found): Promise<number> {
  const waiting = new Map(loads);
  const rows = await db.selectFrom("feeder_loads").selectAll().where("status", "=", "final").execute();
  for (const { feeder_id: feeder, slot_start: at, energy_wh, export_wh, meters } of rows) {
    const key = `${feeder} ${at}`;
    const logged = waiting.get(key);
    waiting.delete(key);
    const is = JSON.stringify([energy_wh, export_wh, meters]);
    if (logged === is) continue;
    const what = logged === undefined ? "it is not in the log" : `${is}, logged was ${logged}`;
    found({ where: "feeder_loads", what: `${feeder} at ${at}: ${what}` });
  }
  for (const key of waiting.keys()) found({ where: "feeder_loads", what: `${key}: it was logged and is gone` });
  return rows.length;
}

async function verifyRounds(db: Queries, { sets }: Logged, found: Found): Promise<number> {
  const rows = await db.selectFrom("rounds").select(["id", "set_id", "content"]).execute();
  const waiting = new Set(sets.keys());
  for (const { id, set_id, content } of rows) {
    waiting.delete(id);
    if (set_id === null || content === null) continue;
    const hash = createHash("sha256").update(content).digest();
    if (!sameBytes(hash, set_id)) found({ where: "rounds", what: `${id}: its set is not the one that its hash names` });
    if (sets.get(id)?.some((logged) => sameBytes(logged, set_id)) === true) continue;
    found({ where: "rounds", what: `${id}: its set is not in the log` });
  }
  for (const id of waiting) found({ where: "rounds", what: `${id}: its set was logged and the round is gone` });
  return rows.length;
}

/** Rows that a round left behind, which its entry commits to. */
interface Committed<Row> {
  readonly table: string;
  /** The subject of a round's content, and of all of them with an empty name. */
  readonly subject: (round: string) => string;
  readonly content: (rows: readonly Row[]) => Buffer;
  readonly rows: readonly Row[];
}

async function verifyCommitted<Row extends { readonly round_id: string }>(
  db: Queries,
  { table, subject, content, rows }: Committed<Row>,
  found: Found,
): Promise<void> {
  const byRound = new Map<string, Row[]>();
  for (const row of rows) {
    const own = byRound.get(row.round_id);
    if (own === undefined) byRound.set(row.round_id, [row]);
    else own.push(row);
  }
  const kept = await db
    .selectFrom("ledger_private")
    .select(["subject", "content"])
    .where("subject", "like", `${subject("")}%`)
    .execute();
  const logged = new Map(kept.map((row) => [row.subject, row.content]));
  for (const [round, own] of byRound) {
    const expected = logged.get(subject(round));
    if (expected === undefined) found({ where: table, what: `${round}: its rows are not in the log` });
    else if (expected !== null && !sameBytes(content(own), expected)) {
      found({ where: table, what: `${round}: its rows are not those that were logged` });
    }
  }
  for (const [name, expected] of logged) {
    const round = name.slice(subject("").length);
    if (byRound.has(round) || expected === null || sameBytes(content([]), expected)) continue;
    found({ where: table, what: `${round}: its rows were logged and are gone` });
  }
}

async function verifyJobs(db: Queries, { jobs }: Logged, found: Found): Promise<number> {
  const waiting = new Set(jobs.keys());
  const rows: HeResultRow[] = await db.selectFrom("he_results").selectAll().execute();
  for (const row of rows) {
    waiting.delete(row.job);
    const values = await db.selectFrom("he_values").selectAll().where("job", "=", row.job).execute();
    const logged = jobs.get(row.job);
    if (logged === undefined) found({ where: "he_results", what: `${row.job}: it is not in the log` });
    else if (!sameBytes(logged.result, jobDigest(row, values))) {
      found({ where: "he_results", what: `${row.job}: its numbers are not those that were logged` });
    }
  }
  for (const job of waiting) found({ where: "he_results", what: `${job}: it was logged and is gone` });
  return rows.length;
}
