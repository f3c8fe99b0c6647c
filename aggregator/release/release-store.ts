/**
 * What this aggregator has endorsed, durably: which cells are in which feeder load and in which bill. Endorsed counts
 * as released, since the others may be enough to release it. Sets arrive checked; nothing here judges them.
 */
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { KINDS } from "../../protocol/units.ts";

export interface Period {
  readonly from: number;
  readonly to: number;
}

/** The meters in the load of one slot; `meters` as `meterNumbers` reads them. */
export interface LoadCells {
  readonly slot: number;
  readonly setId: Buffer;
  readonly meters: Buffer;
}

/** Slots [from, to) whose loads have the same meters. */
export interface LoadStretch extends Period {
  readonly meters: Buffer;
}

/** The numbers of the meters in a load. */
export function meterNumbers(meters: Buffer): number[] {
  return Array.from({ length: meters.length / 4 }, (_, i) => meters.readUInt32BE(4 * i));
}

/** Cells of a bill output within one period. `output` is its index in set `setId`; `slots` starts with the period. */
export interface BillCells {
  readonly meter: number;
  readonly setId: Buffer;
  readonly output: number;
  readonly slots: Uint8Array;
}

export interface StoredSet {
  readonly content: Buffer;
  /** This aggregator's own endorsement. */
  readonly endorsement: Buffer;
  /** Proof that q aggregators endorsed it (CBOR array of signatures). */
  readonly endorsements: Buffer | null;
}

interface LoadRow {
  readonly slot: number;
  readonly set_id: Buffer;
  readonly meters: Buffer;
}

interface RosterRow {
  readonly first: number;
  readonly last: number;
  readonly slots: number;
  readonly meters: Buffer;
}

interface BillRow {
  readonly meter: number;
  readonly set_id: Buffer;
  readonly output: number;
  readonly slots: Buffer;
}

/** One look into the index for each feeder and kind, not a walk through all slots. */
const NEWEST_LOADS = `
  WITH RECURSIVE names(feeder) AS (
    SELECT min(feeder) FROM load_cells
    UNION ALL
    SELECT (SELECT min(feeder) FROM load_cells WHERE feeder > names.feeder) FROM names WHERE names.feeder IS NOT NULL
  )
  SELECT feeder, max(slot) AS slot FROM (
    SELECT feeder, (SELECT max(slot) FROM load_cells l WHERE l.feeder = names.feeder AND l.kind = kinds.value) AS slot
    FROM names, (SELECT ${KINDS.import} AS value UNION ALL SELECT ${KINDS.export}) AS kinds WHERE names.feeder IS NOT NULL
  ) AS newest WHERE slot IS NOT NULL GROUP BY feeder`;

