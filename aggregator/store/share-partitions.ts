/**
 * Shares by time: stretches of 32 days of 96 slots, the unit in which old ones go. On a server each stretch is a partition
 * of its own, made ahead of need and dropped as a whole; what no partition is there for lies in the rest. A file has the same
 * rows in one table.
 */
import { StorageError } from "../../config/runtime/database.ts";
import { PostgresDatabase } from "../../config/runtime/postgres/database.ts";
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import { BLOCK_BITMAP_BYTES, STRETCH_DAYS, STRETCH_SLOTS } from "./block.ts";
import { seriesOf } from "./block-cache.ts";

/** Readers that hold on to the tables, such as a backup, are not waited for: another time will do. */
const LOCK_MILLISECONDS = 500;
/** A block without shares: it says that there was something once, for the rules that ask just that. */
const EMPTY_BLOCK = Buffer.alloc(BLOCK_BITMAP_BYTES);
/** Those empty blocks lie in 1970, of which there are no shares. */
const FIRST_STRETCH = 1;

/** What of a stretch stays of one series: blocks by their days, and runs of bits by their first slots. */
export interface KeptShares {
  readonly days: readonly number[];
  readonly runs: readonly number[];
}

/** A series, one meter and kind, is named by the id of its day 0. */
export interface SharePartitions {
  /** So many series at most are dropped in one transaction: shares that come meanwhile wait for it. */
  readonly seriesAtATime: number;
  /** Makes room for days [from, to]. What cannot be made now is made another time: its shares lie in the rest. */
  prepare(fromDay: number, toDay: number): void;
  /** Stretches with shares that ended before this day, rising. */
  endedBefore(day: number, series: Iterable<number>): number[];
  /** Removes all of a stretch but what is kept. False: somebody reads it now, and nothing was done. */
  drop(stretch: number, series: Iterable<number>, kept: ReadonlyMap<number, KeptShares>): boolean;
}

export function sharePartitions(db: SqlDatabase): SharePartitions {
  return db instanceof PostgresDatabase ? new ServerPartitions(db) : new FileStretches(db);
}

class FileStretches implements SharePartitions {
  readonly seriesAtATime = 200;
  readonly #db: SqlDatabase;

  constructor(db: SqlDatabase) {
    this.#db = db;
  }

  prepare(): void {
    // One table has room for all.
  }

  /** A jump in the index for each stretch of each series. */
  endedBefore(day: number, series: Iterable<number>): number[] {
    const next = this.#db
      .prepare<[number, number], number>("SELECT id FROM blocks WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1")
      .pluck();
    const end = Math.floor(day / STRETCH_DAYS);
    const found = new Set<number>();
    for (const zero of series) {
      for (let stretch = FIRST_STRETCH; stretch < end; stretch++) {
        const id = next.get(zero + STRETCH_DAYS * stretch, zero + STRETCH_DAYS * end - 1);
        if (id === undefined) break;
        stretch = Math.floor((id - zero) / STRETCH_DAYS);
        found.add(stretch);
      }
    }
    return [...found].sort((a, b) => a - b);
  }

  drop(stretch: number, series: Iterable<number>, kept: ReadonlyMap<number, KeptShares>): boolean {
    const remove = this.#db.prepare<[number, number]>("DELETE FROM blocks WHERE id BETWEEN ? AND ?");
    const removeRuns = this.#db.prepare<[number, number, number, number]>(
      "DELETE FROM bit_shares WHERE meter = ? AND kind = ? AND first_slot BETWEEN ? AND ?",
    );
    const mark = this.#db.prepare<[number, Buffer]>(
      "INSERT INTO blocks (id, body) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#db.transaction(() => {
      for (const zero of series) {
        const { days = [], runs = [] } = kept.get(zero) ?? {};
        let removed = 0;
        for (const [first, last] of gapsBetween(days, STRETCH_DAYS * stretch, STRETCH_DAYS)) {
          removed += remove.run(zero + first, zero + last).changes;
        }
        if (removed > 0) mark.run(zero, EMPTY_BLOCK);
        const { meter, kind } = seriesOf(zero);
        for (const [first, last] of gapsBetween(runs, STRETCH_SLOTS * stretch, STRETCH_SLOTS)) {
          removeRuns.run(meter, kind, first, last);
        }
      }
    })();
    return true;
  }
}

