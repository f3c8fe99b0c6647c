/** Runs of slots for which nothing is stored, as the rule on catch-up values counts them. */
import type { Gaps } from "../release/catchup.ts";
import type { ShareStore } from "./share-store.ts";

export class ShareGaps implements Gaps {
  readonly #store: ShareStore;
  readonly #mostSlots: number;

  /** Looks back at most `mostSlots`: what lies before the window was never to be expected. */
  constructor(store: ShareStore, mostSlots: number) {
    this.#store = store;
    this.#mostSlots = mostSlots;
  }

  missingUpTo(meter: number, kind: number, slot: number): number {
    const from = Math.max(0, slot + 1 - this.#mostSlots);
    const { bits } = this.#store.range(meter, kind, from, slot + 1);
    let missing = 0;
    for (let index = slot - from; index >= 0; index--) {
      if ((bits[index >>> 3]! & (1 << (index & 7))) !== 0) return missing;
      missing++;
    }
    // Nothing stored before it: a gap needs a reading on its far side, else a new meter's first days would count as one.
    return 0;
  }
}
