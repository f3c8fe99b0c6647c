/**
 * Waits until every reading is settled, and no longer than anything still moves: an aggregator that stays away, or a
 * broker that is not there, ends the wait and not the readings.
 */
import type { Gap } from "./outbox.ts";

export interface SettleWatchOptions {
  readonly unsettled: () => number;
  /** How long nothing may be settled before waiting ends. */
  readonly patienceSeconds: number;
  /** Calls back once after so many milliseconds unless the returned function is called first. */
  readonly startTimer?: (callback: () => void, milliseconds: number) => () => void;
}

export type WaitEnd = "settled" | "silent" | "stopped";

export class SettleWatch {
  readonly #options: Required<SettleWatchOptions>;
  readonly #slots = new Set<number>();
  readonly #refusals = new Map<string, Set<number>>();
  #moved: () => void = () => undefined;

  constructor(options: SettleWatchOptions) {
    this.#options = { startTimer, ...options };
  }

  /** A run of readings has been settled by every aggregator. */
  settled(firstSlot: number, count: number): void {
    for (let slot = firstSlot; slot < firstSlot + count; slot++) this.#slots.add(slot);
    this.#moved();
  }

  /** Something else that is waited for has come nearer to its end. */
  moved(): void {
    this.#moved();
  }

  gap({ from, to, reason }: Gap): void {
    const [code = ""] = reason.split(":");
    const slots = this.#refusals.get(code) ?? new Set();
    for (let slot = from; slot < to; slot++) slots.add(slot);
    this.#refusals.set(code, slots);
  }

  /** Slots settled and not refused: an aggregator's refusal settles a slot, too, as nothing more will come of it. */
  get settledSlots(): number {
    const lost = Object.keys(GAP_WORDS).flatMap((code) => [...(this.#refusals.get(code) ?? [])]);
    return this.#slots.size - new Set(lost.filter((slot) => this.#slots.has(slot))).size;
  }

  /** Readings were handed in, and no total will ever hold them. */
  get lost(): boolean {
    return Object.keys(GAP_WORDS).some((code) => this.#refusals.has(code));
  }

  /** Slots that became gaps, by reason: `closed` and `conflict` come from aggregators, others from the meter itself. */
  gaps(): Record<string, number> {
    return Object.fromEntries([...this.#refusals].map(([code, slots]) => [code, slots.size]));
  }

  wait(signal: AbortSignal): Promise<WaitEnd> {
    return new Promise((resolve) => {
      const { unsettled, patienceSeconds, startTimer: start } = this.#options;
      let cancel: () => void = () => undefined;
      const end = (how: WaitEnd): void => {
        cancel();
        this.#moved = () => undefined;
        resolve(how);
      };
      this.#moved = () => {
        cancel();
        if (signal.aborted) end("stopped");
        else if (unsettled() === 0) end("settled");
        else cancel = start(() => end("silent"), patienceSeconds * 1_000);
      };
      signal.addEventListener("abort", () => end("stopped"), { once: true });
      this.#moved();
    });
  }
}

function startTimer(callback: () => void, milliseconds: number): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}

const GAP_WORDS: Readonly<Record<string, string>> = {
  closed: "refused by aggregators: too old, or from before the meter's place on a feeder",
  conflict: "refused by aggregators, which hold another reading of them",
  "outbox-full": "given up, because the outbox was full",
};

/** What became of the readings, a line for each kind of end. */
export function outcomeText(watch: SettleWatch, unsettled: number): string {
  const slots = (count: number): string => `${count} slot${count === 1 ? "" : "s"}`;
  const gaps = Object.entries(watch.gaps()).map(
    ([code, count]) => `${slots(count)} ${GAP_WORDS[code] ?? `without a reading (${code})`}`,
  );
  const waiting = unsettled === 0 ? [] : [`${unsettled} reading${unsettled === 1 ? "" : "s"} not settled yet`];
  return [`${slots(watch.settledSlots)} settled`, ...gaps, ...waiting].join("\n");
}
