/**
 * What this aggregator has recomputed and opened, durably: a job is ready only when its outputs are here, and opened only
 * when its active set and partials are. Every c1 that the key share was multiplied with stands here once.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { JobError } from "./job-error.ts";
import type { ComputedOutput, OpenedOutput } from "./machine.ts";
import type { NumberBudget, NumberClaim } from "./number-budget.ts";

export interface ReadyJob {
  readonly job: string;
  readonly statistic: Uint8Array;
  readonly transcript: Uint8Array;
  readonly outputs: readonly ComputedOutput[];
  readonly claims: readonly NumberClaim[];
  /** With a value, for each slot of the window. */
  readonly meters: readonly number[];
  /** Unix seconds. */
  readonly readyAt: number;
}

export interface KnownJob {
  readonly transcript: Uint8Array;
  readonly meters: readonly number[];
  /** None any more once it is opened. */
  readonly outputs: readonly ComputedOutput[] | undefined;
  /** Who opens it, once that is so. */
  readonly active: readonly number[] | undefined;
}

export interface OpeningRecord {
  readonly job: string;
  /** Names the key share: epoch and parameter set. */
  readonly key: string;
  readonly active: readonly number[];
  readonly outputs: readonly (OpenedOutput & { readonly outputC1: Uint8Array; readonly level: number })[];
  /** Most openings in the life of the key. */
  readonly most: number;
}

export interface OpeningStoreLimits {
  /** Ready jobs that wait to be opened; the oldest gives way. */
  readonly waitingJobs: number;
  /** Openings whose partials can be given again. */
  readonly keptPartials: number;
}

type OutputRow = [level: number, sigmaBits: number, c1Digest: Uint8Array, c1: Uint8Array];

export class OpeningStore {
  readonly #db: SqlDatabase;
  readonly #budget: NumberBudget;
  readonly #limits: OpeningStoreLimits;
  readonly #job;
  readonly #insertJob;
  readonly #sameStatistic;
  readonly #oldest;
  readonly #waiting;
  readonly #removeJob;
  readonly #markOpening;
  readonly #markOpened;
  readonly #openings;
  readonly #byOutput;
  readonly #byC1;
  readonly #count;
  readonly #insertOpening;
  readonly #prune;

