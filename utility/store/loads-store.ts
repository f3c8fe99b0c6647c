/** Feeder loads in the database, and which of them still have to be published. */
import type { FeederLoadsTable } from "./tables.ts";
import { INSERT_ROWS } from "./open.ts";
import type { Queries } from "./rounds-store.ts";

export type LoadRow = Omit<FeederLoadsTable, "published"> & { readonly published?: number };

/** Writes slots; a slot that was released already is never replaced. */
export async function saveLoads(db: Queries, rows: readonly LoadRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += INSERT_ROWS) {
    await db
      .insertInto("feeder_loads")
      .values(rows.slice(from, from + INSERT_ROWS).map((row) => ({ published: 0, ...row })))
      .onConflict((conflict) =>
        conflict
          .columns(["feeder_id", "slot_start"])
          .doUpdateSet((builder) => ({
            energy_wh: builder.ref("excluded.energy_wh"),
            export_wh: builder.ref("excluded.export_wh"),
            meters: builder.ref("excluded.meters"),
            status: builder.ref("excluded.status"),
            spare_answers: builder.ref("excluded.spare_answers"),
            round_id: builder.ref("excluded.round_id"),
            published: builder.ref("excluded.published"),
          }))
          .where("feeder_loads.status", "!=", "final"),
      )
      .execute();
  }
}

/** Slots of [from, to) Unix seconds that are not final though they were asked for, first and last; undefined if none. */
export async function unreleasedRange(
  db: Queries,
  feeder: string,
  from: number,
  to: number,
): Promise<{ first: number; last: number } | undefined> {
  const row = await db
    .selectFrom("feeder_loads")
    .select(({ fn }) => [
      fn.min<number | null>("slot_start").as("first"),
      fn.max<number | null>("slot_start").as("last"),
    ])
    .where("feeder_id", "=", feeder)
    .where("slot_start", ">=", from)
    .where("slot_start", "<", to)
    .where("status", "=", "too-few-meters")
    .executeTakeFirst();
  const { first, last } = row ?? { first: null, last: null };
  return first === null || last === null ? undefined : { first, last };
}

/** Final loads that were not published yet, oldest first. */
export async function unpublishedLoads(db: Queries, limit: number): Promise<FeederLoadsRow[]> {
  return await db
    .selectFrom("feeder_loads")
    .selectAll()
    .where("status", "=", "final")
    .where("published", "=", 0)
    .orderBy("slot_start")
    .limit(limit)
    .execute();
}

export type FeederLoadsRow = Omit<FeederLoadsTable, "published"> & { readonly published: number };

export async function markPublished(db: Queries, feeder: string, slotStarts: readonly number[]): Promise<void> {
  if (slotStarts.length === 0) return;
  await db
    .updateTable("feeder_loads")
    .set({ published: 1 })
    .where("feeder_id", "=", feeder)
    .where("slot_start", "in", [...slotStarts])
    .execute();
}
