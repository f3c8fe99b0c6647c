/** A rate limit that lets short bursts pass: one second's worth may come at once. */

export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #last: number;

  /** `perSecond` 0 means no limit. `now` in seconds, from any origin. */
  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#last = now;
  }

  /** Takes one if there is one. */
  take(now: number): boolean {
    if (this.wait(now) > 0) return false;
    this.spend(1);
    return true;
  }

  /** Seconds until there is something to take; 0 if there is. */
  wait(now: number): number {
    if (this.#perSecond === 0) return 0;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (now - this.#last) * this.#perSecond);
    this.#last = now;
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) / this.#perSecond;
  }

  /** Takes without asking; a debt is paid off by waiting. */
  spend(tokens: number): void {
    if (this.#perSecond > 0) this.#tokens -= tokens;
  }
}
