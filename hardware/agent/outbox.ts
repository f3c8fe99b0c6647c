/**
 * The meter's durable memory: every reading it took, how far they are settled, its boot number and register state.
 * A reading is committed here before any share of it leaves. One database can serve many meters (a simulation does);
 * a real device has one. Writes are collected and committed together; callers are told when theirs are durable.
 */
import type { Database } from "better-sqlite3";
import { guardStorage, migrate } from "../../config/runtime/database.ts";
import { MIGRATIONS } from "./outbox-schema.ts";
import { slotCount, type SlotRange } from "../../protocol/slots.ts";
import { type Kind, kindOf } from "../../protocol/units.ts";
import type { RegisterState } from "./register.ts";

const READING_BYTES = 8;

export interface StoredRun {
  readonly kind: Kind;
  readonly firstSlot: number;
  readonly readings: readonly number[];
}

/** What the outbox knows of a meter at start. */
export interface MeterMemory {
  readonly number: number;
  readonly boot: number;
  readonly registerState: RegisterState;
  /** All slots up to this one are settled with every aggregator; -1 if none is. */
  readonly settledSlot: number;
}

export interface Gap {
  readonly kind: number;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

export class Outbox {
  readonly #db: Database;
  readonly #statements;
  /** Per meter, the highest settled slot that the database may hold: only a slot below it has to lower it. */
  readonly #settled = new Map<number, number>();
  #work: (() => void)[] = [];
  #after: (() => void)[] = [];
  #scheduled = false;
  readonly #schedule: (flush: () => void) => void;

  /** `schedule` decides when collected writes are committed; by default once this turn of the event loop is over. */
  constructor(db: Database, schedule: (flush: () => void) => void = (flush) => setImmediate(flush)) {
    this.#db = db;
    this.#schedule = schedule;
    migrate(db, MIGRATIONS);
    this.#statements = {
      addMeter: db.prepare<[string]>("INSERT INTO meters (meter) VALUES (?) ON CONFLICT (meter) DO NOTHING"),
      meter: db.prepare<[string], { number: number; boot: number; settled_slot: number; register_state: string }>(
        "SELECT number, boot, settled_slot, register_state FROM meters WHERE meter = ?",
      ),
      boot: db.prepare<[number, number]>("UPDATE meters SET boot = ? WHERE number = ?"),
      register: db.prepare<[string, number]>("UPDATE meters SET register_state = ? WHERE number = ?"),
      settled: db.prepare<[number, number]>("UPDATE meters SET settled_slot = ? WHERE number = ?"),
      lower: db.prepare<[number, number]>("UPDATE meters SET settled_slot = min(settled_slot, ?) WHERE number = ?"),
      append: db.prepare<[number, number, number, Buffer]>(
        "INSERT INTO runs (meter, kind, first_slot, readings) VALUES (?, ?, ?, ?)",
      ),
      last: db.prepare<[number, number], { first_slot: number; size: number }>(
        `SELECT first_slot, length(readings) AS size FROM runs WHERE meter = ? AND kind = ?
         ORDER BY first_slot DESC LIMIT 1`,
      ),
      since: db.prepare<[number, number], { kind: number; first_slot: number; readings: Buffer }>(
        `SELECT kind, first_slot, readings FROM runs WHERE meter = ?
         AND first_slot + length(readings) / ${READING_BYTES} > ? ORDER BY first_slot, kind`,
      ),
      at: db.prepare<[number, number, number], { first_slot: number; readings: Buffer }>(
        `SELECT first_slot, readings FROM runs WHERE meter = ? AND kind = ? AND first_slot <= ?
         ORDER BY first_slot DESC LIMIT 1`,
      ),
      between: db.prepare<[number, number, number, number], { first_slot: number; readings: Buffer }>(
        `SELECT first_slot, readings FROM runs WHERE meter = ? AND kind = ? AND first_slot < ?
         AND first_slot + length(readings) / ${READING_BYTES} > ? ORDER BY first_slot`,
      ),
      gap: db.prepare<[number, number, number, number, string]>(
        `INSERT INTO gaps (meter, kind, from_slot, to_slot, reason) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET to_slot = max(to_slot, excluded.to_slot)`,
      ),
      gaps: db.prepare<[number], { kind: number; from_slot: number; to_slot: number; reason: string }>(
        "SELECT kind, from_slot, to_slot, reason FROM gaps WHERE meter = ? ORDER BY from_slot, kind",
      ),
      forget: db.prepare<[number, number, number]>(
        `DELETE FROM runs WHERE meter = ? AND first_slot + length(readings) / ${READING_BYTES} <= ? AND first_slot <= ?`,
      ),
    };
  }

