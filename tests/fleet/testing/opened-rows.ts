/** What a run with ciphertexts left in the databases of the utility and of analytics. */
import { join } from "node:path";
import Database from "better-sqlite3";

export interface CheckRow {
  readonly feeders: string;
  readonly status: string;
  readonly reason: string;
  readonly spare_answers: number | null;
  readonly largest_difference: number | null;
}

export interface ResultRow {
  readonly job: string;
  readonly circuit: string;
  readonly feeders: string;
  readonly inputs: number;
  readonly opened_by: string;
  readonly status: string;
  readonly reason: string;
}

export interface JobRow {
  readonly number: number;
  readonly circuit: string;
  readonly label: string;
  readonly state: string;
  readonly code: string;
  readonly reason: string;
}

function rows<T>(data: string, party: "utility" | "analytics", sql: string): T[] {
  const database = new Database(join(data, party, `${party}.db`), { readonly: true });
  try {
    return database.prepare<[], T>(sql).all();
  } catch (error) {
    // Its tables are not made yet.
    if (error instanceof Error && error.message.includes("no such table")) return [];
    throw error;
  } finally {
    database.close();
  }
}

export function results(data: string): ResultRow[] {
  const columns = "job, circuit, feeders, inputs, opened_by, status, reason";
  return rows(data, "utility", `SELECT ${columns} FROM he_results ORDER BY circuit, feeders`);
}

export function checks(data: string): CheckRow[] {
  const columns = "feeders, status, reason, spare_answers, largest_difference";
  return rows(data, "utility", `SELECT ${columns} FROM he_checks ORDER BY feeders`);
}

export function jobs(data: string): JobRow[] {
  return rows(data, "analytics", "SELECT number, circuit, label, state, code, reason FROM jobs ORDER BY number");
}

/** How many ciphertexts analytics has; each meter, series and window once. */
export function storedCiphertexts(data: string): number {
  return rows<{ count: number }>(data, "analytics", "SELECT count(*) AS count FROM ciphertexts")[0]?.count ?? 0;
}
