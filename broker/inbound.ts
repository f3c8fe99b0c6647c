/**
 * Whole packets that wait for Aedes: in batches, at the client's rate, and nothing after CONNECT before the client is
 * accepted. While too much waits the socket is not read, so that TCP holds the client back.
 */
import { TokenBucket } from "./token-bucket.ts";

export interface InboundOptions {
  readonly messagesPerSecond: number;
  /** Seconds from any origin; never goes back. */
  readonly now: () => number;
  /** There is a batch again, after `next` had none. */
  readonly onReady: () => void;
  readonly pause: () => void;
  readonly resume: () => void;
}

interface Batch {
  readonly bytes: Buffer;
  readonly publishes: number;
}

/** Reading stops above so many bytes or batches, and goes on below half. */
const MOST_BYTES = 131_072;
const MOST_BATCHES = 32;

export class Inbound {
  readonly #options: InboundOptions;
  readonly #bucket: TokenBucket;
  readonly #batches: Batch[] = [];
  #bytes = 0;
  /** Aedes has asked and got nothing. */
  #asked = true;
  #connectPassed = false;
  #accepted = false;
  #paused = false;
  #timer: NodeJS.Timeout | undefined;
  #heldSince: number | undefined;

  constructor(options: InboundOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.messagesPerSecond, options.now());
  }

  /** Whether the socket is not being read. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Since when the client has been held back by its rate without a break. */
  get heldSince(): number | undefined {
    return this.#heldSince;
  }

  /** What follows the CONNECT may pass. */
  accept(): void {
    this.#accepted = true;
  }

  add(bytes: Buffer, publishes: number): void {
    this.#batches.push({ bytes, publishes });
    this.#bytes += bytes.length;
  }

  /** To be called after adding: tells Aedes, and stops reading when too much waits. */
  settle(): void {
    if (!this.#paused && (this.#bytes > MOST_BYTES || this.#batches.length > MOST_BATCHES)) {
      this.#paused = true;
      this.#options.pause();
    }
    if (this.#asked && this.#timer === undefined && this.#batches.length > 0) {
      this.#asked = false;
      this.#options.onReady();
    }
  }

  /** The next batch. Null: `onReady` will be called. */
  next(): Buffer | null {
    const batch = this.#mayPass() ? this.#batches.shift() : undefined;
    if (batch === undefined) {
      this.#asked = true;
      return null;
    }
    this.#bytes -= batch.bytes.length;
    this.#bucket.spend(batch.publishes);
    if (this.#paused && this.#bytes <= MOST_BYTES / 2 && this.#batches.length <= MOST_BATCHES / 2) {
      this.#paused = false;
      this.#heldSince = undefined;
      this.#options.resume();
    }
    return batch.bytes;
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#batches.length = 0;
  }

  #mayPass(): boolean {
    const [first] = this.#batches;
    if (first === undefined) return false;
    if (!this.#accepted) {
      if (this.#connectPassed) return false;
      this.#connectPassed = true;
      return true;
    }
    if (this.#options.messagesPerSecond === 0) return true;
    const now = this.#options.now();
    const wait = this.#bucket.wait(now, first.publishes);
    if (wait === 0) return true;
    this.#heldSince ??= now;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.settle();
    }, wait * 1_000);
    return false;
  }
}
