/**
 * How meters move from one worker of an aggregator to another: the one makes durable what it has of them and forgets them,
 * the other reads them anew. In between nobody answers them, and meters send again what is not acknowledged.
 */
import type { Aggregator } from "../aggregator.ts";
import { partOf } from "./assignment.ts";
import type { Notice } from "./notices.ts";

export class HandOver {
  readonly #aggregator: Aggregator;
  readonly #partOfNumber: (number: number) => number;

  /** `partOfNumber`: by the number of a meter in the database. */
  constructor(aggregator: Aggregator, partOfNumber: (number: number) => number) {
    this.#aggregator = aggregator;
    this.#partOfNumber = partOfNumber;
  }

  /** Lets go of the meters of some parts; what came of them is durable when this returns. */
  letGo(parts: readonly number[]): void {
    const { intake, store } = this.#aggregator;
    const gone = new Set(parts);
    intake.letGo((meter) => gone.has(partOf(meter)));
    store.letGo((number) => gone.has(this.#partOfNumber(number)));
  }

  /** Takes the meters of some parts as the database has them. */
  gain(parts: readonly number[]): void {
    if (parts.length === 0) return;
    const { intake, keys } = this.#aggregator;
    const gained = new Set(parts);
    keys.reload((meter) => gained.has(partOf(meter)));
    intake.nextBoot();
  }

  /** Acts on what the worker with the desk has told. */
  hear(notices: readonly Notice[], owns: (meter: string) => boolean): void {
    const { intake, keys, membership, releases, store } = this.#aggregator;
    for (const notice of notices) {
      switch (notice.about) {
        case "meter":
          membership.reload(notice.meter);
          keys.reloadKeys(notice.meter);
          keys.setPlaces(notice.meter, membership.placesOf(notice.meter));
          break;
        case "resend":
          if (owns(notice.meter)) intake.askAgain(notice.meter, notice.kind, notice.firstSlot, notice.count);
          break;
        case "forgotten":
          store.forget(notice.from, notice.to);
          break;
        case "loads":
      }
    }
    if (notices.some(({ about }) => about === "loads")) releases.refresh();
  }
}
