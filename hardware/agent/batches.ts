/** Collects readings that are durable into aligned batches, one per kind; hands a batch on when it is full. */
import type { Kind } from "../../protocol/units.ts";

export interface Batch {
  readonly kind: Kind;
  readonly firstSlot: number;
  readonly readings: readonly number[];
}

export class Batches {
  readonly #slots: number;
  readonly #full: (batch: Batch) => void;
  readonly #open = new Map<Kind, { kind: Kind; firstSlot: number; readings: number[] }>();

  /** `slots`: a batch ends at multiples of it. `full` takes each batch that is to be sent. */
  constructor(slots: number, full: (batch: Batch) => void) {
    this.#slots = slots;
    this.#full = full;
  }

  /** Readings that wait in batches. */
  get waiting(): number {
    let waiting = 0;
    for (const batch of this.#open.values()) waiting += batch.readings.length;
    return waiting;
  }

  /** Does a slot wait in a batch? */
  holds(kind: Kind, slot: number): boolean {
    const batch = this.#open.get(kind);
    return batch !== undefined && slot >= batch.firstSlot && slot < batch.firstSlot + batch.readings.length;
  }

  /** The lowest slot that waits, or infinity. */
  get oldest(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#open.values()].map(({ firstSlot }) => firstSlot));
  }

  /** What comes in bulk is a batch already; what does not follow on ends the open batch. */
  add(run: Batch): void {
    if (this.#slots === 1 || run.readings.length >= this.#slots) {
      this.#close(run.kind);
      this.#full(run);
      return;
    }
    let batch = this.#open.get(run.kind);
    if (batch !== undefined && batch.firstSlot + batch.readings.length !== run.firstSlot) {
      this.#close(run.kind);
      batch = undefined;
    }
    if (batch === undefined) {
      batch = { kind: run.kind, firstSlot: run.firstSlot, readings: [] };
      this.#open.set(run.kind, batch);
    }
    batch.readings.push(...run.readings);
    const boundary = (Math.floor(batch.firstSlot / this.#slots) + 1) * this.#slots;
    if (batch.firstSlot + batch.readings.length >= boundary) this.#close(run.kind);
  }

  /** Hands on what is there, full or not. */
  flush(): void {
    for (const kind of [...this.#open.keys()]) this.#close(kind);
  }

  #close(kind: Kind): void {
    const batch = this.#open.get(kind);
    if (batch === undefined) return;
    this.#open.delete(kind);
    this.#full(batch);
  }
}
