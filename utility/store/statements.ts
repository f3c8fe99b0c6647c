/**
 * Statements that were prepared stay so: the same few queries run for every round, and reading their text again takes
 * longer than many of them run. Between Kysely and better-sqlite3; statements here are used to their end at once.
 * Faults of the medium come out as `StorageError`, whatever query met them.
 */
import type { SqliteDatabase as KyselyDatabase, SqliteStatement } from "kysely";
import { guardStorage, type SqliteDatabase } from "../../config/runtime/database.ts";

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
        statement =
          sql === "rollback" ? rollbackOf(database) : guarded(database, sql === "begin" ? beginOf(database) : sql);
        const oldest = kept.size >= MAX_STATEMENTS ? kept.keys().next().value : undefined;
        if (oldest !== undefined) kept.delete(oldest);
      } else kept.delete(sql);
      kept.set(sql, statement);
      return statement;
    },
  };
}

function guarded(database: SqliteDatabase, sql: string): SqliteStatement {
  const statement = guardStorage(database, () => database.prepare(sql));
  return {
    reader: statement.reader,
    all: (values) => guardStorage(database, () => statement.all(...values)),
    run: (values) => guardStorage(database, () => statement.run(...values)),
    iterate: (values) => statement.iterate(...values),
  };
}

/**
 * As on a server, no other process writes from the begin on: whoever reads first and writes then would be told, without a
 * wait, that what it has read is old. Readers take a snapshot.
 */
function beginOf({ readonly }: SqliteDatabase): string {
  return readonly ? "begin" : "begin immediate";
}

/** A full disk ends a transaction by itself: to roll it back again would fail, and hide why. */
function rollbackOf(database: SqliteDatabase): SqliteStatement {
  const statement = guarded(database, "rollback");
  return { ...statement, run: (values) => (database.inTransaction ? statement.run(values) : NOTHING_DONE) };
}

const NOTHING_DONE = { changes: 0, lastInsertRowid: 0 };
