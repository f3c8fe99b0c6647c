/** The tables `meters`, `root_keys` and `own_boot`: what must survive a kill for nonces never to be reused. */
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import type { MeterChannel, MeterState, RootKey } from "./meter-channel.ts";

interface MeterRow {
  number: number;
  id: string;
  seen_boot: number;
  seen_counter: number;
  granted_boot: number;
  challenge: Buffer | null;
}

interface KeyRow {
  version: number;
  key: Buffer;
  state: string;
}

const ROWS_AT_A_TIME = 1_000;

export class MeterTable {
  readonly #db: SqlDatabase;
  readonly #insert;
  readonly #select;
  readonly #update;
  readonly #keys;
  readonly #insertKey;
  readonly #confirm;
  readonly #dropOlder;

  constructor(db: SqlDatabase) {
    this.#db = db;
    this.#insert = db.prepare<[string]>("INSERT INTO meters (id) VALUES (?) ON CONFLICT (id) DO NOTHING");
    this.#select = db.prepare<[string], MeterRow>("SELECT * FROM meters WHERE id = ?");
    this.#update = db.prepare<[number, number, number, Buffer | null, number]>(
      "UPDATE meters SET seen_boot = ?, seen_counter = ?, granted_boot = ?, challenge = ? WHERE number = ?",
    );
    this.#keys = db.prepare<[number], KeyRow>(
      "SELECT version, key, state FROM root_keys WHERE meter = ? ORDER BY version DESC",
    );
    this.#insertKey = db.prepare<[number, number, Buffer, string]>(
      "INSERT INTO root_keys (meter, version, key, state) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#confirm = db.prepare<[number, number]>(
      "UPDATE root_keys SET state = 'current' WHERE meter = ? AND version = ?",
    );
    this.#dropOlder = db.prepare<[number, number]>("DELETE FROM root_keys WHERE meter = ? AND version < ?");
  }

  /** The meter's row, made if need be; another worker may make it at the same moment. */
  register(id: string): MeterState {
    let row = this.#select.get(id);
    if (row === undefined) {
      this.#insert.run(id);
      row = this.#select.get(id)!;
    }
    return stateOf(row);
  }

  /** Every meter's row with its keys, newest first. Read some at a time: a server waits only so long for the next word. */
  *states(): Generator<[state: MeterState, keys: RootKey[]]> {
    const meters = this.#db.prepare<[number], MeterRow>(
      `SELECT * FROM meters WHERE number > ? ORDER BY number LIMIT ${ROWS_AT_A_TIME}`,
    );
    const all = this.#db.prepare<[number, number], KeyRow & { meter: number }>(
      "SELECT meter, version, key, state FROM root_keys WHERE meter BETWEEN ? AND ? ORDER BY version DESC",
    );
    for (let rows = meters.all(0); rows.length > 0; rows = meters.all(rows.at(-1)!.number)) {
      const keys = new Map(rows.map(({ number }): [number, RootKey[]] => [number, []]));
      for (const row of all.all(rows[0]!.number, rows.at(-1)!.number)) keys.get(row.meter)?.push(keyOf(row));
      for (const row of rows) yield [stateOf(row), keys.get(row.number)!];
    }
  }

  nameOf(number: number): string | undefined {
    return this.#db.prepare<[number], string>("SELECT id FROM meters WHERE number = ?").pluck().get(number);
  }

  /** Every meter id that has a row. */
  ids(): string[] {
    return this.#db.prepare<[], string>("SELECT id FROM meters ORDER BY number").pluck().all();
  }

  save(channels: Iterable<MeterChannel>): void {
    runAll(this.#update, rowsOf(channels));
  }

  /** The keys of a meter, newest first. */
  keysOf(number: number): RootKey[] {
    return this.#keys.all(number).map(keyOf);
  }

  addKey(number: number, { version, key, trying }: RootKey): void {
    this.#insertKey.run(number, version, Buffer.from(key), trying ? "trying" : "current");
  }

  /** A message has authenticated under this version: it is current, and older ones are forgotten. */
  confirmKey(number: number, version: number): void {
    this.#confirm.run(number, version);
    this.#dropOlder.run(number, version);
  }

  /**
   * Takes the next boot number of this aggregator; durable when it returns. It is at least the time in Unix seconds, so
   * that a database that comes from a backup repeats no number that was used after it was made.
   */
  nextOwnBoot(time: number): number {
    return this.#db
      .prepare<[{ time: number }], number>(
        "UPDATE own_boot SET boot = CASE WHEN boot >= @time THEN boot + 1 ELSE @time END WHERE one = 1 RETURNING boot",
      )
      .pluck()
      .get({ time: Math.floor(time) })!;
  }
}

function keyOf({ version, key, state }: KeyRow): RootKey {
  return { version, key, trying: state === "trying" };
}

function stateOf(row: MeterRow): MeterState {
  return {
    number: row.number,
    id: row.id,
    seen: { boot: row.seen_boot, counter: row.seen_counter },
    grantedBoot: row.granted_boot,
    challenge: row.challenge ?? undefined,
  };
}

function* rowsOf(
  channels: Iterable<MeterChannel>,
): Generator<[boot: number, counter: number, grantedBoot: number, challenge: Buffer | null, number: number]> {
  for (const { seen, grantedBoot, challenge, number } of channels) {
    yield [seen.boot, seen.counter, grantedBoot, challenge === undefined ? null : Buffer.from(challenge), number];
  }
}
