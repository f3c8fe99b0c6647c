/** Alerts, silences and what was done with them: `<data>/api/alerts.db`. What is open goes on after a restart. */
import { guardStorage } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../../config/runtime/store.ts";
import type { Severity } from "./rule.ts";
import type { SignalName } from "./signals.ts";

export const STATES = ["pending", "firing", "acknowledged", "silenced", "resolved"] as const;
/**
 * `pending`: beyond its limit, not yet for long enough; `firing`; `acknowledged`: somebody has seen to it; `silenced`: nobody is
 * told until a time; `resolved`.
 */
export type AlertState = (typeof STATES)[number];

export const CHANGES = ["fired", "acknowledged", "silenced", "unsilenced", "resolved"] as const;
export type AlertChangeName = (typeof CHANGES)[number];

/** Times are Unix seconds; those of what was measured may be simulated, all others are the wall clock's. */
export interface AlertRow {
  readonly id: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly signal: SignalName;
  readonly element: string;
  readonly text: string;
  readonly unit: string;
  /** Anyone may be told. */
  readonly public: boolean;
  /** Of the first measurement beyond the limit, and of the one that was back. */
  readonly since: number;
  readonly until: number | null;
  readonly value: number;
  /** Furthest beyond the limit. */
  readonly worst: number;
  /** What was said then: of one that is over it is what there is to say. */
  readonly worstText: string;
  readonly beganAt: number;
  readonly firedAt: number | null;
  readonly acknowledgedAt: number | null;
  readonly acknowledgedBy: string | null;
  readonly resolvedAt: number | null;
  /** Receivers were told that it fires. */
  readonly notified: boolean;
}

export interface Alert extends AlertRow {
  readonly state: AlertState;
  readonly silencedUntil: number | null;
  readonly silencedBy: string | null;
}

export interface AlertHistoryRow {
  readonly at: number;
  readonly change: AlertChangeName;
  readonly account: string | null;
  readonly comment: string;
}

/** Of an element under a rule, also of alerts that fire again meanwhile. */
export interface Silence {
  readonly until: number;
  readonly by: string;
}

export interface AlertFilter {
  /** `open`: all that fire or have fired, and are not over. */
  readonly state?: AlertState | "open" | undefined;
  readonly severity?: Severity | undefined;
  readonly rule?: string | undefined;
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** The last row of the page before. */
  readonly after?: readonly [beganAt: number, id: string] | undefined;
  readonly limit: number;
}

export const ALERT_TABLES = [
  `CREATE TABLE alerts (
     id TEXT PRIMARY KEY, rule TEXT NOT NULL, severity TEXT NOT NULL, signal TEXT NOT NULL, element TEXT NOT NULL,
     text TEXT NOT NULL, unit TEXT NOT NULL, public INTEGER NOT NULL, since REAL NOT NULL, until REAL, value REAL NOT NULL,
     worst REAL NOT NULL, began_at INTEGER NOT NULL, fired_at INTEGER, acknowledged_at INTEGER, acknowledged_by TEXT,
     resolved_at INTEGER, notified INTEGER NOT NULL DEFAULT 0
   ) STRICT;
   CREATE UNIQUE INDEX alerts_open ON alerts (rule, element) WHERE resolved_at IS NULL;
   CREATE INDEX alerts_time ON alerts (began_at DESC, id);
   CREATE TABLE silences (
     rule TEXT NOT NULL, element TEXT NOT NULL, until INTEGER NOT NULL, by TEXT NOT NULL, PRIMARY KEY (rule, element)
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE alert_changes (
     id INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL REFERENCES alerts (id) ON DELETE CASCADE, at INTEGER NOT NULL,
     change TEXT NOT NULL, account TEXT, comment TEXT NOT NULL
   ) STRICT;
   CREATE INDEX alert_changes_alert ON alert_changes (alert);`,
  `ALTER TABLE alerts ADD COLUMN worst_text TEXT NOT NULL DEFAULT '';
   UPDATE alerts SET worst_text = text;`,
];

const COLUMNS = `a.id, a.rule, a.severity, a.signal, a.element, a.text, a.unit, a.public, a.since, a.until, a.value, a.worst,
  a.worst_text AS worstText, a.began_at AS beganAt, a.fired_at AS firedAt, a.acknowledged_at AS acknowledgedAt, a.acknowledged_by AS acknowledgedBy,
  a.resolved_at AS resolvedAt, a.notified`;
/** `@now`: a silence that has ended is none. */
const STATE = `CASE WHEN a.resolved_at IS NOT NULL THEN 'resolved' WHEN a.fired_at IS NULL THEN 'pending'
  WHEN s.until IS NOT NULL THEN 'silenced' WHEN a.acknowledged_at IS NOT NULL THEN 'acknowledged' ELSE 'firing' END`;
const FROM = `FROM alerts a LEFT JOIN silences s ON s.rule = a.rule AND s.element = a.element AND s.until > @now`;
const SELECT = `SELECT ${COLUMNS}, ${STATE} AS state, s.until AS silencedUntil, s.by AS silencedBy ${FROM}`;

type RawAlert = Omit<Alert, "public" | "notified"> & { readonly public: number; readonly notified: number };

export class AlertStore {
  readonly #db: SqlDatabase;

  private constructor(db: SqlDatabase) {
    this.#db = db;
  }

  /** One process keeps it open. Throws StorageError. */
  static open(place: string): AlertStore {
    const db = openStore(place, { synchronous: "FULL", alone: true });
    migrateStore(db, ALERT_TABLES);
    return new AlertStore(db);
  }

