/**
 * Ciphertexts in the meter's durable memory: finished bytes before anything leaves, who has answered, and a record of
 * what was sent. The same database as the readings, in the same commits; one can serve many meters.
 */
import type { Database } from "better-sqlite3";
import type { Kind } from "../../../protocol/units.ts";
import type { Outbox } from "../outbox.ts";
import type { WindowReadings } from "./contents.ts";
import type { Window } from "../../../config/windows.ts";

/** Who answers for a ciphertext: bit 0 is analytics, bit x aggregator x (answererBit). */
export const ANALYTICS_BIT = 1;

/** Names one window of a series. */
export function windowKey(series: string, firstSlot: number): string {
  return `${series} ${firstSlot}`;
}

/** What someone said of a ciphertext, or why the meter has none of a window. */
export type Answer = "stored" | "duplicate" | "conflict" | "closed" | "refused" | "too-large" | "outbox-full";

export interface NewCiphertext extends Window {
  readonly series: string;
  readonly epoch: number;
  readonly presence: Uint8Array;
  /** SHA-256 of the packed ciphertext. */
  readonly digest: Uint8Array;
  /** The packed ciphertext, sealed to analytics. */
  readonly sealed: Uint8Array;
  /** Bits of those who have to answer. */
  readonly waiting: number;
}

/** A ciphertext without its bytes. */
export interface CiphertextRow extends Omit<NewCiphertext, "sealed"> {
  readonly answers: Readonly<Record<string, Answer>>;
}

interface StoredRow {
  series: string;
  first_slot: number;
  slots: number;
  epoch: number;
  presence: Buffer;
  digest: Buffer;
  waiting: number;
  answers: string;
}

/** Slots that aggregators have not, or not in time; `aggregator` is NOBODY where the meter itself has a gap. */
interface DoubtfulRow {
  f: number;
  t: number;
  aggregator: number;
}

const NOBODY = 0;

const COLUMNS = "series, first_slot, slots, epoch, presence, digest, waiting, answers";

export class CiphertextStore {
  readonly #outbox: Outbox;
  readonly #lacking: number;
  readonly #statements;

