/**
 * Conducts simulated time: a slot ends only once the slots before it are acknowledged, so that fast simulation loses
 * nothing that real time would not. It publishes the signed clock and tells the meter hosts which slots have ended.
 */
import type { CiphertextProgress, HostCommand, HostCounters, HostProgress } from "./host-messages.ts";

const REPEAT_MILLISECONDS = 500;

export interface ConductorOptions {
  readonly slotSeconds: number;
  /** Names of the hosts. */
  readonly hosts: readonly string[];
  readonly send: (host: string, command: HostCommand) => boolean;
  /** Signs and publishes the clock; resolves when the broker has it. */
  readonly publishClock: (time: number) => Promise<void>;
  /** How many slots the clock may be ahead of the oldest unacknowledged one. */
  readonly lagSlots: number;
  /** Before these slots ciphertexts are waited for, at most so long without progress. */
  readonly holds?: { readonly slots: ReadonlySet<number>; readonly patienceMilliseconds: number };
  /** Simulated seconds per second, or "max". */
  readonly speed: number | "max";
  readonly monotonic: () => number;
  readonly onSlot?: (slot: number) => void;
}

export class Conductor {
  readonly #options: ConductorOptions;
  readonly #progress = new Map<string, HostProgress>();
  readonly #retired = new Map<string, HostCounters>();
  readonly #retiredCiphertexts = new Map<string, CiphertextProgress>();
  #slot: number | undefined;
  #time = 0;
  #changed: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #feedingEnds = false;
  /** Number of the last request to flush; a host repeats it when it has. */
  #flush = 0;

  constructor(options: ConductorOptions) {
    this.#options = options;
  }

  /** Was it stopped before everything was acknowledged? */
  get stopped(): boolean {
    return this.#stopped;
  }

  get time(): number {
    return this.#time;
  }

