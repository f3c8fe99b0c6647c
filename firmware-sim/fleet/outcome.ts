/** Waits for what the utility writes after a run, and judges it against the truth. */
import { isNoTable, openIfThere, shownPlace } from "../../config/runtime/store.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { type BalanceSummary, countBalances, readBalances } from "./balances.ts";
import { fedOtherwise } from "./fed-otherwise.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { Measured } from "./measured.ts";
import { checkOpened, countOpened, type OpenedCheck, type OpenedCheckOptions } from "./opened-check.ts";
import { checkAgainstTruth, type CheckResult, readBills, readGaps, readLoads } from "./truth-check.ts";

const POLL_MILLISECONDS = 100;

export interface Expected {
  readonly bills: number;
  readonly loads: number;
}

/** What there is of what is due. */
export interface Seen {
  readonly bills: number;
  readonly loads: number;
  /** Slots whose balance was asked for. */
  readonly balances: number;
  /** Results of ciphertexts, or refusals in their place. */
  readonly openings: number;
  /** What the utility says of rounds that cannot go on. */
  readonly waiting: string | undefined;
  /** The first result of ciphertexts that has not come, and how far it is. */
  readonly openingsWait: string | undefined;
}

export interface OutcomeOptions {
  readonly data: string;
  /** Where the utility keeps its database. */
  readonly utility: string;
  readonly plan: FleetPlan;
  /** What the meters could measure of it. */
  readonly measured: Measured;
  readonly timezone: string;
  /** Bills and loads that the run is due to bring. */
  readonly expected: Expected;
  /** Results of ciphertexts that it is due to bring; undefined where nothing is encrypted. */
  readonly opened?: OpenedCheckOptions | undefined;
  /** Give up after this long without anything new. */
  readonly patienceMilliseconds: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (seen: Seen) => void;
}

/** How the run ended for the utility: complete, or what it is waiting for. */
export interface Outcome extends CheckResult {
  /** All bills and loads are there. */
  readonly complete: boolean;
  /** What the utility says of rounds that cannot go on. */
  readonly waiting: string | undefined;
  /** What release rules hold back. */
  readonly held: readonly Held[];
  /** What was opened of ciphertexts; undefined where nothing is encrypted. */
  readonly opened: OpenedCheck | undefined;
  /** Balances of feeders; undefined where none has a head. */
  readonly balances: BalanceSummary | undefined;
}

/** What was not released, in one line for people. */
export interface Held {
  readonly feeder: string;
  readonly what: "load" | "part of a bill";
  readonly reason: string;
  /** Meters of the feeder (loads), or meters concerned (bills). */
  readonly meters: number;
  readonly count: number;
}

/** The utility's database, opened when it is there, once: a server's takes a moment. */
class UtilityReader {
  readonly #place: string;
  #database: SqlDatabase | undefined;

  constructor(place: string) {
    this.#place = place;
  }

