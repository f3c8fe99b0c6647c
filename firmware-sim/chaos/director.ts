/** Carries out a schedule while slots go by, and ends every fault in its time, or all at once. */
import type { Faults, Heal } from "./faults.ts";
import { type ChaosEvent, eventText } from "./schedule.ts";

/** One line of what happened. */
export interface Happened {
  readonly what: "event" | "healed" | "missed";
  readonly slot: number;
  readonly text: string;
}

export interface DirectorOptions {
  readonly events: readonly ChaosEvent[];
  readonly faults: Pick<Faults, "strike">;
  readonly onHappened: (happened: Happened) => void;
  readonly setTimer?: (work: () => void, milliseconds: number) => () => void;
}

export class Director {
  /** Events that were carried out, and those whose target did not run just then. */
  done = 0;
  missed = 0;
  readonly #options: DirectorOptions;
  readonly #setTimer: (work: () => void, milliseconds: number) => () => void;
  readonly #lasting = new Set<() => void>();
  #next = 0;
  #slot = 0;

  constructor(options: DirectorOptions) {
    this.#options = options;
    this.#setTimer = options.setTimer ?? setTimer;
  }

  /** `slot` slots of the run are over. */
  onSlot(slot: number): void {
    this.#slot = slot;
    const { events } = this.#options;
    for (let event = events[this.#next]; event !== undefined && event.atSlot <= slot; event = events[this.#next]) {
      this.#next += 1;
      this.#strike(event);
    }
  }

  /** Ends everything that lasts, at once. */
  healAll(): void {
    for (const heal of this.#lasting) heal();
  }

  #strike(event: ChaosEvent): void {
    const text = eventText(event);
    const heal = this.#options.faults.strike(event);
    if (heal === undefined) {
      this.missed += 1;
      this.#tell("missed", text);
      return;
    }
    this.done += 1;
    this.#tell("event", text);
    if ("seconds" in event) this.#healLater(heal, event.seconds, text);
  }

  #healLater(heal: Heal, seconds: number, text: string): void {
    const end = (): void => {
      if (!this.#lasting.delete(end)) return;
      cancel();
      heal();
      this.#tell("healed", text);
    };
    const cancel = this.#setTimer(end, seconds * 1_000);
    this.#lasting.add(end);
  }

  #tell(what: Happened["what"], text: string): void {
    this.#options.onHappened({ what, slot: this.#slot, text });
  }
}

function setTimer(work: () => void, milliseconds: number): () => void {
  const timer = setTimeout(work, milliseconds);
  return () => clearTimeout(timer);
}
