/**
 * Brings ciphertexts to analytics over a connection of their own, at a bounded rate, so that they never hold up shares.
 * The connection stands only while something waits; when nobody answers, it is given up and tried again ever later.
 */
import type { PublishOptions } from "../../../config/runtime/link.ts";
import { splitChunks } from "../../../protocol/envelope/index.ts";
import { TokenBucket } from "./token-bucket.ts";
import type { Turns } from "./turns.ts";

/** The part of a link that the courier uses. */
export interface BulkLink {
  readonly connected: boolean;
  publish(topic: string, payload: Uint8Array, options?: PublishOptions): Promise<void>;
  close(): Promise<void>;
}

export interface BulkLinkHandlers {
  readonly onMessage: (topic: string, payload: Uint8Array) => void;
  /** After each connection, when its subscription is granted. */
  readonly onConnect: () => void;
  /** Gives up. */
  readonly signal: AbortSignal;
}

/** Connects as `<meter>.bulk`; tries until `signal` aborts, then rejects. */
export type ConnectBulk = (handlers: BulkLinkHandlers) => Promise<BulkLink>;

/** A ciphertext that analytics has not answered. */
export interface Parcel {
  readonly topic: string;
  readonly key: string;
  /** The sealed bytes; undefined when it was answered meanwhile. */
  readonly bytes: () => Uint8Array | undefined;
}

export interface BulkCourierOptions {
  readonly connect: ConnectBulk;
  /** What waits for analytics, the oldest first. */
  readonly waiting: () => readonly Parcel[];
  /** Takes an answer; returns whether it was one. */
  readonly answered: (payload: Uint8Array) => boolean;
  readonly bytesPerSecond: number;
  /** How long the courier waits for an answer before it gives the connection up. */
  readonly patienceMilliseconds: number;
  /** Shared by the meters of a process. */
  readonly turns: Turns;
  readonly monotonic: () => number;
  /** Calls back after so many milliseconds unless the returned function is called first. */
  readonly after: (milliseconds: number, callback: () => void) => () => void;
  /** A number in [0, 1): meters that failed together do not come back together. */
  readonly random: () => number;
  /** Chunks that went out, in bytes. */
  readonly sent?: (bytes: number) => void;
  /** The connection failed, or a publish did. */
  readonly failed?: (error: unknown) => void;
}

/** Waits between attempts double up to this many times the patience. */
const LONGEST_BACKOFF = 64;

export class BulkCourier {
  readonly #options: BulkCourierOptions;
  readonly #bucket: TokenBucket;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #poke: () => void = () => undefined;

