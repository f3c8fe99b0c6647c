/** Opens `privacy.db`: the file by the rules of all parties, the queries through Kysely. */
import { Kysely, Migrator, SqliteDialect } from "kysely";
import { openDatabase, StorageError, storageError } from "../../../config/runtime/database.ts";
import { type AccountTables, migrations } from "./tables.ts";

export type AccountDatabase = Kysely<AccountTables>;

/**
 * Opens and migrates. FULL: what was paid for is durable before anything is released. `alone`: as the one process that
 * releases. Throws StorageError for faults of the medium and for a file of a newer program.
 */
export async function openAccountDatabase(
  file: string,
  { alone = false }: { readonly alone?: boolean } = {},
): Promise<AccountDatabase> {
  const database = openDatabase(file, { synchronous: "FULL", alone });
  const db = new Kysely<AccountTables>({ dialect: new SqliteDialect({ database }) });
  const { error } = await new Migrator({ db, provider: migrations }).migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  if (error instanceof Error && error.message.includes("previously executed migration")) {
    throw new StorageError("newer", `${file} was written by a newer program; update this one`, { cause: error });
  }
  throw storageError(error, file);
}