/** What lies between the kept numbers of `count` from `from` on: ranges with both their ends. */
function* gapsBetween(kept: readonly number[], from: number, count: number): Generator<[number, number]> {
  let first = from;
  for (const one of kept.toSorted((a, b) => a - b)) {
    if (one > first) yield [first, one - 1];
    first = one + 1;
  }
  if (first < from + count) yield [first, from + count - 1];
}

/** Both tables by what they are divided. */
const TABLES = [
  { table: "blocks", column: "day", size: STRETCH_DAYS },
  { table: "bit_shares", column: "first_slot", size: STRETCH_SLOTS },
] as const;

class ServerPartitions implements SharePartitions {
  readonly seriesAtATime = Number.POSITIVE_INFINITY;
  readonly #db: PostgresDatabase;
  #made: Set<number> | undefined;

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  /** The stretches that have partitions: their names end with their numbers. */
  #there(): Set<number> {
    this.#made ??= new Set(
      this.#db
        .prepare<[], number>(
          `SELECT CAST(substring(relname from '[0-9]+$') AS BIGINT) FROM pg_class
           WHERE relnamespace = CAST(to_regnamespace(current_schema()) AS oid) AND relname ~ '^blocks_p[0-9]+$' AND relkind = 'r'`,
        )
        .pluck()
        .all(),
    );
    return this.#made;
  }

  prepare(fromDay: number, toDay: number): void {
    const there = this.#there();
    for (let stretch = Math.floor(fromDay / STRETCH_DAYS); stretch <= Math.floor(toDay / STRETCH_DAYS); stretch++) {
      if (!there.has(stretch) && this.#unlessRead(() => this.#make(stretch))) there.add(stretch);
    }
  }

  /** What came before there was a partition for it moves there from the rest. */
  #make(stretch: number): void {
    for (const { table, column, size } of TABLES) {
      const [name, from, to] = [`${table}_p${stretch}`, size * stretch, size * (stretch + 1)];
      this.#db.exec(`
        CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL);
        WITH moved AS (DELETE FROM ${table}_rest WHERE ${column} >= ${from} AND ${column} < ${to} RETURNING *)
          INSERT INTO ${name} SELECT * FROM moved;
        ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
    }
  }

  /**
   * In one transaction beside which no worker writes: what came into the rest after it was looked through would keep a
   * partition from being made. False where somebody reads the tables so long that it had to be left.
   */
  #unlessRead(work: () => void): boolean {
    const alone = this.#db.transaction(() => {
      this.#db.exec(`SET LOCAL lock_timeout = ${LOCK_MILLISECONDS}`);
      work();
    });
    try {
      alone.immediate();
      return true;
    } catch (error) {
      if (error instanceof StorageError && error.code === "locked") return false;
      throw error;
    }
  }

  endedBefore(day: number): number[] {
    const end = Math.floor(day / STRETCH_DAYS);
    const rest = this.#db
      .prepare<[number], number>(`SELECT DISTINCT day / ${STRETCH_DAYS} FROM blocks_rest WHERE day < ?`)
      .pluck()
      .all(STRETCH_DAYS * end);
    const all = new Set([...this.#there(), ...rest]);
    return [...all].filter((one) => one >= FIRST_STRETCH && one < end).sort((a, b) => a - b);
  }

  drop(stretch: number, series: Iterable<number>, kept: ReadonlyMap<number, KeptShares>): boolean {
    const hasOwn = this.#there().has(stretch);
    const done = this.#unlessRead(() => {
      this.#mark(hasOwn ? `blocks_p${stretch}` : "blocks_rest", stretch, series);
      if (hasOwn) this.#dropPartitions(stretch, kept);
      else this.#dropFromRest(stretch, kept);
    });
    if (done) this.#there().delete(stretch);
    return done;
  }

  /** What is kept moves to the rest, since its place is gone. */
  #dropPartitions(stretch: number, kept: ReadonlyMap<number, KeptShares>): void {
    for (const { table } of TABLES) this.#db.exec(`ALTER TABLE ${table} DETACH PARTITION ${table}_p${stretch}`);
    runAll(
      this.#db.prepare<number[]>(`INSERT INTO blocks SELECT * FROM blocks_p${stretch} WHERE id = ?`),
      blocksOf(kept),
    );
    runAll(
      this.#db.prepare<number[]>(
        `INSERT INTO bit_shares SELECT * FROM bit_shares_p${stretch} WHERE meter = ? AND kind = ? AND first_slot = ?`,
      ),
      runsOf(kept),
    );
    for (const { table } of TABLES) this.#db.exec(`DROP TABLE ${table}_p${stretch}`);
  }

  /** Most series have their empty block since the first stretch of theirs that went. */
  #mark(table: string, stretch: number, series: Iterable<number>): void {
    const marked = new Set(this.#db.prepare<[], number>("SELECT id FROM blocks_rest WHERE day = 0").pluck().all());
    const [first, last] = [STRETCH_DAYS * stretch, STRETCH_DAYS * (stretch + 1) - 1];
    const mark = this.#db.prepare<(number | Buffer)[]>(
      `INSERT INTO blocks (id, day, body) SELECT CAST(? AS BIGINT), 0, CAST(? AS BYTEA)
       WHERE EXISTS (SELECT 1 FROM ${table} WHERE id BETWEEN ? AND ? AND day > 0)`,
    );
    const unmarked = [...series].filter((zero) => !marked.has(zero));
    runAll(
      mark,
      unmarked.map((zero) => [zero, EMPTY_BLOCK, zero + first, zero + last]),
    );
  }

  /** Few rows, each by itself: what an earlier pass has kept, or what came while no partition could be made. */
  #dropFromRest(stretch: number, kept: ReadonlyMap<number, KeptShares>): void {
    const blocks = new Set([...blocksOf(kept)].map(String));
    const runs = new Set([...runsOf(kept)].map(String));
    const days = [STRETCH_DAYS * stretch, STRETCH_DAYS * (stretch + 1) - 1] as const;
    const slots = [STRETCH_SLOTS * stretch, STRETCH_SLOTS * (stretch + 1) - 1] as const;
    const ids = this.#db
      .prepare<[number, number], number>("SELECT id FROM blocks_rest WHERE day BETWEEN ? AND ?")
      .pluck()
      .all(...days);
    runAll(
      this.#db.prepare<number[]>("DELETE FROM blocks_rest WHERE id = ?"),
      ids.map((id) => [id]).filter((row) => !blocks.has(String(row))),
    );
    const keys = this.#db
      .prepare<[number, number], { meter: number; kind: number; first_slot: number }>(
        "SELECT meter, kind, first_slot FROM bit_shares_rest WHERE first_slot BETWEEN ? AND ?",
      )
      .all(...slots);
    runAll(
      this.#db.prepare<number[]>("DELETE FROM bit_shares_rest WHERE meter = ? AND kind = ? AND first_slot = ?"),
      keys.map((key) => [key.meter, key.kind, key.first_slot]).filter((row) => !runs.has(String(row))),
    );
  }
}

function* blocksOf(kept: ReadonlyMap<number, KeptShares>): Generator<number[]> {
  for (const [zero, { days }] of kept) for (const day of days) yield [zero + day];
}

function* runsOf(kept: ReadonlyMap<number, KeptShares>): Generator<number[]> {
  for (const [zero, { runs }] of kept) {
    const { meter, kind } = seriesOf(zero);
    for (const run of runs) yield [meter, kind, run];
  }
}