  /** Registers a meter and counts one more boot, durably. */
  boot(meter: string): MeterMemory {
    return this.#db.transaction(() => {
      this.#statements.addMeter.run(meter);
      const row = this.#statements.meter.get(meter);
      if (row === undefined) throw new Error(`meter ${meter}: its row vanished`);
      const boot = row.boot + 1;
      this.#statements.boot.run(boot, row.number);
      const registerState = JSON.parse(row.register_state) as RegisterState;
      this.#settled.set(row.number, row.settled_slot);
      return { number: row.number, boot, registerState, settledSlot: row.settled_slot };
    })();
  }

  /** Makes a granted boot number durable, at once: it is used right after. */
  rememberBoot(number: number, boot: number): void {
    this.#statements.boot.run(boot, number);
  }

  /** The slot after the last one taken of a kind, or 0. */
  nextSlot(number: number, kind: number): number {
    const row = this.#statements.last.get(number, kind);
    return row === undefined ? 0 : row.first_slot + row.size / READING_BYTES;
  }

  /** Commits a run (and the register state it came from) with the next batch, then calls `durable`. */
  append(number: number, run: StoredRun, durable: () => void, registerState?: RegisterState): void {
    this.defer(() => {
      this.#statements.append.run(number, run.kind, run.firstSlot, encodeReadings(run.readings));
      // A slot below the watermark (a catchup arriving late) must be found again after a restart.
      if (run.firstSlot <= (this.#settled.get(number) ?? Number.POSITIVE_INFINITY)) {
        this.#statements.lower.run(run.firstSlot - 1, number);
      }
      if (registerState !== undefined) this.#statements.register.run(JSON.stringify(registerState), number);
    }, durable);
  }

  rememberRegister(number: number, state: RegisterState): void {
    this.defer(() => this.#statements.register.run(JSON.stringify(state), number));
  }

  rememberSettled(number: number, slot: number): void {
    this.defer(() => {
      this.#statements.settled.run(slot, number);
      this.#settled.set(number, Math.max(slot, this.#settled.get(number) ?? slot));
    });
  }

  rememberGap(number: number, gap: Gap): void {
    this.defer(() => this.#statements.gap.run(number, gap.kind, gap.from, gap.to, gap.reason));
  }

  gaps(number: number): Gap[] {
    return this.#statements.gaps.all(number).map((row) => ({
      kind: row.kind,
      from: row.from_slot,
      to: row.to_slot,
      reason: row.reason,
    }));
  }

  /** Every run with a slot above `settledSlot`, in order of slots. */
  runsSince(number: number, settledSlot: number): StoredRun[] {
    return this.#statements.since.all(number, settledSlot + 1).map((row) => ({
      kind: kindOf(row.kind),
      firstSlot: row.first_slot,
      readings: decodeReadings(row.readings),
    }));
  }

  /** The reading of one cell, if the history still has it. */
  readingAt(number: number, kind: number, slot: number): number | undefined {
    const row = this.#statements.at.get(number, kind, slot);
    return row === undefined ? undefined : decodeReadings(row.readings)[slot - row.first_slot];
  }

  /** The committed readings of slots [from, to) of a kind; undefined where the history has none. */
  readingsOf(number: number, kind: number, { from, to }: SlotRange): (number | undefined)[] {
    const values = new Array<number | undefined>(slotCount({ from, to })).fill(undefined);
    for (const row of this.#statements.between.all(number, kind, to, from)) {
      for (const [i, value] of decodeReadings(row.readings).entries()) {
        const slot = row.first_slot + i;
        if (slot >= from && slot < to) values[slot - from] = value;
      }
    }
    return values;
  }

  /** Deletes settled history that ended before `beforeSlot`. */
  forget(number: number, beforeSlot: number, settledSlot: number): void {
    this.defer(() => this.#statements.forget.run(number, beforeSlot, settledSlot));
  }

  /** Has `work` done within the next commit, then calls `after`. */
  defer(work: () => void, after?: () => void): void {
    this.#work.push(work);
    if (after !== undefined) this.#after.push(after);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#schedule(() => this.flush());
  }

  /** Commits everything collected so far in one transaction. Throws StorageError: the meter must stop, not guess. */
  flush(): void {
    this.#scheduled = false;
    const work = this.#work;
    const after = this.#after;
    if (work.length === 0) return;
    this.#work = [];
    this.#after = [];
    guardStorage(
      this.#db,
      this.#db.transaction(() => {
        for (const write of work) write();
      }),
    );
    for (const tell of after) tell();
  }
}

/** Was this meter ever started with this database? Works on a database opened for reading. */
export function knowsMeter(db: Database, meter: string): boolean {
  return db.prepare<[string]>("SELECT 1 FROM meters WHERE meter = ?").get(meter) !== undefined;
}

/** Every reading that a database still has of a meter, for its household; works on a database opened for reading. */
export function readHistory(db: Database, meter: string): StoredRun[] {
  const rows = db
    .prepare<[string], { kind: number; first_slot: number; readings: Buffer }>(
      `SELECT kind, first_slot, readings FROM runs JOIN meters ON runs.meter = meters.number WHERE meters.meter = ?
       ORDER BY first_slot, kind`,
    )
    .all(meter);
  return rows.map(({ kind, first_slot, readings }) => ({
    kind: kindOf(kind),
    firstSlot: first_slot,
    readings: decodeReadings(readings),
  }));
}

function encodeReadings(readings: readonly number[]): Buffer {
  const blob = Buffer.allocUnsafe(READING_BYTES * readings.length);
  for (let index = 0; index < readings.length; index++) blob.writeDoubleLE(readings[index]!, READING_BYTES * index);
  return blob;
}

function decodeReadings(blob: Buffer): number[] {
  return Array.from({ length: blob.length / READING_BYTES }, (_, index) => blob.readDoubleLE(READING_BYTES * index));
}
