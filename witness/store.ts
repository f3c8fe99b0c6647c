/** What a witness remembers: of each log the checkpoint that it cosigned last. Durable before anyone is answered. */
import { migrate, openDatabase, type SqliteDatabase } from "../config/runtime/database.ts";
import type { Checkpoint } from "../protocol/log/index.ts";

const MIGRATIONS = [
  `CREATE TABLE logs (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint TEXT NOT NULL);
   CREATE TABLE evidence (id INTEGER PRIMARY KEY, origin TEXT NOT NULL, at INTEGER NOT NULL, request TEXT NOT NULL);`,
];
/** A log that lies may do so often; one proof is enough, some more do no harm. */
const MOST_EVIDENCE = 1_000;

export type Seen = Pick<Checkpoint, "size" | "root">;

export class WitnessStore {
  readonly #database: SqliteDatabase;

  constructor(file: string) {
    this.#database = openDatabase(file, { synchronous: "FULL", alone: true });
    migrate(this.#database, MIGRATIONS);
  }

  /** Undefined for a log of which nothing was cosigned yet. */
  last(origin: string): Seen | undefined {
    const row = this.#database.prepare("SELECT size, root FROM logs WHERE origin = ?").get(origin);
    if (row === undefined) return undefined;
    const { size, root } = row as { size: number; root: Buffer };
    return { size, root: Uint8Array.from(root) };
  }

  /** Durable when it returns. */
  remember({ origin, size, root }: Checkpoint, checkpoint: string): void {
    this.#database
      .prepare(
        `INSERT INTO logs VALUES (?, ?, ?, ?) ON CONFLICT (origin)
         DO UPDATE SET size = excluded.size, root = excluded.root, checkpoint = excluded.checkpoint`,
      )
      .run(origin, size, root, checkpoint);
  }

  /** Keeps what a log has signed and should not have: its own signature convicts it. */
  convict(origin: string, at: number, request: string): void {
    const { count } = this.#database.prepare("SELECT count(*) AS count FROM evidence").get() as { count: number };
    if (count >= MOST_EVIDENCE) return;
    this.#database.prepare("INSERT INTO evidence (origin, at, request) VALUES (?, ?, ?)").run(origin, at, request);
  }

  evidence(): readonly { readonly origin: string; readonly at: number; readonly request: string }[] {
    return this.#database.prepare("SELECT origin, at, request FROM evidence ORDER BY id").all() as never;
  }

  close(): void {
    this.#database.close();
  }
}