export class ReleaseStore {
  readonly #db: SqlDatabase;
  readonly #sets;
  readonly #insertSet;
  readonly #setEndorsed;
  readonly #periods;
  readonly #insertPeriod;
  readonly #loads;
  readonly #rosters;
  readonly #proven;
  readonly #insertLoad;
  readonly #bills;
  readonly #insertBill;
  readonly #linked;
  readonly #load;
  /** The newest slot of a feeder whose load was endorsed; may be too high after a transaction that failed. */
  readonly #newestLoads = new Map<string, number>();
  #newestLoad = -1;
  readonly #selectNewest;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#selectNewest = db.prepare<[], { feeder: string; slot: number }>(NEWEST_LOADS);
    this.refresh();
    this.#load = db
      .prepare<[string, number, number], Buffer>(
        "SELECT meters FROM load_cells WHERE feeder = ? AND kind = ? AND slot = ?",
      )
      .pluck();
    this.#sets = db.prepare<[Uint8Array], StoredSet>(
      "SELECT content, endorsement, endorsements FROM sets WHERE set_id = ?",
    );
    this.#insertSet = db.prepare<[Uint8Array, Uint8Array, Uint8Array]>(
      "INSERT INTO sets (set_id, content, endorsement) VALUES (?, ?, ?)",
    );
    this.#setEndorsed = db.prepare<[Uint8Array, Uint8Array]>("UPDATE sets SET endorsements = ? WHERE set_id = ?");
    this.#periods = db.prepare<[string], Period>(
      'SELECT period_from AS "from", period_to AS "to" FROM periods WHERE feeder = ? ORDER BY period_from',
    );
    this.#insertPeriod = db.prepare<[string, number, number]>(
      "INSERT INTO periods VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#loads = db.prepare<[string, number, number, number], LoadRow>(
      "SELECT slot, set_id, meters FROM load_cells WHERE feeder = ? AND kind = ? AND slot >= ? AND slot < ? ORDER BY slot",
    );
    // A month of one roster is one row out of three thousand.
    this.#rosters = db.prepare<[string, number, number, number], RosterRow>(
      `SELECT min(slot) AS first, max(slot) AS last, count(*) AS slots, meters FROM load_cells
       WHERE feeder = ? AND kind = ? AND slot >= ? AND slot < ? GROUP BY meters`,
    );
    this.#proven = db.prepare<[string, number, number, number], { slot: number; meters: Buffer }>(
      `SELECT slot, meters FROM load_cells JOIN sets USING (set_id)
       WHERE feeder = ? AND kind = ? AND slot >= ? AND slot < ? AND endorsements IS NOT NULL ORDER BY slot`,
    );
    this.#insertLoad = db.prepare<[string, number, number, Uint8Array, Uint8Array]>(
      "INSERT INTO load_cells (feeder, kind, slot, set_id, meters) VALUES (?, ?, ?, ?, ?)",
    );
    this.#bills = db.prepare<[string, number, number], BillRow>(
      `SELECT meter, set_id, output, slots FROM bill_cells
       WHERE feeder = ? AND kind = ? AND period_from = ?`,
    );
    this.#insertBill = db.prepare<[string, number, number, number, Uint8Array, number, Uint8Array]>(
      `INSERT INTO bill_cells (feeder, kind, period_from, meter, set_id, output, slots)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#linked = db
      .prepare<[string, number, number], number>(
        `SELECT DISTINCT other.period_from FROM bill_cells one
         JOIN bill_cells other ON other.set_id = one.set_id AND other.output = one.output
         WHERE one.feeder = ? AND one.kind = ? AND one.period_from = ? AND other.period_from <> one.period_from`,
      )
      .pluck();
  }

  /** Reads again up to where loads were endorsed: where there are several workers, another one endorses them. */
  refresh(): void {
    for (const { feeder, slot } of this.#selectNewest.all()) this.#noteLoad(feeder, slot);
  }

  #noteLoad(feeder: string, slot: number): void {
    if (slot > (this.#newestLoads.get(feeder) ?? -1)) this.#newestLoads.set(feeder, slot);
    this.#newestLoad = Math.max(this.#newestLoad, slot);
  }

  set(setId: Uint8Array): StoredSet | undefined {
    return this.#sets.get(setId);
  }

  /** Runs `work` in one transaction: a set's cells and its endorsement become durable together. */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work).immediate();
  }

  addSet(setId: Uint8Array, content: Uint8Array, endorsement: Uint8Array): void {
    this.#insertSet.run(setId, content, endorsement);
  }

  setEndorsements(setId: Uint8Array, endorsements: Uint8Array): void {
    this.#setEndorsed.run(endorsements, setId);
  }

  /** The periods that bills of this feeder have used, in order. */
  periods(feeder: string): Period[] {
    return this.#periods.all(feeder);
  }

  addPeriod(feeder: string, { from, to }: Period): void {
    this.#insertPeriod.run(feeder, from, to);
  }

  /** In the order of their slots. */
  loads(feeder: string, kind: number, { from, to }: Period): LoadCells[] {
    return this.#loads.all(feeder, kind, from, to).map(({ slot, set_id, meters }) => ({ slot, setId: set_id, meters }));
  }

  /** The same by stretches of slots with one roster. */
  loadStretches(feeder: string, kind: number, period: Period): LoadStretch[] {
    const rosters = this.#rosters.all(feeder, kind, period.from, period.to);
    if (rosters.every(({ first, last, slots }) => last - first + 1 === slots)) {
      return rosters.map(({ first, last, meters }) => ({ from: first, to: last + 1, meters }));
    }
    return this.loads(feeder, kind, period).map(({ slot, meters }) => ({ from: slot, to: slot + 1, meters }));
  }

  /**
   * Loads with proof that q aggregators endorsed them. One's own endorsement is not enough for what is opened besides:
   * others may have endorsed another set, and the difference of two sets is a reading.
   */
  provenLoads(feeder: string, kind: number, { from, to }: Period): LoadStretch[] {
    return this.#proven.all(feeder, kind, from, to).map(({ slot, meters }) => ({ from: slot, to: slot + 1, meters }));
  }

  addLoad(feeder: string, kind: number, slot: number, setId: Uint8Array, meters: readonly number[]): void {
    const bytes = Buffer.allocUnsafe(4 * meters.length);
    for (const [i, meter] of meters.entries()) bytes.writeUInt32BE(meter, 4 * i);
    this.#insertLoad.run(feeder, kind, slot, setId, bytes);
    this.#noteLoad(feeder, slot);
  }

  /** No load of any feeder is newer than this slot; -1 while there is none. In memory, for every share that comes in. */
  get newestLoad(): number {
    return this.#newestLoad;
  }

  /** Whether a load of this feeder, kind and slot was endorsed, and without this meter. */
  isLoadWithout(feeder: string, kind: number, slot: number, meter: number): boolean {
    if (slot > (this.#newestLoads.get(feeder) ?? -1)) return false;
    const meters = this.#load.get(feeder, kind, slot);
    if (meters === undefined) return false;
    for (let at = 0; at < meters.length; at += 4) if (meters.readUInt32BE(at) === meter) return false;
    return true;
  }

  bills(feeder: string, kind: number, periodFrom: number): BillCells[] {
    return this.#bills.all(feeder, kind, periodFrom).map((row) => ({
      meter: row.meter,
      setId: row.set_id,
      output: row.output,
      slots: row.slots,
    }));
  }

  addBill(feeder: string, kind: number, periodFrom: number, cells: BillCells): void {
    const { meter, setId, output, slots } = cells;
    this.#insertBill.run(feeder, kind, periodFrom, meter, setId, output, slots);
  }

  /** Periods that share a bill output with this one: late cells that entered a later bill. */
  linkedPeriods(feeder: string, kind: number, periodFrom: number): number[] {
    return this.#linked.all(feeder, kind, periodFrom);
  }
}