  /** What a host reports; a host that was restarted counts from zero again, so its earlier totals are kept. */
  onProgress(host: string, progress: HostProgress): void {
    const last = this.#progress.get(host);
    if (last !== undefined && progress.fed === null && last.fed !== null) {
      this.#retired.set(host, addCounters(this.#retired.get(host), last.counters));
      const made = addCiphertexts(this.#retiredCiphertexts.get(host), last.ciphertexts);
      // What waited is the restarted host's again.
      if (made !== undefined) this.#retiredCiphertexts.set(host, { ...made, waiting: 0 });
    }
    this.#progress.set(host, progress);
    this.#changed();
  }

  /** Aggregators for which at least one host no longer waits. */
  get absentAggregators(): number[] {
    return [...new Set([...this.#progress.values()].flatMap((one) => one.absent))].sort();
  }

  counters(): HostCounters {
    let total: HostCounters | undefined;
    for (const host of this.#options.hosts) {
      total = addCounters(total, this.#retired.get(host));
      total = addCounters(total, this.#progress.get(host)?.counters);
    }
    return addCounters(total, undefined);
  }

  /** What meters encrypted, of all hosts; undefined where they do not. */
  ciphertexts(): CiphertextProgress | undefined {
    let total: CiphertextProgress | undefined;
    for (const host of this.#options.hosts) {
      total = addCiphertexts(total, this.#retiredCiphertexts.get(host));
      total = addCiphertexts(total, this.#progress.get(host)?.ciphertexts);
    }
    return total;
  }

  /** The last slot that every host has fed, or undefined. */
  get fed(): number | undefined {
    const all = this.#options.hosts.map((host) => this.#progress.get(host)?.fed ?? undefined);
    return all.includes(undefined) ? undefined : Math.min(...all.map(Number));
  }

  /** Resolves when a host has reported something new, or at the next repetition. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => this.#onNextChange(resolve));
  }

  /** Repeats clock and command regularly: a role or host that was restarted hears where time stands. */
  start(): void {
    this.#timer = setInterval(() => this.#repeat(), REPEAT_MILLISECONDS);
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#changed();
  }

  /** No further slot begins; what has begun is delivered and acknowledged. */
  endFeeding(): void {
    this.#feedingEnds = true;
    this.#changed();
  }

  #repeat(): void {
    if (this.#time > 0) this.#publish(this.#time);
    for (const host of this.#options.hosts) {
      const fed = this.#progress.get(host)?.fed ?? null;
      if (this.#slot !== undefined && (fed === null || fed < this.#slot)) {
        this.#options.send(host, { type: "advance", slot: this.#slot });
      } else if (this.#flush > 0) this.#options.send(host, { type: "flush", number: this.#flush });
    }
    this.#changed();
  }

  #publish(time: number): void {
    // The broker may be down just now; the next repetition tells it again.
    this.#options.publishClock(time).catch(() => undefined);
  }

  /**
   * Runs slots [from, to): each is announced, read by the meters, and acknowledged up to the allowed lag. Resolves with
   * the slot after the last one that was fed. `begunAt`: when slot `from` began, in milliseconds of `monotonic`; slots
   * that have ended since are fed at once.
   */
  async run(from: number, to: number, begunAt = this.#options.monotonic()): Promise<number> {
    const { slotSeconds, speed, monotonic, lagSlots, holds } = this.#options;
    await this.setTime(from * slotSeconds);
    for (let slot = from; slot < to; slot++) {
      if (speed !== "max") {
        const due = begunAt + ((slot + 1 - from) * slotSeconds * 1000) / speed;
        await this.#until(() => this.#feedingEnds || monotonic() >= due, due - monotonic());
      }
      if (this.#feedingEnds || this.#stopped) return slot;
      await this.#until(() => this.#acknowledgedUpTo(slot - lagSlots));
      if (holds?.slots.has(slot) === true) await this.encrypted(holds.patienceMilliseconds);
      await this.setTime((slot + 1) * slotSeconds);
      this.#slot = slot;
      for (const host of this.#options.hosts) this.#options.send(host, { type: "advance", slot });
      await this.#until(() => this.#options.hosts.every((host) => (this.#progress.get(host)?.fed ?? -1) >= slot));
      this.#options.onSlot?.(slot);
    }
    return to;
  }

  /** Sends what batches still hold back, and waits until every present aggregator has settled everything. */
  async drain(): Promise<void> {
    this.#flush += 1;
    for (const host of this.#options.hosts) this.#options.send(host, { type: "flush", number: this.#flush });
    const flushed = (host: string): boolean => (this.#progress.get(host)?.flushed ?? 0) >= this.#flush;
    await this.#until(() => this.#options.hosts.every(flushed) && this.#acknowledgedUpTo(Number.POSITIVE_INFINITY));
    this.#flush = 0;
  }

  /**
   * Waits until every ciphertext of a window that is over is answered. Gives up after so long without progress, or when
   * an aggregator is absent: it would be waited for.
   */
  async encrypted(patienceMilliseconds: number): Promise<void> {
    const { monotonic } = this.#options;
    let last = "";
    let changedAt = monotonic();
    await this.#until(() => {
      const progress = this.ciphertexts();
      if (progress === undefined || progress.waiting === 0 || this.absentAggregators.length > 0) return true;
      const text = `${progress.made} ${progress.waiting}`;
      if (text !== last) [last, changedAt] = [text, monotonic()];
      return monotonic() - changedAt > patienceMilliseconds;
    });
  }

  /** Moves the clock and waits until the broker has it, however often that takes. */
  async setTime(time: number): Promise<void> {
    this.#time = Math.max(this.#time, time);
    while (!this.#stopped) {
      try {
        await this.#options.publishClock(this.#time);
        return;
      } catch {
        // Offline: the repetition timer wakes this loop.
        await new Promise<void>((resolve) => this.#onNextChange(resolve));
      }
    }
  }

  #acknowledgedUpTo(slot: number): boolean {
    return this.#options.hosts.every((host) => {
      const progress = this.#progress.get(host);
      if (progress === undefined) return false;
      if (this.#slot !== undefined && (progress.fed === null || progress.fed < this.#slot)) return false;
      return progress.oldest === null || progress.oldest > slot;
    });
  }

  #onNextChange(wake: () => void): void {
    const before = this.#changed;
    this.#changed = () => {
      this.#changed = before;
      before();
      wake();
    };
  }

  async #until(condition: () => boolean, milliseconds?: number): Promise<void> {
    while (!this.#stopped && !condition()) {
      await new Promise<void>((resolve) => {
        const timer = milliseconds === undefined ? undefined : setTimeout(resolve, Math.max(1, milliseconds));
        this.#onNextChange(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }
}

function addCounters(a: HostCounters | undefined, b: HostCounters | undefined): HostCounters {
  const sum = (name: keyof HostCounters): number => (a?.[name] ?? 0) + (b?.[name] ?? 0);
  return {
    readings: sum("readings"),
    exports: sum("exports"),
    settled: sum("settled"),
    shareMessages: sum("shareMessages"),
    shareSlots: sum("shareSlots"),
    shareBytes: sum("shareBytes"),
    gaps: sum("gaps"),
    refused: sum("refused"),
  };
}

function addCiphertexts(
  a: CiphertextProgress | undefined,
  b: CiphertextProgress | undefined,
): CiphertextProgress | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    waiting: a.waiting + b.waiting,
    made: a.made + b.made,
    settled: a.settled + b.settled,
    refused: a.refused + b.refused,
    bytes: a.bytes + b.bytes,
    milliseconds: a.milliseconds + b.milliseconds,
  };
}
