/** What the utility made of the meters at the heads of feeders: balances that were opened, and its alerts. */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import type { FleetPlan } from "./fleet-plan.ts";

export interface BalanceAlertRow {
  readonly feeder: string;
  readonly kind: string;
  /** Unix seconds: since when, and when it was seen. */
  readonly since: number;
  readonly detectedAt: number;
  readonly powerW: number | null;
}

export interface BalanceSummary {
  /** Slots of feeders whose balance was opened, of so many. */
  readonly final: number;
  readonly slots: number;
  /** Means of the run over all feeders: load, computed loss, and what neither explains. */
  readonly loadW: number;
  readonly lossW: number;
  readonly residualW: number;
  readonly alerts: readonly BalanceAlertRow[];
}

/** How many slots have been asked for. */
export function countBalances(database: SqlDatabase, { range, source }: Pick<FleetPlan, "range" | "source">): number {
  const row = database
    .prepare<[number, number], { count: number }>(
      "SELECT count(*) AS count FROM feeder_balances WHERE slot_start >= ? AND slot_start < ?",
    )
    .get(range.from * source.slotSeconds, range.to * source.slotSeconds);
  return row?.count ?? 0;
}

/** Undefined where no feeder has a head. */
export function readBalances(database: SqlDatabase, { range, source, heads }: FleetPlan): BalanceSummary | undefined {
  if (heads.length === 0) return undefined;
  const { slotSeconds } = source;
  const row = database
    .prepare<[number, number], { final: number; load: number | null; loss: number | null; residual: number | null }>(
      `SELECT count(*) AS final, avg(import_wh - coalesce(export_wh, 0)) AS load, avg(loss_wh) AS loss,
       avg(residual_wh) AS residual FROM feeder_balances WHERE status = 'final' AND slot_start >= ? AND slot_start < ?`,
    )
    .get(range.from * slotSeconds, range.to * slotSeconds);
  const alerts = database
    .prepare<[number, number], BalanceAlertRow>(
      `SELECT feeder_id AS feeder, kind, since, detected_at AS detectedAt, size_w AS powerW FROM balance_alerts
       WHERE detected_at > ? AND detected_at <= ? ORDER BY detected_at, feeder_id`,
    )
    .all(range.from * slotSeconds, range.to * slotSeconds);
  const watts = (wh: number | null | undefined): number => Math.round(((wh ?? 0) * 3_600) / slotSeconds);
  return {
    final: row?.final ?? 0,
    slots: heads.length * (range.to - range.from),
    loadW: watts(row?.load),
    lossW: watts(row?.loss),
    residualW: watts(row?.residual),
    alerts,
  };
}

/** Rows of the table that people read. */
export function describeBalances(balances: BalanceSummary, timezone: string): [string, string][] {
  const { final, slots, loadW, lossW, residualW, alerts } = balances;
  const time = (seconds: number): string =>
    new Date(seconds * 1_000).toLocaleString("sv-SE", { timeZone: timezone }).slice(0, 16);
  const shown = alerts.slice(0, 5).map(({ feeder, kind, since, detectedAt, powerW }) => {
    const size = powerW === null ? "" : ` of ${powerW} W`;
    return `${feeder}: ${kind}${size} since ${time(since)}, seen ${time(detectedAt)}`;
  });
  const more = alerts.length > shown.length ? [`and ${alerts.length - shown.length} more`] : [];
  return [
    [
      "feeder balances",
      `${final} of ${slots}; load ${loadW} W, loss ${lossW} W, unexplained ${residualW} W (heads are simulated)`,
    ],
    ["balance alerts", alerts.length === 0 ? "none" : [...shown, ...more].join("\n")],
  ];
}
