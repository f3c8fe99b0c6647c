/**
 * The filters that one client holds, and how fast it may change them. A party subscribes once when it connects; whoever
 * subscribes and unsubscribes without end costs the broker far more than the bytes, and is told to be cut off.
 */
import type { Counters } from "./counters.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface FilterBookOptions {
  /** Filters held at once. */
  readonly most: number;
  readonly counters: Pick<Counters, "subscriptionsNow">;
  /** Seconds from any origin; never goes back. */
  readonly now: () => number;
}

/** Every filter that is asked for or given up counts, granted or not. So often its whole list may be changed in a second. */
const CHANGES_PER_SECOND = 16;

export class FilterBook {
  readonly #options: FilterBookOptions;
  readonly #bucket: TokenBucket;
  readonly #held = new Set<string>();

  constructor(options: FilterBookOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket(options.most * CHANGES_PER_SECOND, options.now());
  }

  /** Whether one more change is within the rate; it is counted. */
  mayChange(): boolean {
    return this.#bucket.take(this.#options.now());
  }

  /** Notes a filter that is granted; false where the client holds too many. */
  add(filter: string): boolean {
    if (this.#held.has(filter)) return true;
    if (this.#held.size >= this.#options.most) return false;
    this.#held.add(filter);
    this.#options.counters.subscriptionsNow++;
    return true;
  }

  /** The client has given these up. False: that was faster than its rate. */
  drop(filters: readonly string[]): boolean {
    for (const filter of filters) this.#remove(filter);
    return filters.every(() => this.mayChange());
  }

  /** The client is gone. */
  clear(): void {
    for (const filter of [...this.#held]) this.#remove(filter);
  }

  #remove(filter: string): void {
    if (this.#held.delete(filter)) this.#options.counters.subscriptionsNow--;
  }
}
