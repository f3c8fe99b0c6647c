/**
 * Statements that were prepared stay so: the same few queries run for every round, and reading their text again takes
 * longer than many of them run. Between Kysely and better-sqlite3; statements here are used to their end at once.
 */
import type { SqliteDatabase as KyselyDatabase, SqliteStatement } from "kysely";
import type { SqliteDatabase } from "../../config/runtime/database.ts";

/** Lists of values make texts of their own; the oldest of many go. */
const MAX_STATEMENTS = 256;

/** The database for Kysely's SQLite dialect. */
export function withKeptStatements(database: SqliteDatabase): KyselyDatabase {
  const kept = new Map<string, SqliteStatement>();
  return {
    close: () => {
      kept.clear();
      database.close();
    },
    prepare: (sql) => {
      let statement = kept.get(sql);
      if (statement === undefined) {
        statement = database.prepare(sql);
        const oldest = kept.size >= MAX_STATEMENTS ? kept.keys().next().value : undefined;
        if (oldest !== undefined) kept.delete(oldest);
      } else kept.delete(sql);
      kept.set(sql, statement);
      return statement;
    },
  };
}
