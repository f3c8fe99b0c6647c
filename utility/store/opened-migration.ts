/** Tables and views for opened ciphertexts. */
import { type Kysely, type Migration, sql } from "kysely";
import type { OpenedTables } from "./opened-tables.ts";

const BYTES = sql`blob`;

export const opened: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await createWaiting(db);
    await createResults(db);
    await createChecks(db);
    // The newest of several openings of the same numbers; old ones stay in the table.
    const tables = db as unknown as Kysely<OpenedTables>;
    const newest = tables
      .selectFrom("he_results as r")
      .selectAll()
      .where("status", "=", "final")
      .where((row) =>
        row.not(
          row.exists(
            row
              .selectFrom("he_results as n")
              .select("n.job")
              .whereRef("n.circuit", "=", "r.circuit")
              .whereRef("n.parameters", "=", "r.parameters")
              .whereRef("n.feeders", "=", "r.feeders")
              .whereRef("n.series", "=", "r.series")
              .whereRef("n.window_start", "=", "r.window_start")
              .where("n.status", "=", "final")
              .where((later) =>
                later.or([
                  later("n.opened_at", ">", later.ref("r.opened_at")),
                  later.and([
                    later("n.opened_at", "=", later.ref("r.opened_at")),
                    later("n.job", ">", later.ref("r.job")),
                  ]),
                ]),
              ),
          ),
        ),
      );
    await db.schema.createView("current_he_results").as(newest).execute();
  },
};

/** Not every meter has a value in every slot. */
export const metersBySlot: Migration = {
  async up({ schema }: Kysely<never>): Promise<void> {
    await schema
      .alterTable("he_partials")
      .addColumn("meters", "text", (c) => c.notNull().defaultTo("[]"))
      .execute();
    await schema.alterTable("he_results").addColumn("meters_by_slot", "text").execute();
  },
};

async function createWaiting({ schema }: Pick<Kysely<never>, "schema">): Promise<void> {
  await schema
    .createTable("he_outputs")
    .addColumn("job", "text", (c) => c.primaryKey())
    .addColumn("transcript", BYTES, (c) => c.notNull())
    .addColumn("active", "text", (c) => c.notNull())
    .addColumn("c0", BYTES)
    .addColumn("settled", "integer", (c) => c.notNull().defaultTo(0))
    .addColumn("received_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("he_outputs_waiting").on("he_outputs").columns(["settled", "received_at"]).execute();
  await schema
    .createTable("he_partials")
    .addColumn("job", "text", (c) => c.notNull())
    .addColumn("aggregator", "integer", (c) => c.notNull())
    .addColumn("transcript_hash", BYTES, (c) => c.notNull())
    .addColumn("active", "text", (c) => c.notNull())
    .addColumn("outputs", BYTES, (c) => c.notNull())
    .addColumn("received_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("he_partials_key", ["job", "aggregator"])
    .execute();
  await schema.createIndex("he_partials_age").on("he_partials").columns(["aggregator", "received_at"]).execute();
}

async function createResults({ schema }: Pick<Kysely<never>, "schema">): Promise<void> {
  await schema
    .createTable("he_results")
    .addColumn("job", "text", (c) => c.primaryKey())
    .addColumn("circuit", "text", (c) => c.notNull())
    .addColumn("parameters", "text", (c) => c.notNull())
    .addColumn("feeders", "text", (c) => c.notNull())
    .addColumn("series", "text", (c) => c.notNull())
    .addColumn("window_start", "bigint", (c) => c.notNull())
    .addColumn("window_end", "bigint", (c) => c.notNull())
    .addColumn("slots", "integer", (c) => c.notNull())
    .addColumn("meters", "integer", (c) => c.notNull())
    .addColumn("inputs", "integer", (c) => c.notNull())
    .addColumn("unit", "text", (c) => c.notNull())
    .addColumn("error_bound", "double precision")
    .addColumn("residue", "double precision")
    .addColumn("residue_bound", "double precision")
    .addColumn("opened_by", "text", (c) => c.notNull())
    .addColumn("epoch", "integer", (c) => c.notNull())
    .addColumn("parameter_set", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("opened_at", "bigint", (c) => c.notNull())
    .addColumn("opened", BYTES)
    .addColumn("published", "integer", (c) => c.notNull().defaultTo(0))
    .execute();
  await schema.createIndex("he_results_window").on("he_results").columns(["window_start", "circuit"]).execute();
  await schema.createIndex("he_results_unpublished").on("he_results").columns(["published", "status"]).execute();
  await schema
    .createTable("he_values")
    .addColumn("job", "text", (c) => c.notNull())
    .addColumn("name", "text", (c) => c.notNull())
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("slot_start", "bigint")
    .addColumn("value", "double precision", (c) => c.notNull())
    .addColumn("unit", "text", (c) => c.notNull())
    .addColumn("error_bound", "double precision")
    .addPrimaryKeyConstraint("he_values_key", ["job", "name", "position"])
    .execute();
}

async function createChecks({ schema }: Pick<Kysely<never>, "schema">): Promise<void> {
  await schema
    .createTable("he_checks")
    .addColumn("job", "text", (c) => c.primaryKey())
    .addColumn("feeders", "text", (c) => c.notNull())
    .addColumn("series", "text", (c) => c.notNull())
    .addColumn("window_start", "bigint", (c) => c.notNull())
    .addColumn("window_end", "bigint", (c) => c.notNull())
    .addColumn("slots_compared", "integer", (c) => c.notNull())
    .addColumn("slots_waiting", "integer", (c) => c.notNull())
    .addColumn("slots_differing", "integer", (c) => c.notNull())
    .addColumn("agree", "integer")
    .addColumn("largest_difference", "double precision")
    .addColumn("differs_at", "bigint")
    .addColumn("bound", "double precision")
    .addColumn("unit", "text", (c) => c.notNull())
    .addColumn("spare_answers", "integer")
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("checked_at", "bigint", (c) => c.notNull())
    .execute();
  await schema.createIndex("he_checks_status").on("he_checks").column("status").execute();
}
