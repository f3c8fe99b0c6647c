/** The table of learning rounds. */
import { type Kysely, type Migration, sql } from "kysely";

const BYTES = sql`blob`;

export const learning: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable("model_rounds")
      .addColumn("round", "text", (c) => c.primaryKey())
      .addColumn("campaign", "text", (c) => c.notNull())
      .addColumn("step", "bigint", (c) => c.notNull())
      .addColumn("task", "text", (c) => c.notNull())
      .addColumn("closes_at", "bigint", (c) => c.notNull())
      .addColumn("min_meters", "integer", (c) => c.notNull())
      .addColumn("max_meters", "integer", (c) => c.notNull())
      .addColumn("shape", "text", (c) => c.notNull())
      .addColumn("model", BYTES, (c) => c.notNull())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("round_id", "text")
      .addColumn("set_id", BYTES)
      .addColumn("meters", "integer")
      .addColumn("sum", BYTES)
      .addColumn("spare_answers", "integer")
      .addColumn("settled_at", "bigint")
      .addColumn("published", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex("model_rounds_by_status").on("model_rounds").columns(["status", "closes_at"]).execute();
  },
};

export const bounds: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const column of ["proved", "unproved", "left_out"]) {
      await db.schema.alterTable("model_rounds").addColumn(column, "integer").execute();
    }
  },
};
