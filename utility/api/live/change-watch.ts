/** Notices that another process has written to the utility's database. */
import { PostgresDatabase } from "../../../config/runtime/postgres/database.ts";
import { openIfThere } from "../../../config/runtime/store.ts";
import type { SqliteDatabase } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";

/** Rows that were ever written, as the server counts them: a moment late. */
const WRITTEN = `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables
  WHERE schemaname = current_schema()`;

export class ChangeWatch {
  readonly #timer: NodeJS.Timeout;
  readonly #place: string;
  readonly #changed: () => void;
  #db: SqlDatabase | undefined;
  #version: unknown;

  /** Calls `changed` at most every `milliseconds`. */
  constructor(place: string, changed: () => void, milliseconds: number) {
    this.#place = place;
    this.#changed = changed;
    this.#timer = setInterval(() => this.#look(), milliseconds);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#db?.close();
  }

  #look(): void {
    this.#db ??= openIfThere(this.#place);
    if (this.#db === undefined) return;
    const version = versionOf(this.#db);
    if (version === this.#version) return;
    this.#version = version;
    this.#changed();
  }
}

function versionOf(db: SqlDatabase): unknown {
  if (db instanceof PostgresDatabase) return db.prepare(WRITTEN).pluck().get();
  return (db as SqliteDatabase).pragma("data_version", { simple: true });
}
