/**
 * Digests of ciphertexts as meters vouched for them. A digest is visible at once and durable after the intake's commit;
 * the first for a window of a series stands. Holds no ciphertext.
 */
import { runAll, type SqlDatabase } from "../../config/runtime/sql.ts";
import type { CiphertextDigest } from "../../protocol/envelope/digest.ts";

export type DigestResult = "stored" | "duplicate" | "conflict" | "full";

/** What a meter said of one window of a series. */
export interface StoredDigest {
  readonly slots: number;
  /** Bitmap over the window: the slots that have a value. */
  readonly presence: Uint8Array;
  readonly digest: Uint8Array;
}

/** Windows that one meter may have begun since the oldest that is accepted: far more than 16 series of a month. */
const MAX_RECENT = 1_024;

interface Pending extends StoredDigest {
  readonly meter: number;
  readonly firstSlot: number;
  readonly series: string;
}

export class DigestStore {
  readonly #find;
  readonly #count;
  readonly #insert;
  readonly #insertConflict;
  #pending = new Map<string, Pending>();
  #conflicts: [meter: number, firstSlot: number, series: string, time: number][] = [];

  constructor(db: SqlDatabase) {
    this.#find = db.prepare<[number, number, string], { slots: number; presence: Buffer; digest: Buffer }>(
      "SELECT slots, presence, digest FROM he_digests WHERE meter = ? AND first_slot = ? AND series = ?",
    );
    this.#count = db
      .prepare<[number, number], number>("SELECT count(*) FROM he_digests WHERE meter = ? AND first_slot >= ?")
      .pluck();
    this.#insert = db.prepare<[number, number, string, number, Uint8Array, Uint8Array]>(
      "INSERT INTO he_digests (meter, first_slot, series, slots, presence, digest) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#insertConflict = db.prepare<[number, number, string, number]>(
      "INSERT INTO he_conflicts (meter, first_slot, series, time) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
  }

  /** Takes a digest; `recentFrom`: windows from this slot on count towards the meter's bound. */
  put(meter: number, item: CiphertextDigest, time: number, recentFrom: number): DigestResult {
    const { series, firstSlot, slots, presence, digest } = item;
    const known = this.find(meter, series, firstSlot);
    if (known !== undefined) {
      const same =
        known.slots === slots &&
        Buffer.compare(known.digest, digest) === 0 &&
        Buffer.compare(known.presence, presence) === 0;
      if (!same) this.#conflicts.push([meter, firstSlot, series, time]);
      return same ? "duplicate" : "conflict";
    }
    const waiting = [...this.#pending.values()].filter((other) => other.meter === meter).length;
    if (waiting + this.#count.get(meter, recentFrom)! >= MAX_RECENT) return "full";
    // Copies: what was opened may lie in a buffer that is used again.
    const kept = { presence: Uint8Array.from(presence), digest: Uint8Array.from(digest) };
    this.#pending.set(keyOf(meter, series, firstSlot), { meter, firstSlot, series, slots, ...kept });
    return "stored";
  }

  /** The digest of a window, also one that waits for its commit. */
  find(meter: number, series: string, firstSlot: number): StoredDigest | undefined {
    return this.#pending.get(keyOf(meter, series, firstSlot)) ?? this.#find.get(meter, firstSlot, series);
  }

  /** Writes what came since the last commit; the caller holds the transaction and calls `committed` after it. */
  writePending(): void {
    runAll(
      this.#insert,
      [...this.#pending.values()].map(({ meter, firstSlot, series, slots, presence, digest }) => [
        ...([meter, firstSlot, series, slots] as const),
        ...([presence, digest] as const),
      ]),
    );
    runAll(this.#insertConflict, this.#conflicts);
  }

  committed(): void {
    if (this.#pending.size > 0) this.#pending = new Map();
    if (this.#conflicts.length > 0) this.#conflicts = [];
  }
}

function keyOf(meter: number, series: string, firstSlot: number): string {
  return `${meter} ${firstSlot} ${series}`;
}