  constructor(options: BulkCourierOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.bytesPerSecond, options.monotonic);
  }

  /** Whether the courier is under way, or waits to be. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Call when something waits. */
  wake(): void {
    if (this.#running !== undefined) this.#poke();
    else if (!this.#stop.signal.aborted && this.#options.waiting().length > 0) {
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
    const { waiting, turns, patienceMilliseconds, random } = this.#options;
    const { signal } = this.#stop;
    const idle = (): boolean => signal.aborted || waiting().length === 0;
    let backoff = 1;
    while (!idle()) {
      const endTurn = await turns.take(signal);
      if (endTurn === undefined) return;
      const session = new Session(this.#options, this.#bucket, signal);
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
        signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.after(milliseconds, done);
      signal.addEventListener("abort", done, { once: true });
    });
  }
}

/** How a connection ended: nothing waited any more; not all was answered; nothing was. */
type SessionEnd = "finished" | "answered" | "silent";

/** One connection: sends what waits, and stays for the answers. */
class Session {
  readonly #options: BulkCourierOptions;
  readonly #bucket: TokenBucket;
  readonly #stop: AbortSignal;
  readonly #giveUp = new AbortController();
  /** What went out since the connection was made. */
  readonly #sent = new Set<string>();
  #progress = false;
  #wake: () => void = () => undefined;
  #poked = false;
  /** When something was sent or answered, or the connection stood, for the last time. */
  #movedAt: number;

  constructor(options: BulkCourierOptions, bucket: TokenBucket, stop: AbortSignal) {
    this.#options = options;
    this.#bucket = bucket;
    this.#stop = stop;
    this.#movedAt = options.monotonic();
  }

  /** Something has happened: look again. */
  poke(): void {
    this.#poked = true;
    this.#wake();
  }

  /** Resolves when nothing waits, or nothing happens any more. */
  async run(): Promise<SessionEnd> {
    const { patienceMilliseconds, after, failed } = this.#options;
    const stop = (): void => {
      this.#giveUp.abort();
      this.poke();
    };
    this.#stop.addEventListener("abort", stop, { once: true });
    const cancel = after(patienceMilliseconds, () => this.#giveUp.abort());
    let link: BulkLink | undefined;
    try {
      link = await this.#connect();
      cancel();
      if (await this.#work(link)) return "finished";
    } catch (error) {
      if (!this.#giveUp.signal.aborted) failed?.(error);
    } finally {
      cancel();
      this.#stop.removeEventListener("abort", stop);
      await link?.close().catch(() => undefined);
      this.#giveUp.abort();
    }
    return this.#progress ? "answered" : "silent";
  }

  #connect(): Promise<BulkLink> {
    return this.#options.connect({
      onMessage: (_topic, payload) => {
        if (!this.#options.answered(payload)) return;
        this.#progress = true;
        this.#movedAt = this.#options.monotonic();
        this.poke();
      },
      // Whatever was on the way in an earlier connection may be lost, and so may be the answers.
      onConnect: () => {
        this.#sent.clear();
        this.#movedAt = this.#options.monotonic();
        this.poke();
      },
      signal: this.#giveUp.signal,
    });
  }

  /** True when nothing waits any more. */
  async #work(link: BulkLink): Promise<boolean> {
    while (!this.#giveUp.signal.aborted) {
      this.#poked = false;
      const waiting = this.#options.waiting();
      if (waiting.length === 0) return true;
      const next = link.connected ? waiting.find(({ key }) => !this.#sent.has(key)) : undefined;
      if (next !== undefined) {
        await this.#send(link, next);
        this.#movedAt = this.#options.monotonic();
      } else if (!(await this.#happens())) return false;
    }
    return false;
  }

  async #send(link: BulkLink, { topic, key, bytes }: Parcel): Promise<void> {
    this.#sent.add(key);
    const sealed = bytes();
    if (sealed === undefined) return;
    try {
      // One chunk at a time: the next goes when the broker has this one, so little is in memory.
      for (const chunk of splitChunks(sealed)) {
        for (let wait = this.#bucket.waitFor(chunk.length); wait > 0; wait = this.#bucket.waitFor(chunk.length)) {
          await this.#time(wait);
          if (this.#giveUp.signal.aborted) return;
        }
        this.#bucket.take(chunk.length);
        await link.publish(topic, chunk);
        this.#options.sent?.(chunk.length);
      }
    } catch (error) {
      // The link reconnects by itself; then everything that waits goes again.
      this.#sent.delete(key);
      if (this.#giveUp.signal.aborted) return;
      this.#options.failed?.(error);
      if (!(await this.#happens())) this.#giveUp.abort();
    }
  }

  /** Resolves when something happens, with false when nothing has moved for too long. */
  #happens(): Promise<boolean> {
    const { patienceMilliseconds, monotonic } = this.#options;
    const milliseconds = this.#movedAt + patienceMilliseconds - monotonic();
    if (milliseconds <= 0) return Promise.resolve(false);
    if (this.#poked) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (happened: boolean): void => {
        cancel();
        this.#wake = () => undefined;
        resolve(happened);
      };
      const cancel = this.#options.after(milliseconds, () => end(false));
      this.#wake = () => end(true);
    });
  }

  #time(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#giveUp.signal.removeEventListener("abort", done);
        resolve();
      };
      const cancel = this.#options.after(milliseconds, done);
      this.#giveUp.signal.addEventListener("abort", done, { once: true });
    });
  }
}
