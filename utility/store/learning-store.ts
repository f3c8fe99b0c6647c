/** Learning rounds in the database: as announced, and what came of them. */
import type { RoundContent } from "../../protocol/learning/content.ts";
import type { ModelRoundsTable } from "./learning-tables.ts";
import type { Queries } from "./rounds-store.ts";

export type ModelRound = Omit<ModelRoundsTable, "published">;
/** What is remembered of how homes' numbers became elements. */
export type ModelShape = Pick<RoundContent, "vector" | "noise" | "bound" | "minMeters" | "maxMeters">;

/** Rounds that are not settled yet. */
const OPEN = ["announced", "asked"];

export function shapeOf(row: Pick<ModelRound, "shape" | "min_meters" | "max_meters">): ModelShape {
  // Our own encoding of what was checked when it was announced.
  const shape = JSON.parse(row.shape) as Pick<RoundContent, "vector" | "noise" | "bound">;
  return { ...shape, minMeters: row.min_meters, maxMeters: row.max_meters };
}

export async function addModelRound(db: Queries, row: ModelRound): Promise<void> {
  await db
    .insertInto("model_rounds")
    .values(row)
    .onConflict((conflict) => conflict.column("round").doNothing())
    .execute();
}

export async function modelRound(db: Queries, round: string): Promise<ModelRound | undefined> {
  return await db.selectFrom("model_rounds").selectAll().where("round", "=", round).executeTakeFirst();
}

/** Those that are announced or asked about. */
export async function openModelRounds(db: Queries): Promise<ModelRound[]> {
  return await db.selectFrom("model_rounds").selectAll().where("status", "in", OPEN).orderBy("closes_at").execute();
}

/** Rounds that have closed and were not asked about, oldest first. */
export async function dueModelRounds(db: Queries, time: number): Promise<ModelRound[]> {
  return await db
    .selectFrom("model_rounds")
    .selectAll()
    .where("status", "=", "announced")
    .where("closes_at", "<=", time)
    .orderBy("closes_at")
    .orderBy("round")
    .execute();
}

/** What homes shared in rounds whose sum was opened. */
export async function finalModelRounds(
  db: Queries,
): Promise<Pick<ModelRound, "shape" | "min_meters" | "max_meters">[]> {
  return await db
    .selectFrom("model_rounds")
    .select(["shape", "min_meters", "max_meters"])
    .where("status", "=", "final")
    .execute();
}

export async function updateModelRound(
  db: Queries,
  round: string,
  changed: Partial<ModelRound> & { readonly published?: number },
): Promise<void> {
  await db.updateTable("model_rounds").set(changed).where("round", "=", round).execute();
}

/** Settled rounds whose result waits to be published, oldest first. */
export async function unpublishedModelRounds(db: Queries, limit: number): Promise<ModelRound[]> {
  return await db
    .selectFrom("model_rounds")
    .selectAll()
    .where("published", "=", 0)
    .where("status", "not in", OPEN)
    .orderBy("settled_at")
    .limit(limit)
    .execute();
}

/** The newest result of each campaign is published again: whoever waited for it may have missed it. */
export async function publishNewestAgain(db: Queries): Promise<void> {
  const newest = await db
    .selectFrom("model_rounds")
    .select(({ fn }) => ["campaign" as const, fn.max("closes_at").as("closes_at")])
    .where("status", "not in", OPEN)
    .groupBy("campaign")
    .execute();
  for (const { campaign, closes_at: closesAt } of newest) {
    await db
      .updateTable("model_rounds")
      .set({ published: 0 })
      .where("campaign", "=", campaign)
      .where("closes_at", "=", closesAt)
      .execute();
  }
}