  /**
   * `db` is the outbox's database. `lacking`: aggregators without a reading that leave too few for a load with it. One
   * alone may not take a reading out of its meter's ciphertext: then nothing of the feeder's day could be opened.
   */
  constructor(db: Database, outbox: Outbox, lacking: number) {
    this.#outbox = outbox;
    this.#lacking = lacking;
    this.#statements = {
      add: db.prepare<
        [number, string, number, number, number, Uint8Array, Uint8Array, Uint8Array | null, number, string]
      >(
        `INSERT INTO ciphertexts (meter, series, first_slot, slots, epoch, presence, digest, sealed, waiting, answers)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      ),
      last: db.prepare<[number, string], StoredRow>(
        `SELECT ${COLUMNS} FROM ciphertexts WHERE meter = ? AND series = ? ORDER BY first_slot DESC LIMIT 1`,
      ),
      waiting: db.prepare<[number], StoredRow>(
        `SELECT ${COLUMNS} FROM ciphertexts WHERE meter = ? AND waiting <> 0 ORDER BY first_slot, series`,
      ),
      records: db.prepare<[number], StoredRow>(
        `SELECT ${COLUMNS} FROM ciphertexts WHERE meter = ? ORDER BY first_slot, series`,
      ),
      row: db.prepare<[number, string, number], StoredRow>(
        `SELECT ${COLUMNS} FROM ciphertexts WHERE meter = ? AND series = ? AND first_slot = ?`,
      ),
      sealed: db.prepare<[number, string, number], { sealed: Buffer | null }>(
        "SELECT sealed FROM ciphertexts WHERE meter = ? AND series = ? AND first_slot = ?",
      ),
      // What nobody waits for any more keeps its record, not its bytes.
      answer: db.prepare<{ meter: number; series: string; slot: number; waiting: number; answers: string }>(
        `UPDATE ciphertexts SET waiting = :waiting, answers = :answers,
           sealed = CASE :waiting WHEN 0 THEN NULL ELSE sealed END
         WHERE meter = :meter AND series = :series AND first_slot = :slot`,
      ),
      forget: db.prepare<[number, number]>(
        "DELETE FROM ciphertexts WHERE meter = ? AND waiting = 0 AND first_slot + slots <= ?",
      ),
      forgetLate: db.prepare<[number, number]>("DELETE FROM late WHERE meter = ? AND to_slot <= ?"),
      late: db.prepare<[number, number, number, number, number]>(
        `INSERT INTO late (meter, kind, from_slot, aggregator, to_slot) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET to_slot = max(to_slot, excluded.to_slot)`,
      ),
      // A gap of an aggregator ends with its number: `closed:2`.
      doubtful: db.prepare<{ meter: number; kind: number; from: number; to: number }, DoubtfulRow>(
        `SELECT from_slot AS f, to_slot AS t, CAST(substr(reason, instr(reason || ':', ':') + 1) AS INTEGER) AS aggregator
           FROM gaps WHERE meter = :meter AND kind = :kind AND from_slot < :to AND to_slot > :from
         UNION SELECT from_slot, to_slot, aggregator FROM late
           WHERE meter = :meter AND kind = :kind AND from_slot < :to AND to_slot > :from`,
      ),
    };
  }

  /** Commits everything that was collected so far. */
  commit(): void {
    this.#outbox.flush();
  }

  /** Commits a ciphertext with the next batch, then calls `durable`. A window that has a row keeps it. */
  add(number: number, item: NewCiphertext, durable: () => void): void {
    const { series, firstSlot, slots, epoch, presence, digest, sealed, waiting } = item;
    this.#outbox.defer(
      () => this.#statements.add.run(number, series, firstSlot, slots, epoch, presence, digest, sealed, waiting, "{}"),
      durable,
    );
  }

  /** Remembers that a window has no ciphertext, and why. */
  addNone(number: number, item: Window & { readonly series: string; readonly epoch: number }, why: Answer): void {
    const { series, firstSlot, slots, epoch } = item;
    const none = new Uint8Array();
    const answers = JSON.stringify({ meter: why });
    this.#outbox.defer(() =>
      this.#statements.add.run(number, series, firstSlot, slots, epoch, none, none, null, 0, answers),
    );
  }

  /** The window of a series that was dealt with last. */
  last(number: number, series: string): CiphertextRow | undefined {
    const row = this.#statements.last.get(number, series);
    return row && rowOf(row);
  }

  row(number: number, series: string, firstSlot: number): CiphertextRow | undefined {
    const row = this.#statements.row.get(number, series, firstSlot);
    return row && rowOf(row);
  }

  /** Those that someone has to answer, the oldest first. */
  waiting(number: number): CiphertextRow[] {
    return this.#statements.waiting.all(number).map(rowOf);
  }

  /** Everything that is known of a meter's ciphertexts, by window. */
  records(number: number): CiphertextRow[] {
    return this.#statements.records.all(number).map(rowOf);
  }

  /** What goes to analytics; undefined once nobody waits for it. */
  sealed(number: number, series: string, firstSlot: number): Uint8Array | undefined {
    return this.#statements.sealed.get(number, series, firstSlot)?.sealed ?? undefined;
  }

  /** Remembers who has still to answer, and what was answered. */
  rememberAnswers(number: number, row: Pick<CiphertextRow, "series" | "firstSlot" | "waiting" | "answers">): void {
    const { series, firstSlot: slot, waiting } = row;
    const answers = JSON.stringify(row.answers);
    this.#outbox.defer(() => this.#statements.answer.run({ meter: number, series, slot, waiting, answers }));
  }

  /** An aggregator has slots [from, to), but not in its load. */
  rememberLate(
    number: number,
    { kind, from, to, aggregator }: { kind: Kind; from: number; to: number; aggregator: number },
  ): void {
    this.#outbox.defer(() => this.#statements.late.run(number, kind, from, aggregator, to));
  }

  /** Deletes records of windows that ended before a slot. */
  forget(number: number, beforeSlot: number): void {
    this.#outbox.defer(() => {
      this.#statements.forget.run(number, beforeSlot);
      this.#statements.forgetLate.run(number, beforeSlot);
    });
  }

  /**
   * The committed readings of a window, without the meter's own gaps, and without those that so many aggregators have not
   * got in time for their load that no load can hold them.
   */
  readings(number: number, kind: Kind, { firstSlot, slots }: Window): WindowReadings {
    const to = firstSlot + slots;
    const values = this.#outbox.readingsOf(number, kind, { from: firstSlot, to });
    const without = values.map(() => new Set<number>());
    for (const { f, t, aggregator } of this.#statements.doubtful.all({ meter: number, kind, from: firstSlot, to })) {
      for (const said of without.slice(Math.max(0, f - firstSlot), Math.max(0, t - firstSlot))) said.add(aggregator);
    }
    return values.map((value, slot) => {
      const said = without[slot]!;
      return said.has(NOBODY) || said.size >= this.#lacking ? undefined : value;
    });
  }
}

function rowOf(row: StoredRow): CiphertextRow {
  const { series, slots, epoch, waiting } = row;
  const answers = JSON.parse(row.answers) as Record<string, Answer>;
  const { presence, digest, first_slot: firstSlot } = row;
  return { series, firstSlot, slots, epoch, presence, digest, waiting, answers };
}
