/** Holds rounds against the log: what each is about, its set, how it ended, and why it failed. */
import { createHash } from "node:crypto";
import { type EntryContent, sameBytes } from "../../protocol/log/index.ts";
import type { Queries } from "../store/rounds-store.ts";
import type { RoundsTable } from "../store/tables.ts";
import { failureContent, failureSubject, parseJson } from "./entries.ts";
import type { Finding } from "./verify.ts";

type SetEntry = Extract<EntryContent, { type: "set" }>;

/** What the log says of one round. */
export interface LoggedRound {
  /** In the order in which they were fixed; the last one counts. */
  readonly sets: SetEntry[];
  /** Code of why it failed. */
  failure?: string;
  /** Something that it released was logged. */
  released?: true;
}

type Round = Omit<RoundsTable, "question" | "endorsements" | "held" | "tested">;

const COLUMNS = [
  ...(["id", "purpose", "feeder_id", "range_start", "range_end", "state", "status", "reason"] as const),
  ...(["sets", "opened_at", "evidence", "set_id", "content", "excluded"] as const),
  ...(["untested_meters", "proved_meters", "unproved_meters"] as const),
] as const;

/** States by what a row must have in them. */
const OPEN: ReadonlySet<string> = new Set(["opened", "fixed", "endorsed"]);

/** Calls `found` for each round that is not as it was logged; returns how many there are. */
export async function verifyRounds(
  db: Queries,
  logged: ReadonlyMap<string, LoggedRound>,
  slotSeconds: number,
  found: (finding: Finding) => void,
): Promise<number> {
  const rows: Round[] = await db.selectFrom("rounds").select(COLUMNS).execute();
  const failures = await failureContents(db);
  const waiting = new Set(logged.keys());
  for (const row of rows) {
    waiting.delete(row.id);
    const tell = (what: string): void => found({ where: "rounds", what: `${row.id}: ${what}` });
    const of = logged.get(row.id) ?? { sets: [] };
    verifySet(row, of, slotSeconds, tell);
    verifyState(row, of, tell);
    const failure = failures.get(failureSubject(row.id));
    if (of.failure !== undefined && failure !== undefined && failure !== null) {
      if (!sameBytes(failureContent(row.reason, row.evidence), failure)) tell("reason, evidence: not what was logged");
    }
    if (!Array.isArray(parseJson(row.excluded))) tell("excluded: it cannot be read");
  }
  for (const id of waiting) found({ where: "rounds", what: `${id}: its set was logged and the round is gone` });
  await verifyPeriods(db, new Map(rows.map((row) => [row.id, row])), found);
  return rows.length;
}

function verifySet(
  row: Round,
  { sets, released }: LoggedRound,
  slotSeconds: number,
  tell: (what: string) => void,
): void {
  const { set_id, content } = row;
  const last = sets.at(-1);
  if (row.sets !== sets.length) tell(`sets: it says ${row.sets}, ${sets.length} were logged`);
  if (last !== undefined) {
    const [from, to] = last.segments[0] ?? [0, 0];
    const expected = {
      ...{ purpose: last.purpose, feeder_id: last.feeder },
      // The elements of vectors are no slots.
      ...(last.purpose === "vector" ? {} : { range_start: from * slotSeconds, range_end: to * slotSeconds }),
    };
    for (const [name, value] of Object.entries(expected)) {
      const is = row[name as keyof typeof expected];
      if (is !== value) tell(`${name}: it is ${is}, logged was ${value}`);
    }
  }
  if (set_id === null || content === null) {
    // A round may find nothing to ask for, from the start or after aggregators have refused its set.
    const isNone = set_id === null && content === null && released !== true;
    const mayLack = isNone && (last === undefined || row.excluded !== "[]");
    if (!mayLack) tell("its set is gone");
    return;
  }
  if (!sameBytes(createHash("sha256").update(content).digest(), set_id)) {
    tell("its set is not the one that its hash names");
  }
  if (last === undefined || !sameBytes(last.setId, set_id)) tell("its set is not in the log");
}

function verifyState({ state, status }: Round, { failure, released }: LoggedRound, tell: (what: string) => void): void {
  const told = `state ${state}, status ${status}`;
  if (failure !== undefined) {
    if (state !== "failed" || status !== failure) tell(`${told}: it was logged that it failed, ${failure}`);
  } else if (state === "failed") tell(`${told}: no failure was logged`);
  else if (released === true && state !== "finished") tell(`${told}: what it released was logged`);
  else if (state === "finished" ? status !== "final" : !OPEN.has(state) || !["open", "waiting"].includes(status)) {
    tell(`${told}: they do not go together`);
  }
}

async function failureContents(db: Queries): Promise<Map<string, Uint8Array | null>> {
  const rows = await db
    .selectFrom("ledger_private")
    .select(["subject", "content"])
    .where("subject", "like", "failure %")
    .execute();
  return new Map(rows.map(({ subject, content }) => [subject, content]));
}

/** What a feeder's period has come to is what its round has. */
async function verifyPeriods(
  db: Queries,
  rounds: ReadonlyMap<string, Round>,
  found: (finding: Finding) => void,
): Promise<void> {
  const waiting = new Set(
    [...rounds.values()].filter(({ purpose, state }) => purpose === "billing" && !OPEN.has(state)).map(({ id }) => id),
  );
  for (const { feeder_id, period_start, status, round_id } of await db
    .selectFrom("feeder_periods")
    .selectAll()
    .execute()) {
    if (round_id === null) continue;
    const round = rounds.get(round_id);
    waiting.delete(round_id);
    const is = round?.feeder_id === feeder_id && round.status === status;
    if (!is)
      found({ where: "feeder_periods", what: `${feeder_id} from ${period_start}: it is not as ${round_id} left it` });
  }
  for (const id of waiting) found({ where: "feeder_periods", what: `${id}: the period that it settled is gone` });
}
