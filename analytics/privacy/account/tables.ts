/** The tables of `privacy.db`: what was released about whom, and what it cost. Vectors are JSON arrays over the orders. */
import { type Kysely, type Migration, type MigrationProvider, sql } from "kysely";

export interface AccountTables {
  /** `terms`: budget and orders, fixed when the account is opened for the first time. */
  account_meta: { key: string; value: string };
  releases: {
    id: string;
    kind: string;
    /** JSON: how the noise was made, for people and for the log. */
    mechanism: string;
    /** Null for an exact release: it is not covered. */
    rdp: string | null;
    /** What is to be released, noise and all: a release that is tried again must not draw new noise. */
    payload: Uint8Array | null;
    spent_at: number;
    released_at: number | null;
  };
  charges: { release_id: string; household: string };
  totals: { household: string; rdp: string };
}

/** PostgreSQL says `bytea`. */
const BYTES = sql`blob`;

const first: Migration = {
  async up({ schema }: Pick<Kysely<never>, "schema">): Promise<void> {
    await schema
      .createTable("account_meta")
      .addColumn("key", "text", (c) => c.primaryKey())
      .addColumn("value", "text", (c) => c.notNull())
      .execute();
    await schema
      .createTable("releases")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("kind", "text", (c) => c.notNull())
      .addColumn("mechanism", "text", (c) => c.notNull())
      .addColumn("rdp", "text")
      .addColumn("payload", BYTES)
      .addColumn("spent_at", "bigint", (c) => c.notNull())
      .addColumn("released_at", "bigint")
      .execute();
    await schema
      .createTable("charges")
      .addColumn("release_id", "text", (c) => c.notNull().references("releases.id"))
      .addColumn("household", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("charges_key", ["household", "release_id"])
      .execute();
    await schema.createIndex("charges_by_release").on("charges").column("release_id").execute();
    await schema
      .createTable("totals")
      .addColumn("household", "text", (c) => c.primaryKey())
      .addColumn("rdp", "text", (c) => c.notNull())
      .execute();
  },
};

/** A migration that was released is never changed; a new one is added below it. */
export const migrations: MigrationProvider = {
  getMigrations: () => Promise.resolve({ "001-account": first }),
};
