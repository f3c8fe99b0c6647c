/** What PostgreSQL and the way to it complain of, as the errors that roles know. */
import { StorageError, type StorageErrorCode } from "../database.ts";
import type { Refusal } from "./wire.ts";

/** A statement that PostgreSQL refuses though the database is well: a fault of ours, or of the data. */
export class SqlError extends Error {
  /** SQLSTATE, five characters. */
  readonly code: string;

  constructor({ message, code }: Pick<Refusal, "message" | "code">) {
    super(message);
    this.name = "SqlError";
    this.code = code ?? "";
  }
}

/** By SQLSTATE, or its class (two characters). */
const FAULTS: readonly (readonly [codes: RegExp, code: StorageErrorCode, advice: string])[] = [
  [/^53100/, "full", "no room left; free disk space on the server and start again"],
  [/^(53|57P03)/, "io", "the server takes no more: look at its log, max_connections and memory"],
  [/^55P03/, "locked", "in use by another process; stop that one first"],
  [/^XX00[12]/, "corrupt", "is damaged; put back a backup"],
  [/^28/, "io", "the login is refused; check user, password (PGPASSWORD, ~/.pgpass) and pg_hba.conf"],
  [/^3D/, "io", "there is no such database; create it as docs/database.md says"],
  [/^42501/, "io", "the login may not do that; give it the rights that docs/database.md lists"],
  [/^25006/, "io", "cannot be written: opened for reading, or the server is a standby"],
];

/** What to throw for a refusal: StorageError where the database cannot be used, else SqlError. */
export function refusalError(name: string, refusal: Refusal): Error {
  const { code, message } = refusal;
  const [, fault, advice] = FAULTS.find(([codes]) => codes.test(code ?? "")) ?? [];
  if (fault !== undefined) return new StorageError(fault, `${name}: ${advice} (${code}: ${message})`);
  return refusal.lost ? lostError(name, code === undefined ? message : `${code}: ${message}`) : new SqlError(refusal);
}

export function lostError(name: string, why: string): StorageError {
  const advice = "see that the server runs and can be reached, and start again";
  return new StorageError("lost", `${name}: the connection is lost (${why}); ${advice}`);
}
