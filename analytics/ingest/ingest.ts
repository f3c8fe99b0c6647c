/**
 * Takes meters' ciphertexts: chunks in, acks out, and between them a store that keeps each one once. It opens the seal
 * of the transport, never the ciphertext: there is no key for that here.
 */
import { createHash } from "node:crypto";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { guardStorage } from "../../config/runtime/database.ts";
import type { CiphertextAck } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { CIPHERTEXT_CODES } from "../../protocol/messages/ack-codes.ts";
import type { CiphertextStore, NewCiphertext } from "../store/ciphertext-store.ts";
import type { Window } from "../../config/windows.ts";
import type { ChunkDesk } from "./chunk-desk.ts";
import { IngestError } from "./codes.ts";

/** What the check of a ciphertext's bytes found; the digest is not part of it. */
export type CheckedCiphertext = Omit<NewCiphertext, "meter" | "bytes" | "digest">;

export interface IngestOptions {
  readonly db: SqlDatabase;
  readonly store: CiphertextStore;
  readonly desk: ChunkDesk;
  /** Opens the seal of the transport. Throws ProtocolError. */
  readonly open: (sealed: Uint8Array, meter: string) => Promise<Uint8Array>;
  /** Parameters, size, level, scale, residues, and that the meter made it. Throws ProtocolError or IngestError. */
  readonly check: (meter: string, series: string, bytes: Uint8Array) => Promise<CheckedCiphertext>;
  /** Has this meter a place in one of these slots? */
  readonly isMember: (meter: string, range: { readonly from: number; readonly to: number }) => boolean;
  readonly windowAt: (firstSlot: number) => Window | undefined;
  /** Oldest and newest first slot that is taken now; undefined while a simulation has not told the time. */
  readonly openRange: () => { readonly from: number; readonly to: number } | undefined;
  /** Unix seconds. */
  readonly now: () => number;
  readonly refuse: (code: string, detail: string) => void;
  readonly ack: (meter: string, ack: CiphertextAck) => void;
  /** Asks for `commit` to be called soon. */
  readonly scheduleCommit: () => void;
  /** New ciphertexts are durable. */
  readonly stored: (items: readonly StoredWindow[]) => void;
  /** Bytes that may wait for their check or their commit; what comes on top is refused and sent again. */
  readonly waitingBytes: number;
  /** Bytes that trigger a commit at once. */
  readonly commitBytes: number;
}

export interface StoredWindow {
  readonly meter: string;
  readonly series: string;
  readonly firstSlot: number;
  readonly slots: number;
}

export interface IngestCounters {
  stored: number;
  duplicates: number;
  conflicts: number;
  refused: number;
  commits: number;
  bytes: number;
}

/** Refusals that pass. */
const LATER: ReadonlySet<string> = new Set(["busy", "future", "unknown-epoch"]);

export class Ingest {
  readonly counters: IngestCounters = { stored: 0, duplicates: 0, conflicts: 0, refused: 0, commits: 0, bytes: 0 };
  readonly #options: IngestOptions;
  #batch: NewCiphertext[] = [];
  #batchBytes = 0;
  #waiting = 0;
  #open = 0;
  #idle: (() => void)[] = [];

  constructor(options: IngestOptions) {
    this.#options = options;
  }

  /** Bytes that wait for a check or a commit. */
  get waitingBytes(): number {
    return this.#waiting;
  }

