/** Who has sent which window, in memory: the schedule asks at every tick. */
import type { CiphertextStore } from "../store/ciphertext-store.ts";

export class Arrivals {
  readonly #windows = new Map<number, { slots: number; bySeries: Map<string, Set<string>> }>();

  /** Reads windows that begin at `from` or later. */
  load(store: CiphertextStore, from: number): void {
    for (const { series, firstSlot, slots } of store.windows(from)) {
      for (const meter of store.metersOf(series, firstSlot)) this.add({ meter, series, firstSlot, slots });
    }
  }

  add(item: { meter: string; series: string; firstSlot: number; slots: number }): void {
    let window = this.#windows.get(item.firstSlot);
    if (window === undefined) {
      window = { slots: item.slots, bySeries: new Map() };
      this.#windows.set(item.firstSlot, window);
    }
    let meters = window.bySeries.get(item.series);
    if (meters === undefined) {
      meters = new Set();
      window.bySeries.set(item.series, meters);
    }
    meters.add(item.meter);
  }

  /** First slots, ascending. */
  windows(): number[] {
    return [...this.#windows.keys()].sort((a, b) => a - b);
  }

  has(meter: string, series: string, firstSlot: number): boolean {
    return this.#windows.get(firstSlot)?.bySeries.get(series)?.has(meter) ?? false;
  }

  /** How many meters sent this series of a window. */
  count(series: string, firstSlot: number): number {
    return this.#windows.get(firstSlot)?.bySeries.get(series)?.size ?? 0;
  }

  forgetBefore(slot: number): void {
    for (const firstSlot of this.#windows.keys()) if (firstSlot < slot) this.#windows.delete(firstSlot);
  }
}
