/** The slot up to which everything is settled: durable, so that a restart need not send it all again. */
import type { Outbox } from "./outbox.ts";

export interface SettledMarkOptions {
  readonly number: number;
  readonly outbox: Outbox;
  /** As the outbox remembers it. */
  readonly slot: number;
  /** Settled readings stay for so many slots. */
  readonly keepSlots: number;
}

export class SettledMark {
  readonly #options: SettledMarkOptions;
  #slot: number;
  #moved = false;

  constructor(options: SettledMarkOptions) {
    this.#options = options;
    this.#slot = options.slot;
  }

  /** Something was settled. */
  move(): void {
    this.#moved = true;
  }

  /** Remembers that all slots below are settled, when something was. `oldest`: the lowest that is not. */
  remember(oldest: () => number): void {
    if (!this.#moved) return;
    this.#moved = false;
    const settled = oldest() - 1;
    if (settled <= this.#slot) return;
    this.#slot = settled;
    const { outbox, number, keepSlots } = this.#options;
    outbox.rememberSettled(number, settled);
    if (settled > keepSlots) outbox.forget(number, settled - keepSlots, settled);
  }
}
