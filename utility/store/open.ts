/** Opens the utility's database, a file or a schema on a server, by the rules of all parties; the queries go through Kysely. */
import { type Dialect, Kysely, Migrator, PostgresAdapter, sql, SqliteDialect } from "kysely";
import { type SqliteDatabase, StorageError, storageError } from "../../config/runtime/database.ts";
import { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { assertRestored } from "../../config/runtime/postgres/open.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { openStore, shownPlace, tableNames } from "../../config/runtime/store.ts";
import { migrations } from "./migrations.ts";
import { dialectOver, postgresTypes } from "./postgres-dialect.ts";
import { withKeptStatements } from "./statements.ts";
import type { UtilityTables } from "./tables.ts";

export type UtilityDatabase = Kysely<UtilityTables>;

/** Rows per insert: SQLite takes 32,766 values in one statement, PostgreSQL twice as many. */
export const INSERT_ROWS = 500;

function queriesOver(database: SqlDatabase): UtilityDatabase {
  if (database instanceof PostgresDatabase) {
    return new Kysely<UtilityTables>({ dialect: dialectOver(database), plugins: [postgresTypes] });
  }
  const dialect: Dialect = new SqliteDialect({ database: withKeptStatements(database as SqliteDatabase) });
  return new Kysely<UtilityTables>({ dialect });
}

/**
 * Opens and migrates what is at `place`. `alone`: as the running utility, of which there is one. `upTo`: as the program was
 * when this was its last migration. Throws StorageError for faults of the medium and for a database of a newer program.
 */
export async function openUtilityDatabase(
  place: string,
  { alone = false, upTo }: { readonly alone?: boolean; readonly upTo?: string } = {},
): Promise<UtilityDatabase> {
  const database = openStore(place, { synchronous: "FULL", alone });
  assertOwn(database, place);
  const db = queriesOver(database);
  const schema = database instanceof PostgresDatabase ? { migrationTableSchema: database.schema } : {};
  const migrator = new Migrator({ db, provider: migrations, ...schema });
  const { error } = await (upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo));
  if (error !== undefined) {
    await db.destroy();
    if (error instanceof Error && error.message.includes("previously executed migration")) {
      const name = shownPlace(place);
      throw new StorageError("newer", `${name} was written by a newer program; update this one`, { cause: error });
    }
    throw storageError(error, place);
  }
  return db;
}

/** Opens for reading only, while the utility may be running. Throws StorageError, `absent` while there are no tables yet. */
export function openForReading(place: string): UtilityDatabase {
  const database = openStore(place, { synchronous: "NORMAL", readonly: true });
  if (assertOwn(database, place)) return queriesOver(database);
  database.close();
  throw new StorageError("absent", `${shownPlace(place)} holds no tables yet: start the utility first`);
}

/**
 * Whether the utility has made its tables. Another party's file would be given these, and the log would begin anew: throws
 * StorageError `foreign`, and closes it.
 */
function assertOwn(database: SqlDatabase, place: string): boolean {
  if (database instanceof PostgresDatabase) assertRestored(database);
  const tables = tableNames(database);
  // Kysely's own are made first. A schema on a server is called after its party; it may hold what a move leaves there.
  const others = tables.filter((table) => !table.startsWith("kysely_migration"));
  if (others.length === 0 || others.includes("bills") || database instanceof PostgresDatabase) {
    return others.includes("bills");
  }
  database.close();
  const what = tables.slice(0, 3).join(", ");
  throw new StorageError(
    "foreign",
    `${shownPlace(place)} is not the utility's database: it holds ${what} and no bills`,
  );
}

/**
 * Deleted and changed rows stay in unused parts of the database until it is written anew: it is, or on a server the table
 * alone. What the server's write-ahead log and its archive hold goes when they do.
 */
export async function forgetDeleted(db: UtilityDatabase, table: keyof UtilityTables): Promise<void> {
  if (db.getExecutor().adapter instanceof PostgresAdapter) {
    await sql`VACUUM FULL ${sql.table(table)}`.execute(db);
    return;
  }
  await sql`VACUUM`.execute(db);
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db);
}
