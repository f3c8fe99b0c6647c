/**
 * The schema of `utility.db`, built by Kysely so that another database can take it. A migration that was released is
 * never changed; a new one is added below it.
 */
import { type Kysely, type Migration, type MigrationProvider, sql } from "kysely";
import { balances } from "./balance-migration.ts";
import { bounds, learning, releases } from "./learning-migration.ts";
import { ledger } from "./ledger-migration.ts";
import { metersBySlot, opened } from "./opened-migration.ts";

/** PostgreSQL says `bytea`. */
const BYTES = sql`blob`;

const first: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    const { schema } = db;
    await schema
      .createTable("meta")
      .addColumn("key", "text", (c) => c.primaryKey())
      .addColumn("value", "text", (c) => c.notNull())
      .execute();
    await schema
      .createTable("roll")
      .addColumn("meter_id", "text", (c) => c.primaryKey())
      .addColumn("serial", "integer", (c) => c.notNull())
      .addColumn("certificate", BYTES, (c) => c.notNull())
      .execute();
    await schema
      .createTable("rounds")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("purpose", "text", (c) => c.notNull())
      .addColumn("feeder_id", "text", (c) => c.notNull())
      .addColumn("range_start", "bigint", (c) => c.notNull())
      .addColumn("range_end", "bigint", (c) => c.notNull())
      .addColumn("state", "text", (c) => c.notNull())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("reason", "text", (c) => c.notNull())
      .addColumn("sets", "integer", (c) => c.notNull())
      .addColumn("opened_at", "bigint", (c) => c.notNull())
      .addColumn("evidence", "text")
      .addColumn("set_id", BYTES)
      .addColumn("question", BYTES, (c) => c.notNull())
      .addColumn("content", BYTES)
      .addColumn("endorsements", BYTES, (c) => c.notNull())
      .addColumn("excluded", "text", (c) => c.notNull())
      .addColumn("held", BYTES, (c) => c.notNull())
      .execute();
    await schema
      .createIndex("rounds_by_feeder")
      .on("rounds")
      .columns(["feeder_id", "purpose", "range_start"])
      .execute();
    await schema.createIndex("rounds_by_state").on("rounds").column("state").execute();
    await schema
      .createTable("feeders")
      .addColumn("feeder_id", "text", (c) => c.primaryKey())
      .addColumn("load_to", "bigint", (c) => c.notNull())
      .addColumn("swept_to", "bigint", (c) => c.notNull())
      .addColumn("billed_to", "bigint", (c) => c.notNull())
      .execute();
    await schema
      .createTable("feeder_loads")
      .addColumn("feeder_id", "text", (c) => c.notNull())
      .addColumn("slot_start", "bigint", (c) => c.notNull())
      .addColumn("energy_wh", "bigint")
      .addColumn("export_wh", "bigint")
      .addColumn("meters", "integer", (c) => c.notNull())
      .addColumn("status", "text", (c) => c.notNull())
      .addColumn("spare_answers", "integer")
      .addColumn("round_id", "text")
      .addColumn("published", "integer", (c) => c.notNull().defaultTo(0))
      .addPrimaryKeyConstraint("feeder_loads_key", ["feeder_id", "slot_start"])
      .execute();
    await schema.createIndex("feeder_loads_published").on("feeder_loads").columns(["published", "status"]).execute();
    await createBilling(db);
  },
};

