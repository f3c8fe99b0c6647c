/**
 * Releases that were asked for, durable: what of, the round that asks homes for them, and what came of it. The command line
 * asks by writing here; the running role announces. A round is written down before anybody hears of it.
 */
import { z } from "zod";
import { guardStorage } from "../../config/runtime/database.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { release, type ReleaseSettings } from "../../config/schema-releases.ts";
import {
  noisedRelease,
  type NoisedRelease,
  roundContent,
  type RoundContent,
  roundOf,
} from "../../protocol/learning/index.ts";

export const RELEASE_STATES = ["asked", "announced", "opened", "not-opened", "failed"] as const;
export type ReleaseState = (typeof RELEASE_STATES)[number];

export interface ReleaseOrder {
  readonly settings: ReleaseSettings;
  readonly firstSlot: number;
  /** Unix seconds: not announced before, for homes have no readings of it yet. */
  readonly dueAt: number;
  readonly askedAt: number;
}

export interface Release extends ReleaseOrder {
  readonly number: number;
  /** How many of this name were asked for before. */
  readonly step: number;
  readonly state: ReleaseState;
  /** From `announced` on. */
  readonly content: RoundContent | undefined;
  readonly round: string | undefined;
  /** Why nothing was opened. */
  readonly reason: string;
  /** Once it is settled. */
  readonly result: NoisedRelease | undefined;
}

interface Row {
  number: number;
  step: number;
  settings: string;
  first_slot: number;
  due_at: number;
  asked_at: number;
  state: string;
  content: string | null;
  round: string | null;
  reason: string;
  result: string | null;
}

export const RELEASE_TABLES = [
  `CREATE TABLE releases (
     number INTEGER PRIMARY KEY,
     name TEXT NOT NULL,
     step INTEGER NOT NULL,
     settings TEXT NOT NULL,
     first_slot INTEGER NOT NULL,
     due_at INTEGER NOT NULL,
     asked_at REAL NOT NULL,
     state TEXT NOT NULL,
     content TEXT,
     round TEXT,
     reason TEXT NOT NULL DEFAULT '',
     result TEXT,
     UNIQUE (name, step)
   ) STRICT;
   CREATE INDEX releases_by_state ON releases (state, due_at);
   CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;`,
];
const COLUMNS = "number, step, settings, first_slot, due_at, asked_at, state, content, round, reason, result";

export class ReleaseStore {
  readonly db: SqlDatabase;
  readonly #statements;

  /** `alone`: the running role, which keeps others like it out. Throws StorageError. */
  constructor(place: string, options: { readonly alone: boolean }) {
    const db = openStore(place, options.alone ? { synchronous: "FULL", alone: true } : { synchronous: "FULL" });
    this.db = db;
    migrateStore(db, RELEASE_TABLES);
    this.#statements = {
      add: db.prepare<[string, string, string, number, number, number], Row>(
        `INSERT INTO releases (name, step, settings, first_slot, due_at, asked_at, state)
         VALUES (?, (SELECT coalesce(max(step) + 1, 0) FROM releases WHERE name = ?), ?, ?, ?, ?, 'asked') RETURNING ${COLUMNS}`,
      ),
      get: db.prepare<[number], Row>(`SELECT ${COLUMNS} FROM releases WHERE number = ?`),
      newest: db.prepare<[number], Row>(`SELECT ${COLUMNS} FROM releases ORDER BY number DESC LIMIT ?`),
      same: db.prepare<[string, number, string], Row>(
        `SELECT ${COLUMNS} FROM releases WHERE name = ? AND first_slot = ? AND settings = ?
           AND state IN ('asked', 'announced', 'opened') ORDER BY number DESC LIMIT 1`,
      ),
      last: db.prepare<[string], { slot: number | null }>(
        "SELECT max(first_slot) AS slot FROM releases WHERE name = ?",
      ),
      due: db.prepare<[number], Row>(
        `SELECT ${COLUMNS} FROM releases WHERE state = 'asked' AND due_at <= ? ORDER BY due_at, number LIMIT 1`,
      ),
      announced: db.prepare<[], Row>(`SELECT ${COLUMNS} FROM releases WHERE state = 'announced' ORDER BY number`),
      announce: db.prepare<[string, string, number]>(
        "UPDATE releases SET state = 'announced', content = ?, round = ? WHERE number = ? AND state = 'asked'",
      ),
      settle: db.prepare<[string, string, string | null, number]>(
        `UPDATE releases SET state = ?, reason = ?, result = ?
         WHERE number = ? AND state IN ('asked', 'announced')`,
      ),
    };
  }

  /** Durable when it returns. */
  add({ settings, firstSlot, dueAt, askedAt }: ReleaseOrder): Release {
    const { name } = settings;
    return this.#guarded(() => {
      const values = [name, name, JSON.stringify(settings), firstSlot, Math.ceil(dueAt), askedAt] as const;
      return releaseOf(this.#statements.add.get(...values)!);
    });
  }

  get(number: number): Release | undefined {
    const row = this.#guarded(() => this.#statements.get.get(number));
    return row && releaseOf(row);
  }

  /** One of the same settings and days that was opened, or is under way. */
  same(settings: ReleaseSettings, firstSlot: number): Release | undefined {
    const row = this.#guarded(() => this.#statements.same.get(settings.name, firstSlot, JSON.stringify(settings)));
    return row && releaseOf(row);
  }

  /** The newest, the last one first. */
  list(limit: number): Release[] {
    return this.#guarded(() => this.#statements.newest.all(limit)).map(releaseOf);
  }

  /** The first slot of the newest one of a name. */
  lastSlot(name: string): number | undefined {
    return this.#guarded(() => this.#statements.last.get(name))?.slot ?? undefined;
  }

  /** The one that has waited longest of those that may be announced. */
  due(now: number): Release | undefined {
    const row = this.#guarded(() => this.#statements.due.get(Math.floor(now)));
    return row && releaseOf(row);
  }

  /** Those that homes may have heard of. */
  announced(): Release[] {
    return this.#guarded(() => this.#statements.announced.all()).map(releaseOf);
  }

  /** Before anybody hears of it. */
  announce(number: number, content: RoundContent): void {
    this.#guarded(() => this.#statements.announce.run(JSON.stringify(content), roundOf(content), number));
  }

  settle(number: number, state: ReleaseState, reason: string, result: NoisedRelease | undefined): void {
    const text = result === undefined ? null : JSON.stringify(result);
    this.#guarded(() => this.#statements.settle.run(state, reason, text, number));
  }

  close(): void {
    this.db.close();
  }

  #guarded<T>(work: () => T): T {
    return guardStorage(this.db, work);
  }
}

function releaseOf(row: Row): Release {
  const { number, step, first_slot: firstSlot, due_at: dueAt, asked_at: askedAt, round, reason } = row;
  const read = <T>(of: z.ZodType<T>, text: string): T => {
    const parsed = of.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw new RangeError(`release ${number}: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
  };
  return {
    ...{ number, step, firstSlot, dueAt, askedAt, reason },
    settings: read(release, row.settings),
    state: z.enum(RELEASE_STATES).parse(row.state),
    content: row.content === null ? undefined : read(roundContent, row.content),
    round: round ?? undefined,
    result: row.result === null ? undefined : read(noisedRelease, row.result),
  };
}
