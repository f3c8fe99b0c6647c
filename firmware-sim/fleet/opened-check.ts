/**
 * What aggregators opened of a run's ciphertexts, as the utility's database tells it, held against the truth and against
 * the loads from shares. It reads databases as any user would, and knows readings from the source alone.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { Config } from "../../config/index.ts";
import { isNoTable, openIfThere } from "../../config/runtime/store.ts";
import { analyticsPlace, storePlace } from "../../config/storage/place.ts";
import { type DueOpening, seriesSettings } from "./due-openings.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { Measured } from "./measured.ts";
import { readingsOf, truthOf } from "./opened-truth.ts";

/** One result beside the truth and, where it is an energy, beside the loads from shares. */
export interface ComparedOpening {
  readonly circuit: string;
  readonly label: string;
  readonly date: string;
  /** Name and unit of the numbers: `sum` in Wh, `variance` in Wh². */
  readonly name: string;
  readonly unit: string;
  readonly openedBy: readonly number[];
  /** Of an energy: over the whole window; of another number: its mean over the slots. */
  readonly ciphertexts: number;
  readonly truth: number;
  /** Undefined for what loads do not tell, or while they are withheld. */
  readonly shares: number | undefined;
  /** Of one slot. */
  readonly largestError: number;
  readonly bound: number;
  readonly withinBound: boolean;
}

export interface CrossCheckCount {
  readonly agree: number;
  readonly differ: number;
  readonly waiting: number;
  /** What the utility says of those that differ: which path is wrong, and why. */
  readonly verdicts: readonly string[];
}

export interface OpenedCheck {
  /** Every result that is due has come, or a refusal in its place. */
  readonly complete: boolean;
  readonly due: number;
  readonly openings: number;
  /** Windows with at least one result. */
  readonly windows: number;
  /** Indices of all aggregators that took part in an opening. */
  readonly openedBy: readonly number[];
  readonly compared: readonly ComparedOpening[];
  readonly crossCheck: CrossCheckCount;
  /** Of what is due and did not come: why, as far as anyone says. */
  readonly missing: readonly string[];
}

export interface OpenedCheckOptions {
  readonly data: string;
  readonly config: Config;
  readonly plan: FleetPlan;
  readonly measured: Measured;
  readonly due: readonly DueOpening[];
}

interface JobRow {
  readonly key: string;
  readonly state: string;
  readonly code: string;
  readonly reason: string;
  readonly job: string | null;
}

interface ResultRow {
  readonly job: string;
  readonly meters: number;
  /** Comma-separated: those of the group whose meters had all sent. */
  readonly feeders: string;
  readonly opened_by: string;
  readonly status: string;
  readonly reason: string;
}

interface CheckRow {
  readonly status: string;
  readonly reason: string;
  readonly slots_waiting: number;
}

interface ValueRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly error_bound: number | null;
}

/** Circuits whose numbers follow from loads: the utility compares the two. */
const CROSS_CHECKED = new Set(["sum", "profile", "mean", "total", "mean-over-time"]);
const ENDED = new Set(["refused", "failed", "cancelled"]);
/** Numbers of a sum: these are added up over the window. */
const ENERGIES = new Set(["sum", "total"]);

/** How a due result stands. */
interface Standing {
  readonly due: DueOpening;
  readonly job: JobRow | undefined;
  readonly result: ResultRow | undefined;
  readonly check: CheckRow | undefined;
  /** A load that it needs is withheld, so that aggregators never open it. */
  readonly withheld: boolean;
}

/** Nothing but what is due: how many are settled, and what the others wait for. Cheap enough to ask often. */
export function countOpened(options: OpenedCheckOptions): { settled: number; waiting: string | undefined } {
  const all = standings(options);
  const waiting = all.find((one) => !isSettled(one));
  return { settled: all.filter(isSettled).length, waiting: waiting === undefined ? undefined : wait(waiting) };
}

