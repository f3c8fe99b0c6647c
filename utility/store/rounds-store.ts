/** Rounds in the database: one row each, replaced as a whole when the state changes. */
import type { Kysely } from "kysely";
import { countMembers } from "../../protocol/bitmap.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import type { Purpose, Question, SetContent } from "../../protocol/messages/round.ts";
import type { Detection } from "../rounds/detections.ts";
import type { Excluded, HeldCells, RoundRecord, RoundState } from "../rounds/record.ts";
import type { Tested } from "../rounds/tested.ts";
import type { DetectionsTable, RoundsTable, UtilityTables } from "./tables.ts";

/** A database or a transaction on it. */
export type Queries = Kysely<UtilityTables>;

export async function saveRound(db: Queries, record: RoundRecord, slotSeconds: number): Promise<void> {
  // A vector is of no slots.
  const [from, to] = (record.question.purpose === "vector" ? undefined : record.question.segments[0]) ?? [0, 0];
  const row: RoundsTable = {
    id: record.id,
    purpose: record.question.purpose,
    feeder_id: record.question.feeder,
    range_start: from * slotSeconds,
    range_end: to * slotSeconds,
    state: record.state,
    status: record.status,
    reason: record.reason,
    sets: record.sets,
    opened_at: Math.floor(record.openedAt),
    evidence: record.evidence ?? null,
    set_id: record.setId ?? null,
    question: encodeCbor(record.question),
    content: record.content ?? null,
    endorsements: encodeCbor([...record.endorsements]),
    excluded: JSON.stringify(record.excluded),
    held: encodeCbor([...record.held]),
    tested: record.tested === undefined ? null : encodeCbor(record.tested),
    untested_meters: record.tested?.untested ?? null,
    proved_meters: record.tested?.proof === undefined ? null : countMembers(record.tested.proof.proved),
    unproved_meters: record.tested?.proof?.unproved ?? null,
  };
  const { id, question, purpose, feeder_id, range_start, range_end, opened_at, ...changing } = row;
  await db
    .insertInto("rounds")
    .values(row)
    .onConflict((conflict) => conflict.column("id").doUpdateSet(changing))
    .execute();
}

/** Keeps what a round found out about aggregators, of one code the first that proves it, and returns the rows. */
export async function saveDetections(
  db: Queries,
  round: string,
  detections: readonly Detection[],
  time: number,
): Promise<DetectionsTable[]> {
  const first = new Map(detections.toReversed().map((one) => [`${one.aggregator} ${one.code}`, one]));
  const rows = [...first.values()].map(({ aggregator, code, verdict, detail, answers }) => ({
    ...{ round_id: round, aggregator, code, verdict, detail, detected_at: Math.floor(time) },
    answers: encodeCbor([...answers]),
  }));
  if (rows.length > 0) await db.insertInto("detections").values(rows).execute();
  return rows;
}

function recordOf(row: RoundsTable): RoundRecord {
  return {
    id: row.id,
    // Our own encoding from our own store.
    question: decodeCbor(row.question) as Question,
    openedAt: row.opened_at,
    state: row.state as RoundState,
    status: row.status,
    reason: row.reason,
    content: row.content ?? undefined,
    setId: row.set_id ?? undefined,
    tested: row.tested === null ? undefined : (decodeCbor(row.tested) as Tested),
    sets: row.sets,
    endorsements: decodeCbor(row.endorsements) as Uint8Array[],
    excluded: JSON.parse(row.excluded) as Excluded[],
    held: decodeCbor(row.held) as HeldCells[],
    evidence: row.evidence ?? undefined,
  };
}

/** Rounds that are not settled, oldest first: what a restart goes on with. */
export async function openRounds(db: Queries): Promise<RoundRecord[]> {
  const rows = await db
    .selectFrom("rounds")
    .selectAll()
    .where("state", "in", ["opened", "fixed", "endorsed"])
    .orderBy("opened_at")
    .orderBy("id")
    .execute();
  return rows.map(recordOf);
}

/** The sets of a feeder that were endorsed and touch [from, to) slots: their cells count as released. */
export async function releasedSets(
  db: Queries,
  purpose: Purpose,
  feeder: string,
  range: { readonly from: number; readonly to: number },
  slotSeconds: number,
): Promise<SetContent[]> {
  let query = db
    .selectFrom("rounds")
    .select(["content", "endorsements"])
    .where("feeder_id", "=", feeder)
    .where("purpose", "=", purpose)
    .where("content", "is not", null)
    .where("state", "in", ["endorsed", "finished", "failed"])
    .where("range_end", ">", range.from * slotSeconds);
  // A bill's first segment is its own period; its late cells are of earlier ones, so later rounds count as well.
  if (purpose === "load") query = query.where("range_start", "<", range.to * slotSeconds);
  const rows = await query.execute();
  return rows.flatMap(({ content, endorsements }) =>
    content === null || (decodeCbor(endorsements) as unknown[]).length === 0 ? [] : [decodeCbor(content) as SetContent],
  );
}

/** How many rounds there are in each state and status. */
export async function countRounds(db: Queries): Promise<{ purpose: string; status: string; count: number }[]> {
  return await db
    .selectFrom("rounds")
    .select(({ fn }) => ["purpose" as const, "status" as const, fn.countAll<number>().as("count")])
    .groupBy(["purpose", "status"])
    .execute();
}

/** A serial for new round ids: never given twice. */
export async function nextSerial(db: Queries): Promise<number> {
  const row = await db.selectFrom("meta").select("value").where("key", "=", "round_serial").executeTakeFirst();
  const serial = Number(row?.value ?? "0") + 1;
  await putMeta(db, "round_serial", String(serial));
  return serial;
}

export async function putMeta(db: Queries, key: string, value: string): Promise<void> {
  await db
    .insertInto("meta")
    .values({ key, value })
    .onConflict((conflict) => conflict.column("key").doUpdateSet({ value }))
    .execute();
}

export async function getMeta(db: Queries, key: string): Promise<string | undefined> {
  const row = await db.selectFrom("meta").select("value").where("key", "=", key).executeTakeFirst();
  return row?.value;
}