  /** Takes one chunk from a meter's topic; the promise is for flow control and never rejects for a peer's fault. */
  handle(meter: string, series: string, chunk: Uint8Array): Promise<void> | void {
    let sealed: Uint8Array | undefined;
    try {
      sealed = this.#options.desk.add(meter, chunk);
    } catch (error) {
      this.#refuse(meter, series, error);
      return;
    }
    if (sealed === undefined) return;
    const { length } = sealed;
    if (this.#waiting + length > this.#options.waitingBytes && this.#waiting > 0) {
      this.#refuse(meter, series, new IngestError("busy", `${this.#waiting} bytes are waiting already`));
      return;
    }
    this.#waiting += length;
    this.#open += 1;
    return this.#take(meter, series, sealed).finally(() => {
      this.#waiting -= length;
      this.#open -= 1;
      if (this.#open === 0) for (const done of this.#idle.splice(0)) done();
    });
  }

  async #take(meter: string, series: string, sealed: Uint8Array): Promise<void> {
    let digest: Uint8Array | undefined;
    let firstSlot: number | undefined;
    try {
      const bytes = await this.#options.open(sealed, meter);
      digest = createHash("sha256").update(bytes).digest();
      const checked = await this.#options.check(meter, series, bytes);
      firstSlot = checked.firstSlot;
      this.#checkPlace(meter, series, checked);
      this.#batch.push({ ...checked, meter, digest, bytes });
      this.#batchBytes += bytes.length;
    } catch (error) {
      firstSlot ??= error instanceof IngestError ? error.firstSlot : undefined;
      const known = digest !== undefined && firstSlot !== undefined ? { firstSlot, digest } : undefined;
      this.#refuse(meter, series, error, known);
      return;
    }
    if (this.#batchBytes >= this.#options.commitBytes) this.commit();
    else this.#options.scheduleCommit();
  }

  #checkPlace(meter: string, series: string, checked: CheckedCiphertext): void {
    const { firstSlot, slots } = checked;
    if (checked.series !== series) {
      throw new IngestError("wrong-series", `a ciphertext of series ${checked.series} came under ${series}`);
    }
    const window = this.#options.windowAt(firstSlot);
    if (window?.slots !== slots) {
      throw new IngestError("wrong-window", `slots ${firstSlot} to ${firstSlot + slots} are no window`);
    }
    const range = this.#options.openRange();
    if (range === undefined) throw new IngestError("busy", "the simulation has not told the time yet");
    if (firstSlot < range.from) throw new IngestError("closed", `the window from slot ${firstSlot} is closed`);
    if (firstSlot >= range.to) throw new IngestError("future", `the window from slot ${firstSlot} has not begun`);
    if (!this.#options.isMember(meter, { from: firstSlot, to: firstSlot + slots })) {
      throw new IngestError("unknown-meter", "has no place in this window");
    }
  }

  /** Makes durable what waits, then acknowledges it. Throws StorageError; then nothing of it is acknowledged. */
  commit(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#batchBytes = 0;
    const { db, store } = this.#options;
    const now = this.#options.now();
    const put = db.transaction(() => batch.map((item) => store.put(item, now)));
    const outcomes = guardStorage(db, () => put.immediate());
    this.counters.commits += 1;
    const fresh: StoredWindow[] = [];
    for (const [i, item] of batch.entries()) {
      const outcome = outcomes[i]!;
      const { meter, series, firstSlot, digest, bytes } = item;
      if (outcome === "stored") {
        this.counters.stored += 1;
        this.counters.bytes += bytes.length;
        fresh.push({ meter, series, firstSlot, slots: item.slots });
      } else if (outcome === "duplicate") this.counters.duplicates += 1;
      else {
        this.counters.conflicts += 1;
        this.#options.refuse("he-conflict", `${meter} ${series} ${firstSlot}: another ciphertext is stored already`);
      }
      this.#options.ack(meter, { series, firstSlot, digest, code: CIPHERTEXT_CODES[outcome] });
    }
    if (fresh.length > 0) this.#options.stored(fresh);
  }

  /** Resolves when nothing is being checked; what was checked is then waiting for `commit`. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #refuse(
    meter: string,
    series: string,
    error: unknown,
    known?: { readonly firstSlot: number; readonly digest: Uint8Array },
  ): void {
    if (!(error instanceof ProtocolError) && !(error instanceof IngestError)) throw error;
    this.counters.refused += 1;
    this.#options.refuse(`he-${error.code}`, `${meter} ${series}: ${error.message}`);
    // What may be taken later, or of which not even the window could be read, is not answered: the meter sends it again.
    if (known === undefined || LATER.has(error.code)) return;
    const code = CIPHERTEXT_CODES[error.code === "closed" ? "closed" : "refused"];
    this.#options.ack(meter, { series, ...known, code });
  }
}
