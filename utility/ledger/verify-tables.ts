/**
 * Holds the utility's tables against its log: bills, released sums, loads, balances, sets and opened results are what was logged
 * when they became final, and nothing is there that was not.
 */
import { decodeEntry, type EntryContent, sameBytes } from "../../protocol/log/index.ts";
import type { HeResultRow } from "../store/opened-tables.ts";
import type { Queries } from "../store/rounds-store.ts";
import { balancesContent, balancesSubject, jobDigest, totalsContent, totalsSubject } from "./entries.ts";
import { scanEntries } from "./scan.ts";
import type { Finding } from "./verify.ts";
import { verifyBills } from "./verify-bills.ts";
import { verifyDetections } from "./verify-detections.ts";
import { verifyModels } from "./verify-models.ts";
import { type LoggedRound, verifyRounds } from "./verify-rounds.ts";

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
  for (const { round_id: round, feeder_id: feeder, meter_id: meter } of totals) {
    const expected = logged.feeders.get(round);
    if (expected === undefined || expected === feeder) continue;
    found({ where: "released_totals", what: `${round}, ${meter}: its feeder is ${feeder}, logged was ${expected}` });
  }
  const balances = await db.selectFrom("feeder_balances").selectAll().execute();
  await verifyCommitted(
    db,
    { table: "feeder_balances", subject: balancesSubject, content: balancesContent, rows: balances },
    found,
  );
  await verifyDetections(db, found);
  await verifyModels(db, slotSeconds, logged.models, found);
  return {
    bills: await verifyBills(db, slotSeconds, found),
    loads: await verifyLoads(db, logged, found),
    rounds: await verifyRounds(db, logged.rounds, slotSeconds, found),
    jobs: await verifyJobs(db, logged, found),
  };
}

interface Logged {
  /** By feeder and slot: the numbers, and which round they are of. */
  readonly loads: Map<string, { readonly load: string; readonly round: string }>;
  readonly rounds: Map<string, LoggedRound>;
  /** The feeder of each round's totals. */
  readonly feeders: Map<string, string>;
  readonly jobs: Map<string, Extract<EntryContent, { type: "job" }>>;
  /** By learning round. */
  readonly models: Map<string, Extract<EntryContent, { type: "model" }>>;
}

const READ: ReadonlySet<string> = new Set(["loads", "totals", "balances", "set", "failure", "job", "model"]);

async function readLogged(db: Queries, size: number): Promise<Logged> {
  const logged: Logged = {
    loads: new Map(),
    rounds: new Map(),
    feeders: new Map(),
    jobs: new Map(),
    models: new Map(),
  };
  const roundOf = (id: string): LoggedRound => {
    const round = logged.rounds.get(id) ?? { sets: [] };
    logged.rounds.set(id, round);
    return round;
  };
  for await (const batch of scanEntries(db, 0, size)) {
    for (const { entry, type } of batch) {
      const content = READ.has(type) ? contentOf(entry) : undefined;
      if (content === undefined) continue;
      if (content.type === "set") roundOf(content.round).sets.push(content);
      else if (content.type === "failure") roundOf(content.round).failure = content.code;
      else if (content.type === "job") logged.jobs.set(content.job, content);
      else if (content.type === "model") logged.models.set(content.round, content);
      else if (content.type === "loads" || content.type === "totals" || content.type === "balances") {
        const { round } = content;
        roundOf(round).released = true;
        if (content.type === "totals") logged.feeders.set(round, content.feeder);
        if (content.type !== "loads") continue;
        for (const [at, ...load] of content.loads) {
          logged.loads.set(`${content.feeder} ${at}`, { load: JSON.stringify(load), round });
        }
      }
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

async function verifyLoads(db: Queries, { loads }: Logged, found: Found): Promise<number> {
  const waiting = new Map(loads);
  const rows = await db.selectFrom("feeder_loads").selectAll().where("status", "=", "final").execute();
  for (const { feeder_id: feeder, slot_start: at, energy_wh, export_wh, meters, round_id } of rows) {
    const key = `${feeder} ${at}`;
    const logged = waiting.get(key);
    waiting.delete(key);
    const is = JSON.stringify([energy_wh, export_wh, meters]);
    if (logged?.load === is && logged.round === round_id) continue;
    const said = `${is} of ${round_id ?? "no round"}`;
    const what =
      logged === undefined ? "it is not in the log" : `${said}, logged was ${logged.load} of ${logged.round}`;
    found({ where: "feeder_loads", what: `${feeder} at ${at}: ${what}` });
  }
  for (const key of waiting.keys()) found({ where: "feeder_loads", what: `${key}: it was logged and is gone` });
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
