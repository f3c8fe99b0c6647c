/** Runs of slots for which nothing is stored, as the rule on catch-up values counts them. */
import type { Gaps } from "../release/catchup.ts";
import type { ShareStore } from "./share-store.ts";

/** Kind catchup is import + 2, catchupExport is export + 2. */
const CATCHUP_OFFSET = 2;

export class ShareGaps implements Gaps {
  readonly #store: ShareStore;
  readonly #mostSlots: number;

  /** Looks back at most `mostSlots`; a gap that is longer counts as that many. */
  constructor(store: ShareStore, mostSlots: number) {
    this.#store = store;
    this.#mostSlots = mostSlots;
  }

  missingUpTo(meter: number, kind: number, slot: number): number {
    const from = Math.max(0, slot + 1 - this.#mostSlots);
    const own = this.#store.range(meter, kind, from, slot + 1).bits;
    const catchup = this.#store.range(meter, kind + CATCHUP_OFFSET, from, slot + 1).bits;
    for (let index = slot - from; index >= 0; index--) {
      // An earlier catch-up ends its own gap: what lies before it belongs to that one.
      const before = index === slot - from ? own[index >>> 3]! : own[index >>> 3]! | catchup[index >>> 3]!;
      if ((before & (1 << (index & 7))) !== 0) return slot - from - index;
    }
    // A gap needs a reading on its far side, else the time before a new meter's first reading would count as one.
    return this.#store.hasBefore(meter, kind, from) ? slot + 1 - from : 0;
  }
}