  close(): void {
    this.#db.close();
  }

  /** All of the work or none of it; one write for many changes. */
  transaction<T>(work: () => T): T {
    return guardStorage(this.#db, () => this.#db.transaction(work).immediate());
  }

  insert(row: AlertRow): void {
    this.#run(
      `INSERT INTO alerts (id, rule, severity, signal, element, text, unit, public, since, until, value, worst, worst_text, began_at,
         fired_at, acknowledged_at, acknowledged_by, resolved_at, notified)
       VALUES (@id, @rule, @severity, @signal, @element, @text, @unit, @public, @since, @until, @value, @worst, @worstText, @beganAt,
         @firedAt, @acknowledgedAt, @acknowledgedBy, @resolvedAt, @notified)`,
      bound(row),
    );
  }

  update(row: AlertRow): void {
    this.#run(
      `UPDATE alerts SET text = @text, since = @since, until = @until, value = @value, worst = @worst, worst_text = @worstText, fired_at = @firedAt,
         acknowledged_at = @acknowledgedAt, acknowledged_by = @acknowledgedBy, resolved_at = @resolvedAt, notified = @notified
       WHERE id = @id`,
      bound(row),
    );
  }

  /** For one that was never more than pending. */
  remove(id: string): void {
    this.#run("DELETE FROM alerts WHERE id = @id", { id });
  }

  /** All that is not resolved. */
  open(now: number): Alert[] {
    return this.#alerts(`${SELECT} WHERE a.resolved_at IS NULL`, { now: Math.floor(now) });
  }

  find(id: string, now: number): Alert | undefined {
    return this.#alerts(`${SELECT} WHERE a.id = @id`, { id, now: Math.floor(now) })[0];
  }

  /** Newest first. */
  list({ state, severity, rule, from, to, after, limit }: AlertFilter, now: number): Alert[] {
    const [afterAt, afterId] = after ?? [];
    const where = [
      ...(state === "open" ? ["a.resolved_at IS NULL AND a.fired_at IS NOT NULL"] : []),
      ...(state === undefined || state === "open" ? [] : [`${STATE} = @state`]),
      ...(severity === undefined ? [] : ["a.severity = @severity"]),
      ...(rule === undefined ? [] : ["a.rule = @rule"]),
      ...(from === undefined ? [] : ["a.began_at >= @from"]),
      ...(to === undefined ? [] : ["a.began_at < @to"]),
      ...(after === undefined ? [] : ["(a.began_at < @afterAt OR (a.began_at = @afterAt AND a.id > @afterId))"]),
    ];
    const condition = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
    const values = { state, severity, rule, from, to, afterAt, afterId, limit, now: Math.floor(now) };
    return this.#alerts(`${SELECT} ${condition} ORDER BY a.began_at DESC, a.id LIMIT @limit`, values);
  }

  count(now: number): Partial<Record<AlertState, number>> {
    const rows = this.#all<{ state: AlertState; n: number }>(
      `SELECT ${STATE} AS state, count(*) AS n ${FROM} GROUP BY 1`,
      {
        now: Math.floor(now),
      },
    );
    return Object.fromEntries(rows.map(({ state, n }) => [state, n]));
  }

  silence(rule: string, element: string, { until, by }: Silence): void {
    this.#run(
      `INSERT INTO silences (rule, element, until, by) VALUES (@rule, @element, @until, @by)
       ON CONFLICT (rule, element) DO UPDATE SET until = excluded.until, by = excluded.by`,
      { rule, element, until, by },
    );
  }

  /** False where there was none. */
  unsilence(rule: string, element: string): boolean {
    return this.#run("DELETE FROM silences WHERE rule = @rule AND element = @element", { rule, element }).changes > 0;
  }

  /** Takes those out that have ended, and returns them. */
  endedSilences(now: number): { readonly rule: string; readonly element: string }[] {
    return this.#all("DELETE FROM silences WHERE until <= @now RETURNING rule, element", { now: Math.floor(now) });
  }

  note(alert: string, { at, change, account, comment }: AlertHistoryRow): void {
    this.#run(
      "INSERT INTO alert_changes (alert, at, change, account, comment) VALUES (@alert, @at, @change, @account, @comment)",
      { alert, at, change, account, comment },
    );
  }

  history(alert: string): AlertHistoryRow[] {
    return this.#all("SELECT at, change, account, comment FROM alert_changes WHERE alert = @alert ORDER BY id", {
      alert,
    });
  }

  /** Forgets what was resolved before a time. */
  forget(before: number): void {
    this.#run("DELETE FROM alerts WHERE resolved_at < @before", { before: Math.ceil(before) });
  }

  #alerts(sql: string, values: object): Alert[] {
    return this.#all<RawAlert>(sql, values).map((row) => ({
      ...row,
      public: row.public !== 0,
      notified: row.notified !== 0,
    }));
  }

  #run(sql: string, values: object): { changes: number } {
    return guardStorage(this.#db, () => this.#db.prepare(sql).run(values));
  }

  #all<T>(sql: string, values: object): T[] {
    return guardStorage(this.#db, () => this.#db.prepare<[object], T>(sql).all(values));
  }
}

/** SQLite has no booleans, and binds no names that the statement lacks the value of. */
function bound(row: AlertRow): object {
  return { ...row, public: Number(row.public), notified: Number(row.notified) };
}