export function checkOpened(options: OpenedCheckOptions): OpenedCheck {
  const all = standings(options);
  const opened = all.filter(({ result }) => result?.status === "final");
  const verdicts = all.flatMap(({ due, check }) =>
    check === undefined || check.status === "agree" || check.status === "waiting"
      ? []
      : [`${due.circuit} of ${due.label}: ${check.status}: ${check.reason}`],
  );
  const checks = all.flatMap(({ check }) => (check === undefined ? [] : [check]));
  const agree = checks.filter(({ status }) => status === "agree").length;
  const waiting = checks.filter(({ status }) => status === "waiting").length;
  return {
    complete: all.every(isSettled),
    due: all.length,
    openings: opened.length,
    windows: new Set(opened.map(({ due }) => due.window.firstSlot)).size,
    openedBy: [...new Set(opened.flatMap(({ result }) => indices(result!)))].sort((a, b) => a - b),
    compared: withUtility(options, [], (db) => opened.flatMap((one) => compareOne(db, options, one))),
    crossCheck: { agree, differ: checks.length - agree - waiting, waiting, verdicts },
    missing: all.flatMap((one) => {
      if (one.result?.status !== "final") return one.withheld ? [] : [wait(one)];
      const without = leftOut(one.due, one.result);
      return without.length === 0 ? [] : [`${whatOf(one.due)}: opened without ${without.join(", ")}`];
    }),
  };
}

function indices({ opened_by }: ResultRow): number[] {
  return opened_by.split(",").filter(Boolean).map(Number);
}

function isSettled({ due, job, result, check, withheld }: Standing): boolean {
  if (result === undefined) return withheld || ENDED.has(job?.state ?? "");
  if (!CROSS_CHECKED.has(due.circuit)) return true;
  return check !== undefined && check.status !== "waiting" && check.slots_waiting === 0;
}

/** Feeders of the group that the result is not over. */
function leftOut({ feeders }: DueOpening, result: ResultRow): string[] {
  const taken = new Set(result.feeders.split(","));
  return feeders.filter((feeder) => !taken.has(feeder));
}

function whatOf({ circuit, label, window }: DueOpening): string {
  return `${circuit} of ${label}, ${window.date}`;
}

function wait({ due, job, result, check }: Standing): string {
  const what = whatOf(due);
  if (result !== undefined && result.status !== "final") return `${what}: ${result.status}: ${result.reason}`;
  if (result !== undefined) return `${what}: not compared with shares yet: ${check?.reason ?? "no comparison"}`;
  if (job === undefined) return `${what}: ciphertexts of meters are awaited`;
  if (ENDED.has(job.state)) return `${what}: ${job.state}: ${job.reason || job.code}`;
  return `${what}: ${job.state}${job.reason === "" ? "" : `: ${job.reason}`}`;
}

function standings(options: OpenedCheckOptions): Standing[] {
  const jobs = new Map(jobRows(options).map((row) => [row.key, row]));
  return withUtility(options, [], (db) => {
    const resultOf = db.prepare<[string], ResultRow>(
      "SELECT job, meters, feeders, opened_by, status, reason FROM he_results WHERE job = ?",
    );
    const checkOf = db.prepare<[string], CheckRow>("SELECT status, reason, slots_waiting FROM he_checks WHERE job = ?");
    const withheld = withheldLoads(db, options.plan);
    return options.due.map((due) => {
      const job = jobs.get(due.key);
      const hash = job?.job ?? undefined;
      const result = hash === undefined ? undefined : resultOf.get(hash);
      const check = hash === undefined ? undefined : checkOf.get(hash);
      return { due, job, result, check, withheld: withheld(due) };
    });
  });
}

/**
 * Whether a load that a job stands on has been withheld. One whose shares contradict each other was endorsed, so the
 * ciphertexts of its meters are opened all the same.
 */
