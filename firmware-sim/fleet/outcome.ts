/** Waits for what the utility writes after a run, judges it against the truth, and gathers the figures of the run. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openDatabase } from "../../config/runtime/database.ts";
import { readStats } from "../../config/runtime/role-report.ts";
import type { Database } from "better-sqlite3";
import type { FleetPlan } from "./fleet-plan.ts";
import type { HostCounters } from "./host-messages.ts";
import type { Measured } from "./measured.ts";
import { checkAgainstTruth, type CheckResult, type Difference, readBills, readGaps, readLoads } from "./truth-check.ts";

const POLL_MILLISECONDS = 100;

export interface Expected {
  readonly bills: number;
  readonly loads: number;
}

export interface OutcomeOptions {
  readonly data: string;
  readonly plan: FleetPlan;
  /** What the meters could measure of it. */
  readonly measured: Measured;
  readonly timezone: string;
  /** Bills and loads that the run is due to bring. */
  readonly expected: Expected;
  /** Give up after this long without anything new. */
  readonly patienceMilliseconds: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (bills: number, loads: number, waiting: string | undefined) => void;
}

/** How the run ended for the utility: complete, or what it is waiting for. */
export interface Outcome extends CheckResult {
  readonly complete: boolean;
  /** What the utility says of rounds that cannot go on. */
  readonly waiting: string | undefined;
  /** What release rules hold back. */
  readonly held: readonly Held[];
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

interface Snapshot {
  readonly check: CheckResult;
  readonly waiting: string | undefined;
  readonly held: readonly Held[];
}

function snapshot({ data, plan, measured, timezone }: OutcomeOptions): Snapshot {
  const file = join(data, "utility", "utility.db");
  const database = openDatabase(file, { synchronous: "NORMAL", readonly: true });
  try {
    const { source, range, dates } = plan;
    const bills = readBills(database).filter(
      ({ period_start, period_end }) => period_start >= dates.from && period_end <= dates.to,
    );
    const loads = readLoads(database, range.from * source.slotSeconds, range.to * source.slotSeconds);
    const waiting = waitingRounds(database);
    const check = checkAgainstTruth({ source, measured, range, timezone, bills, loads, gaps: readGaps(database) });
    return { check, waiting, held: heldBack(database, plan) };
  } finally {
    database.close();
  }
}

/** How many rounds wait, and why the first of them does. */
function waitingRounds(database: Database): string | undefined {
  const row = database
    .prepare<[], { count: number; id: string; reason: string }>(
      "SELECT count(*) AS count, min(id) AS id, reason FROM rounds WHERE status = 'waiting'",
    )
    .get();
  if (row === undefined || row.count === 0) return undefined;
  return `${row.count} ${row.count === 1 ? "round waits" : "rounds wait"}, such as ${row.id}: ${row.reason}`;
}

function heldBack(database: Database, { range, dates, source }: FleetPlan): Held[] {
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

/** Polls the utility's database until everything due is there, or nothing new has come for the patience. */
export async function awaitOutcome(options: OutcomeOptions): Promise<Outcome> {
  const { expected, patienceMilliseconds, signal, onProgress } = options;
  const file = join(options.data, "utility", "utility.db");
  let last = "";
  let changedAt = performance.now();
  for (;;) {
    const seen = existsSync(file) ? countOf(options) : { bills: 0, loads: 0, waiting: undefined };
    onProgress?.(seen.bills, seen.loads, seen.waiting);
    const complete = seen.bills >= expected.bills && seen.loads >= expected.loads;
    const text = `${seen.bills}/${seen.loads}`;
    if (text !== last) {
      last = text;
      changedAt = performance.now();
    }
    if (complete || signal.aborted || performance.now() - changedAt > patienceMilliseconds) {
      if (!existsSync(file)) throw new Error(`${file} is missing: the utility has not started`);
      const { check, waiting, held } = snapshot(options);
      return { ...check, complete, waiting, held };
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

/** How many bills and loads there are already: cheap enough to ask often. */
function countOf({ data, plan }: OutcomeOptions): { bills: number; loads: number; waiting: string | undefined } {
  const database = openDatabase(join(data, "utility", "utility.db"), { synchronous: "NORMAL", readonly: true });
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
    return { bills: bills?.count ?? 0, loads: loads?.count ?? 0, waiting };
  } catch (error) {
    // The utility has not made its tables yet.
    if (error instanceof Error && error.message.includes("no such table"))
      return { bills: 0, loads: 0, waiting: undefined };
    throw error;
  } finally {
    database.close();
  }
}

/** The figures of a run, as `--json` prints them. */
export interface FleetSummary {
  readonly meters: number;
  readonly slots: number;
  readonly readings: number;
  /** Of the readings, those of export: import and export of one slot are two. */
  readonly exports: number;
  readonly shares: number;
  readonly seconds: number;
  readonly readingsPerSecond: number;
  readonly billsExact: boolean;
  readonly feederLoadsExact: boolean;
  /** The first few bills and loads that are not as fed. */
  readonly differences: readonly Difference[];
  readonly bills: number;
  readonly feederLoads: number;
  readonly withheld: Readonly<Record<string, number>>;
  /** What release rules held back, and what would let it through. */
  readonly held: readonly string[];
  readonly waiting: string | null;
  /** Refusals by reason, summed over all roles. */
  readonly refused: Readonly<Record<string, number>>;
  readonly restarts: Readonly<Record<string, number>>;
  readonly bytesPerReading: number;
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
  readonly data: string;
  /** Ended by a signal before everything was there: the figures are of a part. */
  readonly interrupted: boolean;
}

export interface SummaryInput {
  readonly data: string;
  readonly interrupted: boolean;
  readonly plan: FleetPlan;
  readonly outcome: Outcome;
  readonly held: readonly string[];
  readonly counters: HostCounters;
  /** Wall-clock seconds of the run from the first slot to the last acknowledgement. */
  readonly seconds: number;
  readonly parties: readonly string[];
  readonly restarts: Readonly<Record<string, number>>;
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
}

export function summarise(input: SummaryInput): FleetSummary {
  const { data, plan, outcome, counters, seconds, parties, restarts, peakMemoryMiB } = input;
  const refused: Record<string, number> = {};
  for (const party of parties) {
    for (const [code, count] of Object.entries(readStats(data, party)?.refused ?? {})) {
      refused[code] = (refused[code] ?? 0) + count;
    }
  }
  return {
    meters: plan.source.meters.length,
    slots: plan.range.to - plan.range.from,
    readings: counters.readings,
    exports: counters.exports,
    shares: counters.shareSlots,
    seconds: Math.round(seconds * 100) / 100,
    readingsPerSecond: seconds === 0 ? 0 : Math.round(counters.readings / seconds),
    billsExact: outcome.complete && outcome.billsExact,
    feederLoadsExact: outcome.complete && outcome.loadsExact,
    differences: outcome.differences,
    bills: outcome.billsFinal,
    feederLoads: outcome.loadsFinal,
    withheld: outcome.withheld,
    held: input.held,
    waiting: outcome.waiting ?? null,
    refused,
    restarts,
    bytesPerReading: counters.readings === 0 ? 0 : Math.round(counters.shareBytes / counters.readings),
    peakMemoryMiB,
    data,
    interrupted: input.interrupted,
  };
}
