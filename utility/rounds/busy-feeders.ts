/** Which feeder has a round of loads or bills under way: one at a time, so that what one releases is known to the next. */
import type { RoundRecord } from "./record.ts";

/** Times that an answer may take before a feeder goes on without one round's sums. */
const STUCK_ANSWERS = 30;

interface Busy {
  readonly current: () => RoundRecord;
  readonly since: number;
}

export class BusyFeeders {
  readonly #busy = new Map<string, Busy>();
  readonly #patienceSeconds: number;

  constructor(answerSeconds: number) {
    this.#patienceSeconds = STUCK_ANSWERS * answerSeconds;
  }

  /** `current`: the round's record as it is by then. `now`: real time in seconds. */
  add(feeder: string, current: () => RoundRecord, now: number): void {
    this.#busy.set(feeder, { current, since: now });
  }

  /** A round that is endorsed and waits for sums may wait for an aggregator that never gives them: others go on beside it. */
  has(feeder: string, now: number): boolean {
    const busy = this.#busy.get(feeder);
    if (busy === undefined) return false;
    const { state, status } = busy.current();
    const isStuck = state === "endorsed" && status === "waiting";
    return !isStuck || now - busy.since < this.#patienceSeconds;
  }

  record(feeder: string): RoundRecord | undefined {
    return this.#busy.get(feeder)?.current();
  }

  /** Another round of the feeder may be under way since. */
  end(feeder: string, id: string): void {
    if (this.record(feeder)?.id === id) this.#busy.delete(feeder);
  }
}