function withheldLoads(db: SqlDatabase, { source }: FleetPlan): (due: DueOpening) => boolean {
  const statement = db.prepare<[string, number, number], { count: number }>(
    `SELECT count(*) AS count FROM feeder_loads
     WHERE feeder_id = ? AND slot_start >= ? AND slot_start < ? 
     AND status NOT IN ('final', 'inconsistent-sums', 'implausible-total')`,
  );
  return ({ feeders, window }) => {
    const [from, to] = [window.firstSlot, window.firstSlot + window.slots].map((slot) => slot * source.slotSeconds);
    return feeders.some((feeder) => (statement.get(feeder, from!, to!)?.count ?? 0) > 0);
  };
}

function jobRows({ config }: OpenedCheckOptions): JobRow[] {
  return reading(analyticsPlace(config), [], (db) =>
    db.prepare<[], JobRow>("SELECT key, state, code, reason, job FROM jobs WHERE key IS NOT NULL").all(),
  );
}

function withUtility<T>({ config }: OpenedCheckOptions, otherwise: T, read: (db: SqlDatabase) => T): T {
  return reading(storePlace(config, "utility", "utility.db"), otherwise, read);
}

/** `otherwise`: where a party has not made its file or its tables yet. */
function reading<T>(place: string, otherwise: T, read: (db: SqlDatabase) => T): T {
  const db = openIfThere(place);
  if (db === undefined) return otherwise;
  try {
    return read(db);
  } catch (error) {
    if (isNoTable(error)) return otherwise;
    throw error;
  } finally {
    db.close();
  }
}

function compareOne(db: SqlDatabase, options: OpenedCheckOptions, { due, result }: Standing): ComparedOpening[] {
  const { circuit, label, window, series } = due;
  const [first, ...others] = series;
  if (first === undefined || others.length > 0) return [];
  const { kind, content } = seriesSettings(options.config, first);
  const truth = truthOf(circuit, content);
  if (truth === undefined || result === undefined) return [];
  const feeders = result.feeders.split(",");
  const readings = readingsOf({ source: options.plan.source, measured: options.measured }, window, feeders, kind);
  const rows = db
    .prepare<[string], ValueRow>(
      "SELECT name, value, unit, error_bound FROM he_values WHERE job = ? ORDER BY name, position",
    )
    .all(result.job);
  return Object.entries(truth(readings, result.meters)).map(([name, expected]) => {
    const ofName = rows.filter((row) => row.name === name);
    const errors = expected.map((value, i) => Math.abs(value - (ofName[i]?.value ?? Number.NaN)));
    const largestError = Math.max(...errors);
    const bound = ofName[0]?.error_bound ?? 0;
    const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
    const isEnergy = ENERGIES.has(name);
    const shown = (values: readonly number[]): number => total(values) / (isEnergy ? 1 : Math.max(1, values.length));
    return {
      ...{ circuit, label, date: window.date, name, unit: ofName[0]?.unit ?? "", openedBy: indices(result) },
      ciphertexts: shown(ofName.map(({ value }) => value)),
      truth: shown(expected),
      shares: isEnergy ? sharesOf(db, options.plan, { ...due, feeders }, kind) : undefined,
      largestError,
      bound,
      // Not `> bound`: what is no number does not agree.
      withinBound: ofName.length === expected.length && largestError <= bound,
    };
  });
}

/** Energy of the window from shares; undefined where a load is not final. */
function sharesOf(
  db: SqlDatabase,
  { source }: FleetPlan,
  due: DueOpening,
  kind: "import" | "export",
): number | undefined {
  const column = kind === "import" ? "energy_wh" : "export_wh";
  const { firstSlot, slots } = due.window;
  const [from, to] = [firstSlot * source.slotSeconds, (firstSlot + slots) * source.slotSeconds];
  const statement = db.prepare<[string, number, number], { energy: number | null; count: number }>(
    `SELECT sum(${column}) AS energy, count(${column}) AS count FROM feeder_loads
     WHERE feeder_id = ? AND slot_start >= ? AND slot_start < ? AND status = 'final'`,
  );
  let total = 0;
  for (const feeder of due.feeders) {
    const row = statement.get(feeder, from, to);
    if (row === undefined || row.energy === null || row.count !== slots) return undefined;
    total += row.energy;
  }
  return total;
}
