/**
 * A meter's second connection: brings what is large to the broker at a bounded rate, so that it never holds up shares. The
 * connection stands only while something waits; when nobody answers, it is given up and tried again ever later.
 */
import { BulkSession, type BulkSessionOptions, type BulkSource, type Load, type Parcel } from "./bulk-session.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Turns } from "./turns.ts";

/** A message that need only reach the broker; whoever posts it hears of the answer elsewhere, and posts it again. */
interface Posted extends Parcel {
  readonly wanted: () => boolean;
}

export interface BulkCourierOptions extends BulkSessionOptions {
  readonly bytesPerSecond: number;
  /** Shared by the meters of a process. */
  readonly turns: Turns;
  /** A number in [0, 1): meters that failed together do not come back together. */
  readonly random: () => number;
}

/** Waits between attempts double up to this many times the patience. */
const LONGEST_BACKOFF = 64;

export class BulkCourier {
  readonly #options: BulkCourierOptions;
  readonly #bucket: TokenBucket;
  readonly #stop = new AbortController();
  readonly #sources: BulkSource[] = [];
  /** By topic. */
  readonly #posted = new Map<string, Posted>();
  readonly #load: Load = {
    waiting: () => [...this.#wanted(), ...this.#sources.flatMap((source) => source.waiting())],
    answered: (payload) => this.#sources.some((source) => source.answered(payload)),
    brought: ({ topic }) => this.#posted.delete(topic),
  };
  #running: Promise<void> | undefined;
  #poke: () => void = () => undefined;
  #hurry: () => void = () => undefined;

  constructor(options: BulkCourierOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.bytesPerSecond, options.monotonic);
  }

  add(source: BulkSource): void {
    this.#sources.push(source);
  }

  /** Brings a message to the broker once, before all that sources have; one that waits under the topic is replaced. */
  post(topic: string, payload: Uint8Array, wanted: () => boolean): void {
    this.#posted.set(topic, { topic, key: topic, wanted, chunks: () => (wanted() ? [payload] : undefined) });
    this.wake();
    // It is not the courier's to wait longer and longer: who posts it decides when it is time again.
    this.#hurry();
  }

  #wanted(): Posted[] {
    for (const [topic, { wanted }] of this.#posted) if (!wanted()) this.#posted.delete(topic);
    return [...this.#posted.values()];
  }

  /** Whether the courier is under way, or waits to be. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Call when something waits. */
  wake(): void {
    if (this.#running !== undefined) this.#poke();
    else if (!this.#stop.signal.aborted && this.#load.waiting().length > 0) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#poke();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { turns, patienceMilliseconds, random } = this.#options;
    const { signal } = this.#stop;
    const idle = (): boolean => signal.aborted || this.#load.waiting().length === 0;
    let backoff = 1;
    while (!idle()) {
      const endTurn = await turns.take(signal);
      if (endTurn === undefined) return;
      const session = new BulkSession(this.#options, this.#load, this.#bucket, signal);
      this.#poke = () => session.poke();
      const end = await session.run().finally(endTurn);
      this.#poke = () => undefined;
      backoff = end === "silent" ? Math.min(2 * backoff, LONGEST_BACKOFF) : 1;
      // What came while a finished connection was closed need not wait.
      if (end !== "finished" && !idle()) await this.#pause(backoff * patienceMilliseconds * (0.5 + random()), signal);
    }
  }

  #pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#hurry = () => undefined;
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.after(milliseconds, done);
      this.#hurry = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
