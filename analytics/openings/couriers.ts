/** Trips of meters' ciphertexts to aggregators: one at a time for each aggregator, whatever job asks for it. */
import { bringInputs } from "./input-courier.ts";
import type { Opening } from "./opening.ts";
import type { OpeningDeskOptions } from "./opening-options.ts";

interface CouriersOptions extends Pick<OpeningDeskOptions, "jobs" | "ask" | "bytesOf" | "messageBytes" | "monotonic"> {
  /** Is the job still to be opened? */
  readonly active: (job: string) => boolean;
  /** A trip that could not be finished; the aggregator asks again. */
  readonly failed: (error: unknown) => void;
}

export class Couriers {
  readonly #options: CouriersOptions;
  readonly #trips = new Map<number, Promise<void>>();
  /** What is on its way. */
  readonly #sent = new Map<string, ReadonlySet<string>>();
  /** What was asked for while a trip was under way, the last word of each aggregator on each job. */
  readonly #next = new Map<string, readonly (readonly [string, string])[]>();

  constructor(options: CouriersOptions) {
    this.#options = options;
  }

  /** Sends what an aggregator asked for, after what is on its way to it already. */
  bring(opening: Opening, aggregator: number, inputs: readonly (readonly [string, string])[]): void {
    const key = `${aggregator} ${opening.job}`;
    if (opening.isBusy(aggregator)) {
      // What is on its way is not sent twice; should it be lost, it is asked for again.
      const more = inputs.filter((input) => !this.#sent.get(key)?.has(input.join(" ")));
      if (more.length > 0) this.#next.set(key, more);
      return;
    }
    const { jobs, ask, bytesOf, messageBytes, monotonic, active, failed } = this.#options;
    const { number, job } = opening;
    const firstSlot = jobs.get(number)?.firstSlot;
    if (firstSlot === undefined) return;
    opening.busy(aggregator, true, monotonic());
    this.#sent.set(key, new Set(inputs.map((input) => input.join(" "))));
    const before = this.#trips.get(aggregator) ?? Promise.resolve();
    const trip = before
      .then(async () => {
        await bringInputs(inputs, {
          bytesOf: (meter, series) => bytesOf(meter, series, firstSlot),
          send: (message) => ask(job, aggregator, message),
          messageBytes,
          active: () => active(job),
        });
      })
      .catch(failed)
      .finally(() => {
        opening.busy(aggregator, false, monotonic());
        if (this.#trips.get(aggregator) === trip) this.#trips.delete(aggregator);
        this.#sent.delete(key);
        const next = this.#next.get(key);
        this.#next.delete(key);
        if (next !== undefined && active(job)) this.bring(opening, aggregator, next);
      });
    this.#trips.set(aggregator, trip);
  }

  /** Resolves when the trips under way have ended. */
  async idle(): Promise<void> {
    while (this.#trips.size > 0) await Promise.all(this.#trips.values());
  }
}
