/**
 * Table `ciphertexts`: one for each meter, series and window, stored once and never opened. Ciphertexts are large:
 * nothing here reads more of them at once than it was told to.
 */
import type { SqlDatabase, SqlStatement } from "../../config/runtime/sql.ts";

/** A checked ciphertext on its way into the store. */
export interface NewCiphertext {
  readonly meter: string;
  readonly series: string;
  readonly firstSlot: number;
  readonly slots: number;
  /** Of the keys that it is encrypted under. */
  readonly epoch: number;
  readonly stride: number;
  /** Id of the parameter set. */
  readonly parameters: Uint8Array;
  /** SHA-256 of the bytes. */
  readonly digest: Uint8Array;
  readonly bytes: Uint8Array;
}

/** What names an input of a job. */
export interface StoredInput {
  readonly meter: string;
  readonly series: string;
  readonly digest: Uint8Array;
  readonly epoch: number;
  readonly parameters: Uint8Array;
  readonly stride: number;
  readonly slots: number;
  readonly length: number;
}

export type PutOutcome = "stored" | "duplicate" | "conflict";

interface InputRow {
  meter: string;
  series: string;
  digest: Uint8Array;
  epoch: number;
  parameters: Uint8Array;
  stride: number;
  slots: number;
  length: number;
}

export class CiphertextStore {
  readonly #known: SqlStatement<[string, number, string], { digest: Uint8Array }>;
  readonly #insert: SqlStatement;
  readonly #inputs: SqlStatement<[string, number], InputRow>;
  readonly #bytes: SqlStatement<[string, number, string], { bytes: Uint8Array }>;
  readonly #meters: SqlStatement<[string, number], { meter: string }>;
  readonly #windows: SqlStatement<[number], { series: string; first_slot: number; slots: number; count: number }>;
  readonly #newest: SqlStatement<[string], { first_slot: number | null }>;
  readonly #forget: SqlStatement<[number]>;
  readonly #count: SqlStatement<[], { count: number; bytes: number | null }>;

  constructor(db: SqlDatabase) {
    this.#known = db.prepare("SELECT digest FROM ciphertexts WHERE series = ? AND first_slot = ? AND meter = ?");
    this.#insert = db.prepare(
      `INSERT INTO ciphertexts (meter, series, first_slot, slots, epoch, stride, parameters, digest, received_at, length,
       bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#inputs = db.prepare(
      `SELECT meter, series, digest, epoch, parameters, stride, slots, length FROM ciphertexts
       WHERE series = ? AND first_slot = ? ORDER BY meter`,
    );
    this.#bytes = db.prepare("SELECT bytes FROM ciphertexts WHERE series = ? AND first_slot = ? AND meter = ?");
    this.#meters = db.prepare("SELECT meter FROM ciphertexts WHERE series = ? AND first_slot = ? ORDER BY meter");
    this.#windows = db.prepare(
      `SELECT series, first_slot, max(slots) AS slots, count(*) AS count FROM ciphertexts
       WHERE first_slot >= ? GROUP BY series, first_slot ORDER BY first_slot, series`,
    );
    this.#newest = db.prepare("SELECT max(first_slot) AS first_slot FROM ciphertexts WHERE series = ?");
    this.#forget = db.prepare("DELETE FROM ciphertexts WHERE first_slot < ?");
    this.#count = db.prepare("SELECT count(*) AS count, sum(length) AS bytes FROM ciphertexts");
  }

  /** Is this window of a meter here, and with which digest? */
  digestOf(meter: string, series: string, firstSlot: number): Uint8Array | undefined {
    return this.#known.get(series, firstSlot, meter)?.digest;
  }

  /** Inside the caller's transaction. The first ciphertext of a window stands, whatever comes after it. */
  put(item: NewCiphertext, now: number): PutOutcome {
    const known = this.digestOf(item.meter, item.series, item.firstSlot);
    if (known !== undefined) return Buffer.from(known).equals(item.digest) ? "duplicate" : "conflict";
    const { meter, series, firstSlot, slots, epoch, stride, parameters, digest, bytes } = item;
    this.#insert.run(
      meter,
      series,
      firstSlot,
      slots,
      epoch,
      stride,
      Buffer.from(parameters),
      Buffer.from(digest),
      Math.floor(now),
      bytes.length,
      asBuffer(bytes),
    );
    return "stored";
  }

  /** All inputs of a series and window without their bytes, by meter. */
  inputs(series: string, firstSlot: number): StoredInput[] {
    return this.#inputs.all(series, firstSlot);
  }

  bytesOf(meter: string, series: string, firstSlot: number): Uint8Array | undefined {
    return this.#bytes.get(series, firstSlot, meter)?.bytes;
  }

  /** Sorted. */
  metersOf(series: string, firstSlot: number): string[] {
    return this.#meters.all(series, firstSlot).map(({ meter }) => meter);
  }

  /** Windows that begin at `from` or later, with how many ciphertexts each holds. */
  windows(from: number): { series: string; firstSlot: number; slots: number; count: number }[] {
    return this.#windows
      .all(from)
      .map(({ series, first_slot: firstSlot, slots, count }) => ({ series, firstSlot, slots, count }));
  }

  /** First slot of the newest window of a series. */
  newest(series: string): number | undefined {
    return this.#newest.get(series)?.first_slot ?? undefined;
  }

  /** Deletes windows that begin before a slot; returns how many ciphertexts went. */
  forgetBefore(slot: number): number {
    return this.#forget.run(slot).changes;
  }

  totals(): { count: number; bytes: number } {
    const { count, bytes } = this.#count.get() ?? { count: 0, bytes: 0 };
    return { count, bytes: bytes ?? 0 };
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
