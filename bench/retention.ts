/**
 * What it costs to let go of 32 days of shares: row by row, as in one table, and by dropping their partition. On a
 * PostgreSQL server that is started for it and waits for its disk as a real one, with the tables of an aggregator; both in
 * one run, on as many rows.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isOnPath, searchPath } from "../scripts/needs.ts";
import { BLOCK_BITMAP_BYTES, BLOCK_SLOTS, STRETCH_DAYS } from "../aggregator/store/block.ts";
import { blockId } from "../aggregator/store/block-cache.ts";
import { MIGRATIONS } from "../aggregator/store/schema.ts";
import { sharePartitions } from "../aggregator/store/share-partitions.ts";
import { runAll, type SqlDatabase } from "../config/runtime/sql.ts";
import { PostgresDatabase } from "../config/runtime/postgres/database.ts";
import { TemporaryServer } from "../config/runtime/postgres/temporary-server.ts";
import { migrateStore, openStore } from "../config/runtime/store.ts";
import type { BenchOptions } from "./bench.ts";
import { duration, figure, figuresTable } from "./words.ts";

const FULL = { synchronous: "FULL" } as const;
const STRETCHES = 4;
const FIRST = 600;
const BODY = Buffer.alloc(BLOCK_BITMAP_BYTES + 16 * BLOCK_SLOTS, 0xff);
/** Blocks of one transaction. */
const AT_A_TIME = 10_000;

interface Removal {
  readonly seconds: number;
  /** Of the server's log, which also goes to standbys and archives. */
  readonly logBytes: number;
}

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  if (!isOnPath("initdb", searchPath(process.env["PATH"] ?? ""))) throw new Error("PostgreSQL is not installed");
  const meters = quick ? 500 : 5_000;
  const series = Array.from({ length: meters }, (_, i) => blockId(i + 1, 1, 0));
  const server = await TemporaryServer.start({ durable: true });
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-retention-"));
  try {
    const db = filled(server.place("divided"), series);
    if (!(db instanceof PostgresDatabase)) throw new TypeError("expected a database on the server");
    const logged = (work: () => void): Removal => {
      const before = db.query("SELECT pg_current_wal_insert_lsn()::text AS at", []).rows[0]!["at"];
      const seconds = timed(work);
      const { bytes } = db.query("SELECT CAST(pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1) AS BIGINT) AS bytes", [
        before,
      ]).rows[0] as { bytes: number };
      return { seconds, logBytes: bytes };
    };
    const day = STRETCH_DAYS * FIRST;
    const rows = logged(() => {
      db.prepare<[number, number]>("DELETE FROM blocks WHERE day >= ? AND day < ?").run(day, day + STRETCH_DAYS);
    });
    // Room is free for others only after this.
    const vacuum = logged(() => db.exec(`VACUUM blocks_p${FIRST}`));
    const partitions = sharePartitions(db);
    // The first that goes leaves an empty block of each meter; those after it find it there.
    const firstPartition = logged(() => void partitions.drop(FIRST + 1, series, new Map()));
    const partition = logged(() => void partitions.drop(FIRST + 2, series, new Map()));
    const bytes = db.query(`SELECT pg_total_relation_size('blocks_p${FIRST + 3}') AS bytes`, []).rows[0]!["bytes"];
    db.close();
    const file = filled(path.join(folder, "aggregator.db"), series);
    const sqlite = timed(() => sharePartitions(file).drop(FIRST + 1, series, new Map()));
    file.close();
    const blocks = meters * STRETCH_DAYS;
    const result = {
      ...{
        meters,
        blocks,
        bytesPerBlock: Number(bytes) / blocks,
        rows,
        vacuum,
        firstPartition,
        partition,
        sqliteSeconds: sqlite,
      },
      ratio: rows.seconds / partition.seconds,
      ratioWithVacuum: (rows.seconds + vacuum.seconds) / partition.seconds,
    };
    if (!json) console.log(described(result));
    return result;
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function timed(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1_000;
}

/** An aggregator's store with whole blocks of all meters over some stretches. */
function filled(place: string, series: readonly number[]): SqlDatabase {
  const db = openStore(place, { ...FULL, alone: true });
  migrateStore(db, MIGRATIONS);
  const firstDay = STRETCH_DAYS * FIRST;
  sharePartitions(db).prepare(firstDay, firstDay + STRETCH_DAYS * STRETCHES - 1);
  const isServer = db instanceof PostgresDatabase;
  const insert = db.prepare<(number | Buffer)[]>(
    isServer ? "INSERT INTO blocks (id, body, day) VALUES (?, ?, ?)" : "INSERT INTO blocks (id, body) VALUES (?, ?)",
  );
  let rows: (number | Buffer)[][] = [];
  const write = (): void => {
    db.transaction(() => runAll(insert, rows))();
    rows = [];
  };
  // Day by day, as they come.
  for (let day = firstDay; day < firstDay + STRETCH_DAYS * STRETCHES; day++) {
    for (const zero of series) {
      rows.push(isServer ? [zero + day, BODY, day] : [zero + day, BODY]);
      if (rows.length >= AT_A_TIME) write();
    }
  }
  write();
  if (isServer) db.exec("CHECKPOINT");
  return db;
}

function described(result: {
  readonly blocks: number;
  readonly rows: Removal;
  readonly vacuum: Removal;
  readonly firstPartition: Removal;
  readonly partition: Removal;
  readonly sqliteSeconds: number;
  readonly ratio: number;
  readonly ratioWithVacuum: number;
}): string {
  const row = (name: string, { seconds, logBytes }: Removal): string[] => [
    name,
    duration(seconds),
    `${figure(logBytes / 1e6, 1)} MB`,
  ];
  const table = figuresTable(
    [`${figure(result.blocks)} blocks, 32 days`, "time", "server's log"],
    [
      row("PostgreSQL, row by row", result.rows),
      row("its VACUUM afterwards", result.vacuum),
      row("PostgreSQL, the first partition", result.firstPartition),
      row("PostgreSQL, a later one", result.partition),
      ["SQLite, row by row", duration(result.sqliteSeconds), ""],
    ],
  );
  const times = `${figure(result.ratio, 1)} times, with VACUUM ${figure(result.ratioWithVacuum, 1)} times`;
  return `${table}\nrows take ${times} as long as a later partition`;
}
