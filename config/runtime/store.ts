/** A party's database wherever the configuration puts it: an SQLite file of its own, or a schema on a PostgreSQL server. */
import { existsSync } from "node:fs";
import { migrate, openDatabase, type SqliteDatabase, StorageError } from "./database.ts";
import { PostgresDatabase } from "./postgres/database.ts";
import { SqlError } from "./postgres/faults.ts";
import { isPostgres, migratePostgres, openPostgres, type PostgresOptions, shownAddress } from "./postgres/open.ts";
import type { SqlDatabase, StoreMigration } from "./sql.ts";

/** Opens what is at `place`, a file or `postgresql://user@host/database#schema`. Throws StorageError. */
export function openStore(place: string, options: PostgresOptions): SqlDatabase {
  return isPostgres(place) ? openPostgres(place, options) : openDatabase(place, options);
}

/** Brings the tables up to date, as `migrate` does for files. Throws StorageError. */
export function migrateStore(database: SqlDatabase, migrations: readonly StoreMigration[]): void {
  if (database instanceof PostgresDatabase) migratePostgres(database, migrations);
  else migrate(database as SqliteDatabase, migrations);
}

/** A place as people may see it. */
export function shownPlace(place: string): string {
  return isPostgres(place) ? shownAddress(place) : place;
}

/** Opens what is there for reading; undefined where nobody has made a database yet. Throws StorageError. */
export function openIfThere(place: string): SqlDatabase | undefined {
  try {
    return openStore(place, { synchronous: "NORMAL", readonly: true });
  } catch (error) {
    if (error instanceof StorageError && error.code === "absent") return undefined;
    throw error;
  }
}

/** Whether somebody has made a database there. Throws StorageError where the server cannot be asked. */
export function storeExists(place: string): boolean {
  if (!isPostgres(place)) return existsSync(place);
  const database = openIfThere(place);
  database?.close();
  return database !== undefined;
}

/** The tables that the login may see. */
export function tableNames(database: SqlDatabase): string[] {
  const isFile = !(database instanceof PostgresDatabase);
  const [name, from] = isFile
    ? ["name", "sqlite_master WHERE type = 'table'"]
    : ["table_name", "information_schema.tables WHERE table_schema = current_schema()"];
  return database.prepare<[], string>(`SELECT ${name} FROM ${from}`).pluck().all();
}

/** Whether an error says that a table has not been made yet. */
export function isNoTable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.message.includes("no such table") || (error instanceof SqlError && error.code === "42P01");
}
