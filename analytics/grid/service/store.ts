/**
 * What is remembered of a grid in operation: losses, efficiency and proposals scan by scan, and released loads of feeders,
 * from which forecasts learn and with which operation goes on after a restart. Old rows are forgotten.
 */
import { guardStorage } from "../../../config/runtime/database.ts";
import type { SqlDatabase } from "../../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../../config/runtime/store.ts";
import type { GridHistoryRow, GridRequestOf, GridState } from "../../../protocol/grid/index.ts";
import { DAY_SECONDS } from "../../settings.ts";

export const GRID_TABLES = [
  `CREATE TABLE history (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     time REAL NOT NULL,
     -- Wall clock: what is kept is counted by it, for simulated time may be of any year.
     stored_at REAL NOT NULL,
     grid TEXT NOT NULL,
     row TEXT NOT NULL
   ) STRICT;
   CREATE INDEX history_by_time ON history (grid, time, id);
   CREATE INDEX history_by_age ON history (stored_at);
   CREATE TABLE feeder_loads (
     feeder TEXT NOT NULL,
     slot_start INTEGER NOT NULL,
     -- Import alone, as forecasts are made of it; and less what was fed back.
     energy_wh REAL NOT NULL,
     net_wh REAL NOT NULL,
     stored_at REAL NOT NULL,
     PRIMARY KEY (feeder, slot_start)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX feeder_loads_by_age ON feeder_loads (stored_at);`,
];

export interface StoredLoad {
  readonly feeder: string;
  readonly slotStart: number;
  /** Import. */
  readonly energyWh: number;
  /** Import less export. */
  readonly netWh: number;
}

const THINNED_SECONDS = 900;

export class GridStore {
  readonly #db: SqlDatabase;
  readonly #grid: string;
  readonly #statements;

  /** `grid`: histories of different grids are kept apart. Throws StorageError, `locked` while another process operates. */
  constructor(place: string, grid: string) {
    const db = openStore(place, { synchronous: "NORMAL", alone: true });
    migrateStore(db, GRID_TABLES);
    this.#db = db;
    this.#grid = grid;
    this.#statements = {
      add: db.prepare<[number, number, string, string]>(
        "INSERT INTO history (time, stored_at, grid, row) VALUES (?, ?, ?, ?)",
      ),
      page: db.prepare<[string, number, number, number, number], { id: number; row: string }>(
        "SELECT id, row FROM history WHERE grid = ? AND time >= ? AND time < ? AND id > ? ORDER BY id LIMIT ?",
      ),
      load: db.prepare<[string, number, number, number, number]>(
        `INSERT INTO feeder_loads (feeder, slot_start, energy_wh, net_wh, stored_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (feeder, slot_start) DO UPDATE SET
           energy_wh = excluded.energy_wh, net_wh = excluded.net_wh, stored_at = excluded.stored_at`,
      ),
      newest: db.prepare<[], StoredLoad>(
        `SELECT feeder, slot_start AS slotStart, energy_wh AS energyWh, net_wh AS netWh FROM feeder_loads l
         WHERE slot_start = (SELECT max(slot_start) FROM feeder_loads n WHERE n.feeder = l.feeder) ORDER BY feeder`,
      ),
      series: db.prepare<[string, number], { slotStart: number; energyWh: number }>(
        `SELECT slot_start AS slotStart, energy_wh AS energyWh FROM feeder_loads WHERE feeder = ? AND slot_start >= ?
         ORDER BY slot_start`,
      ),
      net: db.prepare<[string, number, number], { slotStart: number; netWh: number }>(
        "SELECT slot_start AS slotStart, net_wh AS netWh FROM feeder_loads WHERE feeder = ? AND slot_start >= ? AND slot_start < ?",
      ),
      forgetHistory: db.prepare<[number]>("DELETE FROM history WHERE stored_at < ?"),
      thin: db.prepare<[number]>(
        `DELETE FROM history WHERE stored_at < ? AND id NOT IN
           (SELECT min(id) FROM history GROUP BY grid, floor(stored_at / ${THINNED_SECONDS}))`,
      ),
      forgetLoads: db.prepare<[number]>("DELETE FROM feeder_loads WHERE stored_at < ?"),
    };
  }

  /** `now` by the wall clock. */
  add(row: Omit<GridHistoryRow, "id">, now: number): void {
    this.#guarded(() => this.#statements.add.run(row.time, now, this.#grid, JSON.stringify(row)));
  }

  /** In the order in which they came. */
  history({
    from = 0,
    to = Number.MAX_SAFE_INTEGER,
    after = 0,
    limit,
  }: Omit<GridRequestOf<"history">, "kind">): GridHistoryRow[] {
    const rows = this.#guarded(() => this.#statements.page.all(this.#grid, from, to, after, limit));
    return rows.map(({ id, row }) => ({ id, ...(JSON.parse(row) as Omit<GridHistoryRow, "id">) }));
  }

  addLoad({ feeder, slotStart, energyWh, netWh }: StoredLoad, now: number): void {
    this.#guarded(() => this.#statements.load.run(feeder, slotStart, energyWh, netWh, now));
  }

  /** The newest load of each feeder. */
  newestLoads(): StoredLoad[] {
    return this.#guarded(() => this.#statements.newest.all());
  }

  loads(feeder: string, from: number): Pick<StoredLoad, "slotStart" | "energyWh">[] {
    return this.#guarded(() => this.#statements.series.all(feeder, Math.ceil(from)));
  }

  /** From a time on, and before another. */
  netLoads(feeder: string, from: number, to: number): Pick<StoredLoad, "slotStart" | "netWh">[] {
    return this.#guarded(() => this.#statements.net.all(feeder, Math.ceil(from), Math.ceil(to)));
  }

  /** Of scans before yesterday one of each quarter of an hour stays. Returns how many rows went. */
  forget(retentionDays: number, now: number): number {
    const before = now - retentionDays * DAY_SECONDS;
    const { forgetHistory, forgetLoads, thin } = this.#statements;
    return this.#guarded(
      () => forgetHistory.run(before).changes + forgetLoads.run(before).changes + thin.run(now - DAY_SECONDS).changes,
    );
  }

  close(): void {
    this.#db.close();
  }

  #guarded<T>(work: () => T): T {
    return guardStorage(this.#db, work);
  }
}

/** What is remembered of a state. */
export function historyRowOf({
  time,
  status,
  simulated,
  totals,
  switching,
  findings,
  findingsLeftOut,
}: GridState): Omit<GridHistoryRow, "id"> {
  const { inputMw, deliveredMw, efficiency, losses, risk, leastVoltagePu, mostLoadingPercent } = totals;
  return {
    ...{
      time,
      status,
      simulated,
      inputMw,
      deliveredMw,
      efficiency,
      ...losses,
      risk,
      leastVoltagePu,
      mostLoadingPercent,
    },
    findings: findings.length + findingsLeftOut,
    bestKw: switching?.lossKw ?? null,
    optimumKw: switching?.referenceCost ?? null,
    gapPercent: switching?.gapPercent ?? null,
  };
}
