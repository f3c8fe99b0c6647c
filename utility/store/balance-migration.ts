/** Tables of feeder balances. */
import type { Kysely, Migration } from "kysely";

export const balances: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .createTable("feeder_balances")
      .addColumn("feeder_id", "text", (c) => c.notNull())
      .addColumn("slot_start", "bigint", (c) => c.notNull())
      .addColumn("balance_wh", "bigint")
      .addColumn("import_wh", "bigint")
      .addColumn("export_wh", "bigint")
      .addColumn("loss_wh", "double precision")
      .addColumn("residual_wh", "double precision")
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("spare_answers", "integer")
      .addColumn("round_id", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("feeder_balances_key", ["feeder_id", "slot_start"])
      .execute();
    await schema
      .createTable("balance_alerts")
      .addColumn("feeder_id", "text", (c) => c.notNull())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("since", "bigint", (c) => c.notNull())
      .addColumn("detected_at", "bigint", (c) => c.notNull())
      .addColumn("size_w", "double precision")
      .addColumn("published", "integer", (c) => c.notNull().defaultTo(0))
      .addPrimaryKeyConstraint("balance_alerts_key", ["feeder_id", "kind", "detected_at"])
      .execute();
    await schema
      .createTable("balance_watch")
      .addColumn("feeder_id", "text", (c) => c.primaryKey())
      .addColumn("asked_to", "bigint", (c) => c.notNull())
      .addColumn("state", "text")
      .execute();
  },
};
