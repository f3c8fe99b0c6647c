/**
 * The simulated clock of a fleet whose day is done: it repeats the last time, so that changes of the enrolment know
 * which slot it is, falls silent while another process moves the time, and goes on from there when that one ends.
 */
import type { SimulatorClock } from "./simulator-clock.ts";

const LOOK_MILLISECONDS = 250;

export interface RestingClockOptions {
  /** Unix seconds. */
  readonly time: number;
  readonly simulator: SimulatorClock;
  readonly connect: (signal: AbortSignal) => Promise<SimulatorClock>;
  /** Does another process move the time just now? */
  readonly isTaken: () => boolean;
  /** How far the others have come. */
  readonly notedTime: () => number;
  readonly onFailure: (error: unknown) => void;
}

export class RestingClock {
  readonly #options: RestingClockOptions;
  readonly #ending = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #simulator: SimulatorClock | undefined;
  #work: Promise<void> | undefined;

  constructor(options: RestingClockOptions) {
    this.#options = options;
    this.#simulator = options.simulator;
    this.#timer = setInterval(() => this.#look(), LOOK_MILLISECONDS);
  }

  #look(): void {
    this.#work ??= this.#repeat()
      .catch((error: unknown) => {
        if (!this.#ending.signal.aborted) this.#options.onFailure(error);
      })
      .finally(() => {
        this.#work = undefined;
      });
  }

  async #repeat(): Promise<void> {
    const { time, connect, isTaken, notedTime } = this.#options;
    if (isTaken()) {
      // Both speak as the simulator: two connections would throw each other out.
      await this.#simulator?.close();
      this.#simulator = undefined;
      return;
    }
    this.#simulator ??= await connect(this.#ending.signal);
    // The broker may be away just now; the next look tells it again.
    await this.#simulator.publish(Math.max(time, notedTime())).catch(() => undefined);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#ending.abort();
    await this.#work;
    await this.#simulator?.close();
    this.#simulator = undefined;
  }
}
