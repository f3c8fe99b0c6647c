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
    if (this.wait(now, 1) > 0) return false;
    this.spend(1);
    return true;
  }

  /** Seconds until so many can be taken, 0 if they can be now; more than a second's worth only asks for that. */
  wait(now: number, tokens: number): number {
    if (this.#perSecond === 0) return 0;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (now - this.#last) * this.#perSecond);
    this.#last = now;
    return Math.max(0, (Math.min(tokens, this.#perSecond) - this.#tokens) / this.#perSecond);
  }

  /** Takes without asking. */
  spend(tokens: number): void {
    if (this.#perSecond > 0) this.#tokens -= tokens;
  }
}
