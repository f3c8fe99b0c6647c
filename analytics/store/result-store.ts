/** Table `he_results`: what the utility opened and told, one row for each job. */
import type { SqlDatabase, SqlStatement } from "../../config/runtime/sql.ts";
import type { Job } from "./job.ts";

/** Named series of numbers: one number for each slot of the window, or one for the whole of it. */
export type ResultValues = Readonly<Record<string, readonly number[]>>;

export interface HeResult {
  readonly job: string;
  readonly number: number;
  readonly circuit: string;
  readonly label: string;
  readonly series: readonly string[];
  readonly firstSlot: number;
  readonly slots: number;
  readonly inputs: number;
  /** Feeders of the group that it is without, since not all of their meters' ciphertexts came or fit. */
  readonly leftOut: readonly string[];
  readonly status: "opened" | "failed";
  readonly values: ResultValues;
  /** Of every value, by its name. */
  readonly units: Readonly<Record<string, string>>;
  /** Largest error that the analysis allows for, by name, in the value's unit; values without a bound are left out. */
  readonly errorBounds: Readonly<Record<string, number>>;
  /** Indices of the aggregators that gave partial decryptions. */
  readonly openedBy: readonly number[];
  /** Unix seconds. */
  readonly openedAt: number;
}

interface ResultRow {
  job: string;
  number: number;
  circuit: string;
  label: string;
  series: string;
  first_slot: number;
  slots: number;
  inputs: number;
  left_out: string;
  status: string;
  values: string;
  units: string;
  error_bounds: string;
  opened_by: string;
  opened_at: number;
}

export class ResultStore {
  readonly #db: SqlDatabase;
  readonly #insert: SqlStatement;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#insert = db.prepare(
      `INSERT INTO he_results (job, number, circuit, label, series, first_slot, slots, inputs, left_out, status, "values",
       units, error_bounds, opened_by, opened_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (job) DO NOTHING`,
    );
  }

  /** Returns false when the result is here already: the first stands. */
  add(result: HeResult): boolean {
    const { changes } = this.#insert.run(
      result.job,
      result.number,
      result.circuit,
      result.label,
      JSON.stringify(result.series),
      result.firstSlot,
      result.slots,
      result.inputs,
      JSON.stringify(result.leftOut),
      result.status,
      JSON.stringify(result.values),
      JSON.stringify(result.units),
      JSON.stringify(result.errorBounds),
      JSON.stringify(result.openedBy),
      Math.floor(result.openedAt),
    );
    return changes > 0;
  }

  get(job: string): HeResult | undefined {
    const row = this.#db.prepare<[string], ResultRow>("SELECT * FROM he_results WHERE job = ?").get(job);
    return row === undefined ? undefined : resultOf(row);
  }

  /** What was opened of a job, under its own number: the very same may have been opened for another before. */
  of({ job, number }: Pick<Job, "job" | "number">): HeResult | undefined {
    const result = job === undefined ? undefined : this.get(job);
    return result === undefined ? undefined : { ...result, number };
  }

  /** By window, circuit and group; at most the newest `limit`. */
  list({ limit, circuit, label }: { limit: number; circuit?: string; label?: string }): HeResult[] {
    const rows = this.#db
      .prepare<[string | null, string | null, string | null, string | null, number], ResultRow>(
        `SELECT * FROM he_results WHERE (CAST(? AS TEXT) IS NULL OR circuit = ?) AND (CAST(? AS TEXT) IS NULL OR label = ?)
         ORDER BY number DESC LIMIT ?`,
      )
      .all(circuit ?? null, circuit ?? null, label ?? null, label ?? null, limit);
    return rows.map(resultOf).sort(byWindow);
  }

  count(): number {
    return this.#db.prepare<[], { count: number }>("SELECT count(*) AS count FROM he_results").get()?.count ?? 0;
  }
}

function byWindow(a: HeResult, b: HeResult): number {
  return a.firstSlot - b.firstSlot || compare(a.circuit, b.circuit) || compare(a.label, b.label) || a.number - b.number;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function resultOf(row: ResultRow): HeResult {
  return {
    job: row.job,
    number: row.number,
    circuit: row.circuit,
    label: row.label,
    series: JSON.parse(row.series) as string[],
    firstSlot: row.first_slot,
    slots: row.slots,
    inputs: row.inputs,
    leftOut: JSON.parse(row.left_out) as string[],
    status: row.status as HeResult["status"],
    values: JSON.parse(row.values) as Record<string, number[]>,
    units: JSON.parse(row.units) as Record<string, string>,
    errorBounds: JSON.parse(row.error_bounds) as Record<string, number>,
    openedBy: JSON.parse(row.opened_by) as number[],
    openedAt: row.opened_at,
  };
}
