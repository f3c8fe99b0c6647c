/** Feeder balances, alerts and the detectors' memory in the database. */
import { type DetectorState, NEW_DETECTOR } from "../balance/detector.ts";
import type { BalanceAlertsTable, FeederBalancesTable } from "./balance-tables.ts";
import { INSERT_ROWS } from "./open.ts";
import type { Queries } from "./rounds-store.ts";

export type AlertRow = Omit<BalanceAlertsTable, "published">;

/** Up to which slot the balances of each feeder were asked for. */
export async function askedBalances(db: Queries): Promise<Map<string, number>> {
  const rows = await db.selectFrom("balance_watch").select(["feeder_id", "asked_to"]).execute();
  return new Map(rows.map((row) => [row.feeder_id, row.asked_to]));
}

export async function saveAskedBalances(db: Queries, feeder: string, askedTo: number): Promise<void> {
  await db
    .insertInto("balance_watch")
    .values({ feeder_id: feeder, asked_to: askedTo, state: null })
    .onConflict((conflict) => conflict.column("feeder_id").doUpdateSet({ asked_to: askedTo }))
    .execute();
}

export async function detectorOf(db: Queries, feeder: string): Promise<DetectorState> {
  const row = await db.selectFrom("balance_watch").select("state").where("feeder_id", "=", feeder).executeTakeFirst();
  // Our own encoding from our own store.
  return row?.state === undefined || row.state === null ? NEW_DETECTOR : (JSON.parse(row.state) as DetectorState);
}

/** Rows of slots that were judged, what the detector remembers after them, and what it found. */
export async function saveBalances(
  db: Queries,
  feeder: string,
  rows: readonly FeederBalancesTable[],
  state: DetectorState,
  alerts: readonly AlertRow[],
): Promise<void> {
  for (let from = 0; from < rows.length; from += INSERT_ROWS) {
    await db
      .insertInto("feeder_balances")
      .values(rows.slice(from, from + INSERT_ROWS))
      .execute();
  }
  await db
    .updateTable("balance_watch")
    .set({ state: JSON.stringify(state) })
    .where("feeder_id", "=", feeder)
    .execute();
  if (alerts.length > 0)
    await db
      .insertInto("balance_alerts")
      .values([...alerts])
      .execute();
}

export async function unpublishedAlerts(db: Queries, limit: number): Promise<AlertRow[]> {
  return await db
    .selectFrom("balance_alerts")
    .selectAll()
    .where("published", "=", 0)
    .orderBy("detected_at")
    .limit(limit)
    .execute();
}

export async function markAlertPublished(db: Queries, { feeder_id, kind, detected_at }: AlertRow): Promise<void> {
  await db
    .updateTable("balance_alerts")
    .set({ published: 1 })
    .where("feeder_id", "=", feeder_id)
    .where("kind", "=", kind)
    .where("detected_at", "=", detected_at)
    .execute();
}
