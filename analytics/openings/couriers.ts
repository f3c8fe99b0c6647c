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

  constructor(options: CouriersOptions) {
    this.#options = options;
  }

  /** Sends what an aggregator asked for, unless that is under way already. */
  bring(opening: Opening, aggregator: number, inputs: readonly (readonly [string, string])[]): void {
    if (opening.isBusy(aggregator)) return;
    const { jobs, ask, bytesOf, messageBytes, monotonic, active, failed } = this.#options;
    const { number, job } = opening;
    const firstSlot = jobs.get(number)?.firstSlot;
    if (firstSlot === undefined) return;
    opening.busy(aggregator, true, monotonic());
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
      });
    this.#trips.set(aggregator, trip);
  }

  /** Resolves when the trips under way have ended. */
  async idle(): Promise<void> {
    await Promise.all(this.#trips.values());
  }
}
