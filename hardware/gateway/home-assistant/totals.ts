/**
 * Totals that never dip: whatever a register does (exchanged, reset, restored), what is shown goes on from where it was.
 * Written down before it is shown, so that a restart cannot fall behind what Home Assistant has drawn.
 */
import { guardStorage, migrate, type SqliteDatabase } from "../../../config/runtime/database.ts";

const MIGRATIONS = [
  `CREATE TABLE totals (
     name TEXT PRIMARY KEY,
     -- The register, or the start of the slot, that was added last.
     last INTEGER NOT NULL,
     -- Unix seconds of it.
     at REAL NOT NULL,
     total_wh INTEGER NOT NULL
   ) WITHOUT ROWID;`,
];

interface Row {
  readonly last: number;
  readonly at: number;
  readonly total_wh: number;
}

/** A register that stood still may be a whole unit further on. */
const STEP_WH = 1_000;

export class Totals {
  readonly #database: SqliteDatabase;
  readonly #read;
  readonly #write;
  readonly #rows = new Map<string, Row>();

  constructor(database: SqliteDatabase) {
    this.#database = database;
    migrate(database, MIGRATIONS);
    this.#read = database.prepare<[string], Row>("SELECT last, at, total_wh FROM totals WHERE name = ?");
    this.#write = database.prepare<[string, number, number, number]>(
      `INSERT INTO totals (name, last, at, total_wh) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE
       SET last = excluded.last, at = excluded.at, total_wh = excluded.total_wh`,
    );
  }

  /**
   * The total of a register as it stands at `time`, in watt-hours: at first the register itself. One that goes back, or
   * further on than `mostWhPerSecond` allows, is another meter's: its energy counts from there.
   */
  register(name: string, registerWh: number, time: number, mostWhPerSecond: number): number {
    const row = this.#row(name);
    if (row === undefined) return this.#keep(name, { last: registerWh, at: time, total_wh: registerWh });
    const difference = registerWh - row.last;
    const most = STEP_WH + Math.max(0, time - row.at) * mostWhPerSecond;
    const added = difference > most ? 0 : Math.max(0, difference);
    return this.#keep(name, { last: registerWh, at: time, total_wh: row.total_wh + added });
  }

  /** The total with the energy of one more slot, or undefined where that slot, or a later one, is in it already. */
  slot(name: string, slotStart: number, energyWh: number): number | undefined {
    const row = this.#row(name);
    if (row !== undefined && slotStart <= row.last) return undefined;
    return this.#keep(name, {
      last: slotStart,
      at: slotStart,
      total_wh: (row?.total_wh ?? 0) + Math.max(0, energyWh),
    });
  }

  #row(name: string): Row | undefined {
    return this.#rows.get(name) ?? this.#read.get(name);
  }

  #keep(name: string, row: Row): number {
    const before = this.#row(name);
    if (before?.last !== row.last || before.total_wh !== row.total_wh) {
      guardStorage(this.#database, () => this.#write.run(name, row.last, row.at, row.total_wh));
    }
    this.#rows.set(name, row);
    return row.total_wh;
  }
}
