/** The tables of learning rounds, and of what they release for people. */
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

export const releases: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    // Of a release; what homes train on is not kept.
    await db.schema.alterTable("model_rounds").addColumn("content", "text").execute();
    await db.schema
      .createTable("noised_releases")
      .addColumn("round", "text", (c) => c.primaryKey())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("step", "bigint", (c) => c.notNull())
      .addColumn("type", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("unit", "text", (c) => c.notNull())
      .addColumn("window_start", "bigint", (c) => c.notNull())
      .addColumn("window_end", "bigint", (c) => c.notNull())
      .addColumn("meters", "integer")
      .addColumn("min_meters", "integer", (c) => c.notNull())
      .addColumn("noise_sd", "double precision")
      .addColumn("least_noise_sd", "double precision", (c) => c.notNull())
      .addColumn("clip", "double precision", (c) => c.notNull())
      .addColumn("epsilon", "double precision", (c) => c.notNull())
      .addColumn("delta", "double precision", (c) => c.notNull())
      .addColumn("spare_answers", "integer")
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("settled_at", "bigint", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("noised_values")
      .addColumn("round", "text", (c) => c.notNull())
      .addColumn("position", "integer", (c) => c.notNull())
      .addColumn("slot_start", "bigint")
      .addColumn("from_wh", "bigint")
      .addColumn("to_wh", "bigint")
      .addColumn("value", "double precision", (c) => c.notNull())
      .addPrimaryKeyConstraint("noised_values_key", ["round", "position"])
      .execute();
  },
};
