/** A party's database wherever the configuration puts it: an SQLite file of its own, or a schema on a PostgreSQL server. */
import { migrate, openDatabase, type SqliteDatabase } from "./database.ts";
import { PostgresDatabase } from "./postgres/database.ts";
import { isPostgres, migratePostgres, openPostgres, type PostgresOptions } from "./postgres/open.ts";
import type { SqlDatabase } from "./sql.ts";

/** Opens what is at `place`, a file or `postgresql://user@host/database#schema`. Throws StorageError. */
export function openStore(place: string, options: PostgresOptions): SqlDatabase {
  return isPostgres(place) ? openPostgres(place, options) : (openDatabase(place, options) as unknown as SqlDatabase);
}

/** Brings the tables up to date, as `migrate` does for files. Throws StorageError. */
export function migrateStore(database: SqlDatabase, migrations: readonly string[]): void {
  if (database instanceof PostgresDatabase) migratePostgres(database, migrations);
  else migrate(database as unknown as SqliteDatabase, migrations);
}
