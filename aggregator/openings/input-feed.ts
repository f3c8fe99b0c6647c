/**
 * The inputs of the job under way, in the transcript's order. They are asked for in batches that memory can hold, taken
 * as they come, handed on and dropped. What was not asked for is not kept.
 */
import type { JobInput } from "../../protocol/ckks/job.ts";
import { JobError } from "./job-error.ts";
import type { MachineInput } from "./machine.ts";

export interface FeedLimits {
  /** Inputs that are asked for at once. */
  readonly batch: number;
  /** Most bytes of one input. */
  readonly inputBytes: number;
}

/** As the message's schema has it. */
export const MAX_NEEDED = 4_096;

export class InputFeed {
  readonly #inputs: readonly JobInput[];
  readonly #limits: FeedLimits;
  readonly #places = new Map<string, number>();
  readonly #held = new Map<number, Uint8Array>();
  /** The first input that was not handed on, and the end of the batch. */
  #next = 0;
  #end = 0;
  #wake: (() => void) | undefined;
  #aborted: Error | undefined;

  constructor(inputs: readonly JobInput[], limits: FeedLimits) {
    this.#inputs = inputs;
    this.#limits = limits;
    for (const [index, { meter, series }] of inputs.entries()) this.#places.set(`${meter} ${series}`, index);
  }

  get isDone(): boolean {
    return this.#next === this.#inputs.length;
  }

  /** There is something to go on with. */
  get isReady(): boolean {
    return this.#aborted !== undefined || this.#held.has(this.#next);
  }

  /** Begins the next batch when the last one was handed on; false while there is one. */
  begin(): boolean {
    if (this.#next < this.#end || this.isDone) return false;
    this.#end = Math.min(this.#inputs.length, this.#next + this.#limits.batch);
    return true;
  }

  /** Of the batch, what has not come. */
  missing(): [meter: string, series: string][] {
    const missing: [string, string][] = [];
    for (let index = this.#next; index < this.#end; index++) {
      if (this.#held.has(index)) continue;
      const { meter, series } = this.#inputs[index]!;
      missing.push([meter, series]);
    }
    return missing;
  }

  /** Takes an input; false when it was not asked for or is here. Throws JobError for one that is too long. */
  offer(meter: string, series: string, bytes: Uint8Array): boolean {
    const index = this.#places.get(`${meter} ${series}`);
    if (index === undefined || index < this.#next || index >= this.#end || this.#held.has(index)) return false;
    if (bytes.length > this.#limits.inputBytes) {
      const detail = `${series} of ${meter} has ${bytes.length} bytes, at most ${this.#limits.inputBytes} are right`;
      throw new JobError("malformed-input", detail, [index]);
    }
    // A copy: what was decoded is a view of the whole message.
    this.#held.set(index, Uint8Array.from(bytes));
    if (index === this.#next) this.#awake();
    return true;
  }

  /** The next inputs that are here, in order, and forgets them. */
  take(most: number): MachineInput[] {
    const taken: MachineInput[] = [];
    while (taken.length < most) {
      const bytes = this.#held.get(this.#next);
      if (bytes === undefined) break;
      const { meter, series, digest } = this.#inputs[this.#next]!;
      this.#held.delete(this.#next);
      this.#next++;
      taken.push({ meter, series, digest, bytes });
    }
    return taken;
  }

  /** Resolves when the next input is here; rejects with what the feed was aborted with. */
  async wait(): Promise<void> {
    if (!this.isReady) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#aborted !== undefined) throw this.#aborted;
  }

  abort(reason: Error): void {
    this.#aborted ??= reason;
    this.#awake();
  }

  #awake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
