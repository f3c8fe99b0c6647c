/** Tables of the log. */
import { type Kysely, type Migration, sql } from "kysely";

const BYTES = sql`blob`;

export const ledger: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .createTable("ledger_entries")
      .addColumn("idx", "integer", (c) => c.primaryKey())
      .addColumn("type", "text", (c) => c.notNull())
      .addColumn("entry", BYTES, (c) => c.notNull())
      .execute();
    await schema
      .createTable("ledger_tiles")
      .addColumn("level", "integer", (c) => c.notNull())
      .addColumn("tile", "integer", (c) => c.notNull())
      .addColumn("hashes", BYTES, (c) => c.notNull())
      .addPrimaryKeyConstraint("ledger_tiles_key", ["level", "tile"])
      .execute();
    await schema
      .createTable("ledger_private")
      .addColumn("idx", "integer", (c) => c.primaryKey())
      .addColumn("subject", "text", (c) => c.notNull().unique())
      .addColumn("salt", BYTES)
      .addColumn("content", BYTES)
      .execute();
    await schema
      .createTable("ledger_head")
      .addColumn("id", "integer", (c) => c.primaryKey())
      .addColumn("size", "integer", (c) => c.notNull())
      .addColumn("root", BYTES, (c) => c.notNull())
      .addColumn("checkpoint", "text", (c) => c.notNull())
      .execute();
    await schema
      .createTable("ledger_checkpoints")
      .addColumn("size", "integer", (c) => c.primaryKey())
      .addColumn("checkpoint", "text", (c) => c.notNull())
      .addColumn("cosignatures", "integer", (c) => c.notNull())
      .addColumn("published", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
  },
};
