/** How many bytes may go out: a steady rate, and at most one second's worth at once. */

export class TokenBucket {
  readonly #perSecond: number;
  readonly #monotonic: () => number;
  #tokens: number;
  #at: number;

  /** `monotonic` in milliseconds. */
  constructor(bytesPerSecond: number, monotonic: () => number) {
    if (!(bytesPerSecond > 0)) throw new RangeError(`bytesPerSecond: expected above 0, got ${bytesPerSecond}`);
    this.#perSecond = bytesPerSecond;
    this.#monotonic = monotonic;
    this.#tokens = bytesPerSecond;
    this.#at = monotonic();
  }

  /**
   * Milliseconds until so many bytes may go. More than a second's worth goes when the bucket is full, and the next has
   * to wait for it.
   */
  waitFor(bytes: number): number {
    this.#fill();
    const wanted = Math.min(bytes, this.#perSecond);
    return Math.max(0, Math.ceil(((wanted - this.#tokens) / this.#perSecond) * 1_000));
  }

  /** Takes note that they went. */
  take(bytes: number): void {
    this.#fill();
    this.#tokens -= bytes;
  }

  #fill(): void {
    const now = this.#monotonic();
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#at) / 1_000) * this.#perSecond);
    this.#at = now;
  }
}
