/** Opens `utility.db`: the file by the rules of all parties, the queries through Kysely. */
import { Kysely, Migrator, SqliteDialect } from "kysely";
import { openDatabase, type SqliteDatabase, StorageError, storageError } from "../../config/runtime/database.ts";
import { migrations } from "./migrations.ts";
import { withKeptStatements } from "./statements.ts";
import type { UtilityTables } from "./tables.ts";

export type UtilityDatabase = Kysely<UtilityTables>;

/** Rows per insert: SQLite takes 32,766 values in one statement. */
export const INSERT_ROWS = 500;

function queriesOver(database: SqliteDatabase): UtilityDatabase {
  return new Kysely<UtilityTables>({ dialect: new SqliteDialect({ database: withKeptStatements(database) }) });
}

/** Opens and migrates. `alone`: as the running utility, of which there is one. Throws StorageError for faults of the medium and for a file of a newer program. */
export async function openUtilityDatabase(
  file: string,
  { alone = false }: { readonly alone?: boolean } = {},
): Promise<UtilityDatabase> {
  const db = queriesOver(openDatabase(file, { synchronous: "FULL", alone }));
  const { error } = await new Migrator({ db, provider: migrations }).migrateToLatest();
  if (error !== undefined) {
    await db.destroy();
    if (error instanceof Error && error.message.includes("previously executed migration")) {
      throw new StorageError("newer", `${file} was written by a newer program; update this one`, { cause: error });
    }
    throw storageError(error, file);
  }
  return db;
}

/** Opens for reading only, while the utility may be running. */
export function openForReading(file: string): UtilityDatabase {
  return queriesOver(openDatabase(file, { synchronous: "NORMAL", readonly: true }));
}