async function createBilling({ schema }: Pick<Kysely<never>, "schema">): Promise<void> {
  await schema
    .createTable("released_totals")
    .addColumn("round_id", "text", (c) => c.notNull())
    .addColumn("meter_id", "text", (c) => c.notNull())
    .addColumn("feeder_id", "text", (c) => c.notNull())
    .addColumn("period_start", "text", (c) => c.notNull())
    .addColumn("period_end", "text", (c) => c.notNull())
    .addColumn("source_start", "text", (c) => c.notNull())
    .addColumn("source_end", "text", (c) => c.notNull())
    .addColumn("row", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("cells", "integer", (c) => c.notNull())
    .addColumn("energy_wh", "bigint", (c) => c.notNull())
    .addColumn("spare_answers", "integer", (c) => c.notNull())
    .addPrimaryKeyConstraint("released_totals_key", ["meter_id", "period_start", "round_id", "source_start", "row"])
    .execute();
  await schema
    .createTable("feeder_periods")
    .addColumn("feeder_id", "text", (c) => c.notNull())
    .addColumn("period_start", "text", (c) => c.notNull())
    .addColumn("period_end", "text", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("round_id", "text")
    .addPrimaryKeyConstraint("feeder_periods_key", ["feeder_id", "period_start", "period_end"])
    .execute();
  await schema
    .createTable("bills")
    .addColumn("meter_id", "text", (c) => c.notNull())
    .addColumn("period_start", "text", (c) => c.notNull())
    .addColumn("period_end", "text", (c) => c.notNull())
    .addColumn("energy_wh", "bigint")
    .addColumn("amount_micro", "bigint")
    .addColumn("currency", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addColumn("spare_answers", "integer")
    .addColumn("gaps", "integer", (c) => c.notNull())
    .addColumn("catchup_wh", "bigint")
    .addColumn("export_wh", "bigint")
    .addColumn("tariff_id", "text", (c) => c.notNull())
    .addColumn("totals", "text")
    .addColumn("released_rows", "integer", (c) => c.notNull())
    .addColumn("issued_at", "bigint", (c) => c.notNull())
    .addColumn("sent", "integer", (c) => c.notNull().defaultTo(0))
    .addPrimaryKeyConstraint("bills_key", ["meter_id", "period_start", "period_end", "version"])
    .execute();
  await schema.createIndex("bills_sent").on("bills").columns(["sent", "status"]).execute();
  await schema
    .createTable("bill_totals")
    .addColumn("meter_id", "text", (c) => c.notNull())
    .addColumn("period_start", "text", (c) => c.notNull())
    .addColumn("period_end", "text", (c) => c.notNull())
    .addColumn("band", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("position", "integer", (c) => c.notNull())
    .addColumn("energy_wh", "bigint", (c) => c.notNull())
    .addColumn("amount_micro", "bigint", (c) => c.notNull())
    .addColumn("currency", "text", (c) => c.notNull())
    .addColumn("version", "integer", (c) => c.notNull())
    .addColumn("status", "text", (c) => c.notNull())
    .addPrimaryKeyConstraint("bill_totals_key", ["meter_id", "period_start", "period_end", "version", "band"])
    .execute();
  await schema
    .createTable("gaps")
    .addColumn("meter_id", "text", (c) => c.notNull())
    .addColumn("period_start", "text", (c) => c.notNull())
    .addColumn("period_end", "text", (c) => c.notNull())
    .addColumn("feeder_id", "text", (c) => c.notNull())
    .addColumn("kind", "text", (c) => c.notNull())
    .addColumn("slot_start", "bigint", (c) => c.notNull())
    .addColumn("slot_end", "bigint", (c) => c.notNull())
    .addColumn("slots", "integer", (c) => c.notNull())
    .addColumn("reason", "text", (c) => c.notNull())
    .addColumn("billed_period_start", "text")
    .addPrimaryKeyConstraint("gaps_key", ["meter_id", "feeder_id", "kind", "slot_start"])
    .execute();
  await schema
    .createTable("tariffs")
    .addColumn("id", "text", (c) => c.primaryKey())
    .addColumn("source", "text", (c) => c.notNull())
    .addColumn("yaml", "text", (c) => c.notNull())
    .execute();
}

const views: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const name of ["bills", "bill_totals"] as const) await createCurrent(db, name);
  },
};

async function createCurrent(db: Kysely<never>, name: "bills" | "bill_totals"): Promise<void> {
  const tables = db as unknown as Kysely<{ bills: { status: string }; bill_totals: { status: string } }>;
  const query = tables.selectFrom(name).selectAll().where("status", "!=", "superseded");
  await db.schema.createView(`current_${name}`).as(query).execute();
}

const seen: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable("customers")
      .addColumn("meter_id", "text", (c) => c.primaryKey())
      .addColumn("public_key", BYTES, (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("meters_seen")
      .addColumn("meter_id", "text", (c) => c.primaryKey())
      .addColumn("challenge", "text", (c) => c.notNull())
      .addColumn("seen_at", "bigint", (c) => c.notNull())
      .execute();
  },
};

/** A month of loads that wait to be published must not be sorted again for every few hundred of them. */
const unpublished: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.dropIndex("feeder_loads_published").execute();
    const columns = ["published", "status", "slot_start"];
    await db.schema.createIndex("feeder_loads_unpublished").on("feeder_loads").columns(columns).execute();
  },
};

const detections: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable("detections")
      .addColumn("round_id", "text", (c) => c.notNull())
      .addColumn("aggregator", "integer", (c) => c.notNull())
      .addColumn("code", "text", (c) => c.notNull())
      .addColumn("verdict", "text", (c) => c.notNull())
      .addColumn("detail", "text", (c) => c.notNull())
      .addColumn("detected_at", "bigint", (c) => c.notNull())
      .addColumn("answers", BYTES, (c) => c.notNull())
      .addPrimaryKeyConstraint("detections_key", ["round_id", "aggregator", "code"])
      .execute();
  },
};

const shareTests: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable("rounds").addColumn("tested", BYTES).execute();
    await db.schema.alterTable("rounds").addColumn("untested_meters", "integer").execute();
  },
};

const rangeProofs: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    for (const column of ["proved_meters", "unproved_meters"]) {
      await db.schema.alterTable("rounds").addColumn(column, "integer").execute();
    }
    for (const table of ["released_totals", "bills"]) {
      await db.schema.alterTable(table).addColumn("range_proof", "text").execute();
    }
    // PostgreSQL has expanded the view's columns when it was made.
    await db.schema.dropView("current_bills").execute();
    await createCurrent(db, "bills");
  },
};

const periodTariffs: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema
      .createTable("period_tariffs")
      .addColumn("period_start", "text", (c) => c.notNull())
      .addColumn("period_end", "text", (c) => c.notNull())
      .addColumn("common", "text", (c) => c.notNull())
      .addColumn("own", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("period_tariffs_key", ["period_start", "period_end"])
      .execute();
  },
};

/** All migrations by name, in the order in which they apply. */
export const migrations: MigrationProvider = {
  getMigrations: () =>
    Promise.resolve({
      "001-tables": first,
      "002-views": views,
      "003-seen": seen,
      "004-unpublished": unpublished,
      "005-opened": opened,
      "006-meters-by-slot": metersBySlot,
      "007-ledger": ledger,
      "008-detections": detections,
      "009-share-tests": shareTests,
      "010-balances": balances,
      "011-range-proofs": rangeProofs,
      "012-learning": learning,
      "013-bounds": bounds,
      "014-releases": releases,
      "015-period-tariffs": periodTariffs,
    }),
};
