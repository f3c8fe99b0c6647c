/** Proposals for the switches of a grid in operation: one at a time, each for the loads and switches of its moment. */
import type { Logger } from "../../../config/runtime/logger.ts";
import { type GridState, optimiseOptions, type Switching } from "../../../protocol/grid/index.ts";
import { GridFault } from "./fault.ts";
import type { Snapshot } from "./operation.ts";
import { switchingOf } from "./tasks/optimise.ts";
import type { RequestThreads } from "./threads.ts";

export interface ProposalsOptions {
  readonly threads: RequestThreads;
  readonly requestSeconds: number;
  readonly log: Pick<Logger, "warn">;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  readonly now: () => { readonly snapshot: Snapshot | undefined; readonly state: GridState | undefined };
}

/** New loads are followed by proposals not faster than this. */
const LEAST_MILLISECONDS = 10_000;

export class Proposals {
  readonly #options: ProposalsOptions;
  #newest: Switching | undefined;
  /** The slot of the loads, and the switches, that it was made for. */
  #slot: number | null | undefined;
  #closed = "";
  #isBusy = false;
  #madeAt = Number.NEGATIVE_INFINITY;

  constructor(options: ProposalsOptions) {
    this.#options = options;
  }

  /** The newest; null where it was made for other loads or switches, and says nothing of these. */
  of(slotStart: number | null, { closed }: Pick<Snapshot, "closed">): Switching | null {
    return this.#slot === slotStart && this.#closed === closed.join("") ? (this.#newest ?? null) : null;
  }

  isDue(slotStart: number | null): boolean {
    return this.#slot !== slotStart && performance.now() - this.#madeAt > LEAST_MILLISECONDS;
  }

  /** One that cannot be made in time is none. */
  async make(): Promise<void> {
    const { threads, requestSeconds, log, signal: stopped, now } = this.#options;
    const { snapshot, state } = now();
    if (snapshot === undefined || state === undefined || this.#isBusy) return;
    const { time, simulated, loads } = state;
    this.#isBusy = true;
    this.#madeAt = performance.now();
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(requestSeconds * 1_000)]);
    try {
      const task = { snapshot, options: optimiseOptions.parse({}), at: { time, simulated } };
      this.#newest = switchingOf(await threads.run("optimise", task, signal));
      this.#slot = loads.slotStart;
      this.#closed = snapshot.closed.join("");
    } catch (err) {
      if (stopped.aborted) return;
      if (err instanceof GridFault || signal.aborted) log.warn({ err }, "no proposal for the switches");
      else throw err;
    } finally {
      this.#isBusy = false;
    }
  }
}