  get name(): string {
    return shownPlace(this.#place);
  }

  get database(): SqlDatabase | undefined {
    this.#database ??= openIfThere(this.#place);
    return this.#database;
  }

  close(): void {
    this.#database?.close();
  }
}

interface Snapshot {
  readonly check: CheckResult;
  readonly waiting: string | undefined;
  readonly held: readonly Held[];
  readonly balances: BalanceSummary | undefined;
}

function snapshot({ data, plan, measured, timezone }: OutcomeOptions, database: SqlDatabase): Snapshot {
  const { source, range, dates } = plan;
  const bills = readBills(database).filter(
    ({ period_start, period_end }) => period_start >= dates.from && period_end <= dates.to,
  );
  const loads = readLoads(database, range.from * source.slotSeconds, range.to * source.slotSeconds);
  const waiting = waitingRounds(database);
  const otherwise = fedOtherwise(data, source);
  const gaps = readGaps(database);
  const check = checkAgainstTruth({ source, measured, range, timezone, bills, loads, gaps, otherwise });
  return { check, waiting, held: heldBack(database, plan), balances: readBalances(database, plan) };
}

/** How many rounds wait, and why the first of them does. */
function waitingRounds(database: SqlDatabase): string | undefined {
  const row = database
    .prepare<[], { count: number; id: string; reason: string }>(
      `SELECT (SELECT count(*) FROM rounds WHERE status = 'waiting') AS count, id, reason FROM rounds
       WHERE status = 'waiting' ORDER BY id LIMIT 1`,
    )
    .get();
  if (row === undefined) return undefined;
  return `${row.count} ${row.count === 1 ? "round waits" : "rounds wait"}, such as ${row.id}: ${row.reason}`;
}

function heldBack(database: SqlDatabase, { range, dates, source }: FleetPlan): Held[] {
  const loads = database
    .prepare<[number, number], Omit<Held, "what">>(
      `SELECT feeder_id AS feeder, status AS reason, max(meters) AS meters, count(*) AS count FROM feeder_loads
       WHERE status <> 'final' AND slot_start >= ? AND slot_start < ? GROUP BY feeder_id, status`,
    )
    .all(range.from * source.slotSeconds, range.to * source.slotSeconds);
  const parts = database
    .prepare<[string, string], Omit<Held, "what">>(
      `SELECT feeder_id AS feeder, reason, count(DISTINCT meter_id) AS meters, sum(slots) AS count FROM gaps
       WHERE reason <> 'missing' AND billed_period_start IS NULL AND period_start >= ? AND period_end <= ?
       GROUP BY feeder_id, reason`,
    )
    .all(dates.from, dates.to);
  return [
    ...loads.map((row): Held => ({ what: "load", ...row })),
    ...parts.map((row): Held => ({ what: "part of a bill", ...row })),
  ];
}

/** Polls the databases until everything due is there, or nothing new has come for the patience. */
export async function awaitOutcome(options: OutcomeOptions): Promise<Outcome> {
  const reader = new UtilityReader(options.utility);
  try {
    return await awaitFrom(reader, options);
  } finally {
    reader.close();
  }
}

async function awaitFrom(reader: UtilityReader, options: OutcomeOptions): Promise<Outcome> {
  const { expected, patienceMilliseconds, signal, onProgress } = options;
  let last = "";
  let changedAt = performance.now();
  for (;;) {
    const seen = seenBy(options, reader);
    onProgress?.(seen);
    const complete = seen.bills >= expected.bills && seen.loads >= expected.loads;
    const { heads, range } = options.plan;
    const allBalanced = seen.balances >= heads.length * (range.to - range.from);
    const allOpened = allBalanced && seen.openings >= (options.opened?.due.length ?? 0);
    const text = `${seen.bills}/${seen.loads}/${seen.openings}/${seen.balances}`;
    if (text !== last) {
      last = text;
      changedAt = performance.now();
    }
    if ((complete && allOpened) || signal.aborted || performance.now() - changedAt > patienceMilliseconds) {
      const { database } = reader;
      if (database === undefined) throw new Error(`${reader.name} is missing: the utility has not started`);
      const { check, waiting, held, balances } = snapshot(options, database);
      const opened = options.opened === undefined ? undefined : checkOpened(options.opened);
      return { ...check, complete, waiting, held, opened, balances };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function seenBy(options: OutcomeOptions, { database }: UtilityReader): Seen {
  const counted = database === undefined ? NOTHING_YET : countOf(options, database);
  const opened = options.opened === undefined ? { settled: 0, waiting: undefined } : countOpened(options.opened);
  return { ...counted, openings: opened.settled, openingsWait: opened.waiting };
}

type Counted = Pick<Seen, "bills" | "loads" | "balances" | "waiting">;
const NOTHING_YET: Counted = { bills: 0, loads: 0, balances: 0, waiting: undefined };

/** How many bills and loads there are already: cheap enough to ask often. */
function countOf({ plan }: OutcomeOptions, database: SqlDatabase): Counted {
  try {
    const { source, range, dates } = plan;
    const bills = database
      .prepare<[string, string], { count: number }>(
        "SELECT count(*) AS count FROM current_bills WHERE period_start >= ? AND period_end <= ?",
      )
      .get(dates.from, dates.to);
    const loads = database
      .prepare<[number, number], { count: number }>(
        "SELECT count(*) AS count FROM feeder_loads WHERE slot_start >= ? AND slot_start < ?",
      )
      .get(range.from * source.slotSeconds, range.to * source.slotSeconds);
    const waiting = waitingRounds(database);
    const balances = countBalances(database, plan);
    return { bills: bills?.count ?? 0, loads: loads?.count ?? 0, balances, waiting };
  } catch (error) {
    // The utility has not made its tables yet.
    if (isNoTable(error)) return NOTHING_YET;
    throw error;
  }
}
