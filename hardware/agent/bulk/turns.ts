/** Lets so many do something at the same time, in the order in which they asked: the bulk connections of a process. */

export class Turns {
  #free: number;
  readonly #queue: (() => void)[] = [];

  constructor(most: number) {
    if (!Number.isInteger(most) || most < 1) throw new RangeError(`most: expected an integer from 1 on, got ${most}`);
    this.#free = most;
  }

  /** Resolves when it is the caller's turn, with what ends it; undefined when `signal` aborts before. */
  take(signal: AbortSignal): Promise<(() => void) | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    if (this.#free > 0) {
      this.#free -= 1;
      return Promise.resolve(this.#release());
    }
    return new Promise((resolve) => {
      const start = (): void => {
        signal.removeEventListener("abort", leave);
        resolve(this.#release());
      };
      const leave = (): void => {
        this.#queue.splice(this.#queue.indexOf(start), 1);
        resolve(undefined);
      };
      this.#queue.push(start);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /** Ends a turn once; the next in the queue has it then. */
  #release(): () => void {
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const next = this.#queue.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }
}
