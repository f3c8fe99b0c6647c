/**
 * Table `jobs`: what was asked for or scheduled, and how far it is. A state is durable before anything that follows
 * from it leaves the process, so that a killed one goes on where it was.
 */
import type { SqlDatabase, SqlStatement } from "../../config/runtime/sql.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import {
  COLUMNS,
  ENDS,
  isOver,
  type Job,
  JOB_STATES,
  jobOf,
  type JobOrder,
  type JobRow,
  type JobState,
} from "./job.ts";

export interface JobOutput {
  readonly bytes: Uint8Array;
  readonly c0: Uint8Array | undefined;
}

/** What goes with an active set. */
interface FixedOpening {
  readonly c0: readonly Uint8Array[];
  /** Words of the aggregators that are ready. */
  readonly ready: readonly Uint8Array[];
  /** Names of the outputs, the same for every job that has them. */
  readonly outputs: readonly string[];
}

interface Computed {
  readonly job: string;
  readonly transcript: Uint8Array;
  readonly outputs: readonly Uint8Array[];
  readonly milliseconds: number;
  /** Feeders of the group of which it has no inputs. */
  readonly leftOut: readonly string[];
}

export class JobStore {
  readonly #db: SqlDatabase;
  readonly #insert: SqlStatement<unknown[], { number: number }>;
  readonly #byNumber: SqlStatement<[number], JobRow>;
  readonly #byState: SqlStatement<[string, number], JobRow>;
  readonly #byJob: SqlStatement<[string], JobRow>;
  readonly #move: SqlStatement;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT INTO jobs (key, request, circuit, parameters, label, feeders, series, first_slot, slots, state,
       created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING RETURNING number`,
    );
    this.#byNumber = db.prepare(`SELECT ${COLUMNS} FROM jobs WHERE number = ?`);
    this.#byState = db.prepare(`SELECT ${COLUMNS} FROM jobs WHERE state = ? ORDER BY number LIMIT ?`);
    this.#byJob = db.prepare(`SELECT ${COLUMNS} FROM jobs WHERE job = ? ORDER BY number DESC LIMIT 1`);
    this.#move = db.prepare("UPDATE jobs SET state = ?, code = ?, reason = ?, updated_at = ? WHERE number = ?");
  }

  /** Returns the job's number, or undefined when a job with this key is here already. */
  add(order: JobOrder, state: "requested" | "queued", now: number): number | undefined {
    const { key, request, circuit, parameters, label, feeders, series, firstSlot, slots } = order;
    // An insert that conflicts would use up a number, and people ask where the job went.
    if (key !== undefined && this.byKey(key) !== undefined) return undefined;
    const row = this.#insert.get(
      key ?? null,
      request,
      circuit,
      JSON.stringify(parameters),
      label,
      JSON.stringify(feeders),
      JSON.stringify(series),
      firstSlot,
      slots,
      state,
      Math.floor(now),
      Math.floor(now),
    );
    return row?.number;
  }

  get(number: number): Job | undefined {
    const row = this.#byNumber.get(number);
    return row === undefined ? undefined : jobOf(row);
  }

  /** By the hash of its transcript. */
  find(job: string): Job | undefined {
    const row = this.#byJob.get(job);
    return row === undefined ? undefined : jobOf(row);
  }

  /** Rows with this transcript that wait for its result: the same may have been scheduled and asked for. */
  waitingFor(job: string): Job[] {
    return this.#db
      .prepare<[string], JobRow>(
        `SELECT ${COLUMNS} FROM jobs WHERE job = ? AND state IN ('asking', 'opening') ORDER BY number`,
      )
      .all(job)
      .map(jobOf);
  }

  /** The active set that was ever fixed for a transcript: no other may open it. */
  activeOf(job: string): readonly number[] | undefined {
    const row = this.#db
      .prepare<[string], { active: string }>("SELECT active FROM jobs WHERE job = ? AND active IS NOT NULL LIMIT 1")
      .get(job);
    return row === undefined ? undefined : (JSON.parse(row.active) as number[]);
  }

  /** The active set that was ever fixed for one of these outputs, of whatever job: no other may open it. */
  activeOfOutputs(outputs: readonly string[]): readonly number[] | undefined {
    const select = this.#db.prepare<[string], string>("SELECT active FROM active_sets WHERE output = ?").pluck();
    const found = outputs.map((output) => select.get(output)).find((active) => active !== undefined);
    return found === undefined ? undefined : (JSON.parse(found) as number[]);
  }

  /** By number, by the transcript's hash, or by a beginning of it that fits only one; undefined when none does. */
  resolve(text: string): Job | undefined {
    if (/^\d{1,15}$/.test(text)) {
      const byNumber = this.get(Number(text));
      if (byNumber !== undefined) return byNumber;
    }
    if (!/^[0-9a-f]{4,64}$/.test(text)) return undefined;
    const rows = this.#db
      .prepare<[string], JobRow>(`SELECT ${COLUMNS} FROM jobs WHERE job >= ? ORDER BY job LIMIT 2`)
      .all(text)
      .filter(({ job }) => job?.startsWith(text));
    return rows.length === 1 && rows[0] !== undefined ? jobOf(rows[0]) : undefined;
  }

  inState(state: JobState, limit = 1_000): Job[] {
    return this.#byState.all(state, limit).map(jobOf);
  }

  /** Newest first. */
  latest(limit: number): Job[] {
    const rows = this.#db.prepare<[number], JobRow>(`SELECT ${COLUMNS} FROM jobs ORDER BY number DESC LIMIT ?`);
    return rows.all(limit).map(jobOf);
  }

  ofRequest(request: string): Job[] {
    const rows = this.#db.prepare<[string], JobRow>(`SELECT ${COLUMNS} FROM jobs WHERE request = ? ORDER BY number`);
    return rows.all(request).map(jobOf);
  }

  /** Jobs over a window that take this series; oldest first. */
  overWindow(series: string, firstSlot: number): Job[] {
    return this.#db
      .prepare<[number], JobRow>(`SELECT ${COLUMNS} FROM jobs WHERE first_slot = ? ORDER BY number`)
      .all(firstSlot)
      .map(jobOf)
      .filter((job) => job.series.includes(series));
  }

  byKey(key: string): Job | undefined {
    const row = this.#db.prepare<[string], JobRow>(`SELECT ${COLUMNS} FROM jobs WHERE key = ?`).get(key);
    return row === undefined ? undefined : jobOf(row);
  }

  countStates(): Partial<Record<JobState, number>> {
    const rows = this.#db
      .prepare<[], { state: string; count: number }>("SELECT state, count(*) AS count FROM jobs GROUP BY state")
      .all();
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  }

  /** Jobs that wait for a worker or for aggregators. */
  countUnfinished(): number {
    const counts = this.countStates();
    return JOB_STATES.filter((state) => !isOver(state)).reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  }

  move(number: number, state: JobState, now: number, { code = "", reason = "" } = {}): void {
    this.#move.run(state, code, reason.slice(0, 1_000), Math.floor(now), number);
  }

  progress(number: number, done: number, total: number): void {
    this.#db.prepare("UPDATE jobs SET done = ?, total = ? WHERE number = ?").run(done, total, number);
  }

  /** Why a job that goes on has not come further; the state stays. */
  note(number: number, code: string, reason: string): void {
    this.#db.prepare("UPDATE jobs SET code = ?, reason = ? WHERE number = ?").run(code, reason.slice(0, 1_000), number);
  }

  /** Asks the role to cancel; false when the job is over. Only the role moves the state of a job it has taken. */
  requestCancel(number: number): boolean {
    const states = ENDS.map((state) => `'${state}'`).join(", ");
    const update = `UPDATE jobs SET cancel = 1 WHERE number = ? AND state NOT IN (${states})`;
    return this.#db.prepare(update).run(number).changes > 0;
  }

  cancelled(): Job[] {
    const states = ENDS.map((state) => `'${state}'`).join(", ");
    return this.#db
      .prepare<[], JobRow>(`SELECT ${COLUMNS} FROM jobs WHERE cancel = 1 AND state NOT IN (${states})`)
      .all()
      .map(jobOf);
  }

  /** The computation is done: transcript, outputs and the next state in one transaction. */
  computed(number: number, result: Computed, now: number): void {
    const { job, transcript, milliseconds, leftOut } = result;
    this.#db
      .transaction(() => {
        this.#db.prepare("DELETE FROM job_outputs WHERE number = ?").run(number);
        const insert = this.#db.prepare("INSERT INTO job_outputs (number, position, bytes) VALUES (?, ?, ?)");
        for (const [position, bytes] of result.outputs.entries()) insert.run(number, position, Buffer.from(bytes));
        this.#db
          .prepare(
            `UPDATE jobs SET job = ?, transcript = ?, active = NULL, compute_ms = ?, left_out = ?, state = 'asking',
             code = '', reason = '', updated_at = ? WHERE number = ?`,
          )
          .run(
            job,
            Buffer.from(transcript),
            Math.round(milliseconds),
            JSON.stringify(leftOut),
            Math.floor(now),
            number,
          );
      })
      .immediate();
  }

  /**
   * Fixes the active set together with what the utility gets under it, and the words of those that are ready. It is never
   * changed afterwards.
   */
  fixActive(number: number, active: readonly number[], { c0, ready, outputs }: FixedOpening, now: number): void {
    this.#db
      .transaction(() => {
        const remember = this.#db.prepare(
          "INSERT INTO active_sets (output, active) VALUES (?, ?) ON CONFLICT DO NOTHING",
        );
        for (const output of outputs) remember.run(output, JSON.stringify(active));
        const update = this.#db.prepare("UPDATE job_outputs SET c0 = ? WHERE number = ? AND position = ?");
        for (const [position, bytes] of c0.entries()) update.run(Buffer.from(bytes), number, position);
        this.#db
          .prepare(
            `UPDATE jobs SET active = ?, ready = ?, state = 'opening', code = '', reason = '', updated_at = ?
             WHERE number = ? AND active IS NULL`,
          )
          .run(JSON.stringify(active), Buffer.from(encodeCbor([...ready])), Math.floor(now), number);
      })
      .immediate();
  }

  /** The words of the aggregators that were ready when the active set was fixed. */
  wordsOf(number: number): Uint8Array[] {
    const statement = this.#db.prepare<[number], Uint8Array | null>("SELECT ready FROM jobs WHERE number = ?").pluck();
    const words = statement.get(number);
    return words === undefined || words === null ? [] : (decodeCbor(words) as Uint8Array[]);
  }

  outputs(number: number): JobOutput[] {
    return this.#db
      .prepare<[number], { bytes: Uint8Array; c0: Uint8Array | null }>(
        "SELECT bytes, c0 FROM job_outputs WHERE number = ? ORDER BY position",
      )
      .all(number)
      .map(({ bytes, c0 }) => ({ bytes, c0: c0 ?? undefined }));
  }

  /** A job that aggregators refused is computed anew, since its inputs have changed. */
  again(number: number, excluded: readonly string[], isAttempt: boolean, now: number): void {
    this.#db
      .prepare(
        `UPDATE jobs SET state = 'queued', code = '', reason = '', attempts = attempts + ?, active = NULL,
         excluded = ?, updated_at = ? WHERE number = ?`,
      )
      .run(Number(isAttempt), JSON.stringify(excluded), Math.floor(now), number);
  }

  exclude(number: number, excluded: readonly string[]): void {
    this.#db.prepare("UPDATE jobs SET excluded = ? WHERE number = ?").run(JSON.stringify(excluded), number);
  }

  /** What a kill interrupted in the middle of a computation is computed anew: it is deterministic. */
  resume(now: number): void {
    this.#db.prepare("UPDATE jobs SET state = 'queued', updated_at = ? WHERE state = 'computing'").run(Math.floor(now));
  }
}
