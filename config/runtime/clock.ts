/** The clock as a parameter: real time in production, the simulator's signed time in a simulation. */

export interface Clock {
  /** Unix seconds, UTC; may have a fraction. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() / 1000 };

/** Time that someone else tells. It never goes back: an earlier time is ignored. */
export class SimulatedClock implements Clock {
  #time: number;
  readonly #listeners = new Set<(time: number) => void>();

  /** `start` in Unix seconds. */
  constructor(start = 0) {
    if (!Number.isFinite(start)) throw new RangeError(`start: expected Unix seconds, got ${start}`);
    this.#time = start;
  }

  now(): number {
    return this.#time;
  }

  /** Moves to `time` and tells the listeners; returns false, and does nothing, when it is not later than now. */
  set(time: number): boolean {
    if (!Number.isFinite(time)) throw new RangeError(`time: expected Unix seconds, got ${time}`);
    if (time <= this.#time) return false;
    this.#time = time;
    for (const listener of [...this.#listeners]) listener(time);
    return true;
  }

  /** Calls back after every change; returns how to stop it. */
  onChange(listener: (time: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