  constructor(db: SqlDatabase, budget: NumberBudget, limits: OpeningStoreLimits) {
    this.#db = db;
    this.#budget = budget;
    this.#limits = limits;
    this.#job = db.prepare<
      [string],
      { transcript: Buffer; meters: string; outputs: Buffer | null; active: string | null }
    >("SELECT transcript, meters, outputs, active FROM he_jobs WHERE job = ?");
    this.#insertJob = db.prepare<[string, Uint8Array, Uint8Array, string, Uint8Array, number]>(
      "INSERT INTO he_jobs (job, statistic, transcript, meters, outputs, ready_at) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#sameStatistic = db
      .prepare<[Uint8Array], string>("SELECT job FROM he_jobs WHERE statistic = ? AND active IS NULL")
      .pluck();
    this.#oldest = db
      .prepare<[number], string>("SELECT job FROM he_jobs WHERE active IS NULL ORDER BY ready_at, job LIMIT ?")
      .pluck();
    this.#waiting = db.prepare<[], number>("SELECT count(*) FROM he_jobs WHERE active IS NULL").pluck();
    this.#removeJob = db.prepare<[string]>("DELETE FROM he_jobs WHERE job = ?");
    this.#markOpening = db.prepare<[string, string]>("UPDATE he_jobs SET active = ? WHERE job = ? AND active IS NULL");
    this.#markOpened = db.prepare<[string, string]>(
      "UPDATE he_jobs SET outputs = NULL WHERE job = ? AND active = ? AND outputs IS NOT NULL",
    );
    this.#openings = db.prepare<[string], { active: string; partial: Buffer | null }>(
      "SELECT active, partial FROM he_openings WHERE job = ? ORDER BY output",
    );
    this.#byOutput = db
      .prepare<[Uint8Array, number], string>("SELECT active FROM he_openings WHERE output_c1 = ? AND level = ?")
      .pluck();
    this.#byC1 = db
      .prepare<[Uint8Array, number], string>("SELECT job FROM he_openings WHERE c1 = ? AND level = ?")
      .pluck();
    this.#count = db.prepare<[string], number>("SELECT count(*) FROM he_openings WHERE key = ?").pluck();
    this.#insertOpening = db.prepare<[Uint8Array, number, Uint8Array, string, string, number, string, Uint8Array]>(
      `INSERT INTO he_openings (c1, level, output_c1, key, job, output, active, partial)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#prune = db.prepare<[number]>(
      `UPDATE he_openings SET partial = NULL
       WHERE partial IS NOT NULL AND number <= (SELECT max(number) FROM he_openings) - ?`,
    );
  }

  job(job: string): KnownJob | undefined {
    const row = this.#job.get(job);
    if (row === undefined) return undefined;
    return {
      transcript: row.transcript,
      meters: JSON.parse(row.meters) as number[],
      outputs: row.outputs === null ? undefined : outputsOf(row.outputs),
      active: row.active === null ? undefined : (JSON.parse(row.active) as number[]),
    };
  }

  /** Throws JobError `too-many-numbers`, for a look before anything is computed. */
  assertRoom(claims: readonly NumberClaim[], statistic: Uint8Array): void {
    this.#budget.assertRoom(statistic, claims);
  }

  /**
   * Writes a job down as recomputed, and what it would open as spent. A job over other inputs for the same statistic
   * that is not opened gives way: over the same meters it tells the same. Throws JobError `too-many-numbers`.
   */
  ready({ job, statistic, transcript, outputs, claims, meters, readyAt }: ReadyJob): void {
    this.#db
      .transaction(() => {
        this.#budget.assertRoom(statistic, claims);
        for (const other of this.#sameStatistic.all(statistic)) this.#removeJob.run(other);
        const surplus = this.#waiting.get()! + 1 - this.#limits.waitingJobs;
        if (surplus > 0) for (const other of this.#oldest.all(surplus)) this.#removeJob.run(other);
        const rows = outputs.map(({ level, sigmaBits, c1Digest, c1 }): OutputRow => [level, sigmaBits, c1Digest, c1]);
        this.#insertJob.run(job, statistic, transcript, JSON.stringify(meters), encodeCbor(rows), readyAt);
        this.#budget.add(statistic, claims);
      })
      .immediate();
  }

  /**
   * The partials that were given for a job. Throws JobError `other-active-set` when they were given to another set, and
   * `unknown-job` when they are too old to be kept.
   */
  given(job: string, active: readonly number[]): Uint8Array[] | undefined {
    const rows = this.#openings.all(job);
    if (rows.length === 0) return undefined;
    const partials: Uint8Array[] = [];
    for (const row of rows) {
      if (row.active !== JSON.stringify(active)) throw otherActiveSet(row.active);
      if (row.partial === null) throw new JobError("unknown-job", "it was opened too long ago to be answered again");
      partials.push(Uint8Array.from(row.partial));
    }
    return partials;
  }

  /**
   * Binds a job to its active set before the key share is used for it: from here on it gives way to none. Throws JobError
   * `other-active-set`, and `unknown-job` for one that gave way before.
   */
  begin(job: string, active: readonly number[]): void {
    const set = JSON.stringify(active);
    this.#db
      .transaction(() => {
        const known = this.job(job);
        if (known?.outputs === undefined) throw new JobError("unknown-job", "it gave way to another: tell it again");
        this.#assertActive(known.outputs, active);
        if (known.active === undefined) this.#markOpening.run(set, job);
        else if (JSON.stringify(known.active) !== set) throw otherActiveSet(JSON.stringify(known.active));
      })
      .immediate();
  }

  /** Throws JobError `other-active-set` when one of these outputs was ever opened by another set, in whatever job. */
  #assertActive(outputs: readonly Pick<ComputedOutput, "c1Digest" | "level">[], active: readonly number[]): void {
    const wanted = JSON.stringify(active);
    for (const { c1Digest, level } of outputs) {
      const other = this.#byOutput.all(c1Digest, level).find((set) => set !== wanted);
      if (other !== undefined) throw otherActiveSet(other);
    }
  }

  /** Throws JobError when the key has no openings left. */
  assertOpenings(key: string, outputs: number, most: number): void {
    const spent = this.#count.get(key)!;
    if (spent + outputs <= most) return;
    throw new JobError("too-many-numbers", `${spent} of ${most} openings of key ${key} are spent: deal new keys`);
  }

  /**
   * Writes an opening down that was begun; only then may it be answered. Throws JobError `other-active-set`, and
   * RangeError for one that was not begun with this set.
   */
  record({ job, key, active, outputs, most }: OpeningRecord): void {
    const set = JSON.stringify(active);
    this.#db
      .transaction(() => {
        this.assertOpenings(key, outputs.length, most);
        this.#assertActive(
          outputs.map(({ outputC1, level }) => ({ c1Digest: outputC1, level })),
          active,
        );
        for (const [index, { c1, level, outputC1, partial }] of outputs.entries()) {
          const before = this.#byC1.get(c1, level);
          if (before !== undefined)
            throw new JobError("other-active-set", `output ${index} was opened as job ${before}`);
          this.#insertOpening.run(c1, level, outputC1, key, job, index, set, partial);
        }
        // Else a part would leave of a job that is not written down here.
        if (this.#markOpened.run(job, set).changes !== 1) throw new RangeError(`job: expected ${job} to be begun`);
        this.#prune.run(this.#limits.keptPartials);
      })
      .immediate();
  }
}

function otherActiveSet(before: string): JobError {
  return new JobError(
    "other-active-set",
    `aggregators ${(JSON.parse(before) as number[]).join(", ")} open this output`,
  );
}

function outputsOf(bytes: Uint8Array): ComputedOutput[] {
  return (decodeCbor(bytes) as OutputRow[]).map(([level, sigmaBits, c1Digest, c1]) => ({
    level,
    sigmaBits,
    c1Digest: Uint8Array.from(c1Digest),
    c1: Uint8Array.from(c1),
  }));
}
