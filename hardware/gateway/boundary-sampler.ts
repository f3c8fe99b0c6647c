/**
 * Picks, out of many looks at a register, the one nearest to each slot boundary. The agent takes the first look that is
 * near enough to one; with a telegram every second that would be most of a minute too early.
 */
import type { TimedRegisters } from "./register-filter.ts";

export interface BoundaryRules {
  readonly slotSeconds: number;
  /** Looks further from a boundary than this stand for none, in seconds. */
  readonly toleranceSeconds: number;
}

export class BoundarySampler {
  readonly #rules: BoundaryRules;
  readonly #emit: (sample: TimedRegisters) => void;
  /** The nearest look so far to a boundary that may still see a nearer one. */
  #nearest: { readonly sample: TimedRegisters; readonly boundary: number; readonly distance: number } | undefined;
  /** The last boundary that has its look. */
  #done = -1;

  constructor(rules: BoundaryRules, emit: (sample: TimedRegisters) => void) {
    this.#rules = rules;
    this.#emit = emit;
  }

  /** Takes a look; times rise. */
  take(sample: TimedRegisters): void {
    const { slotSeconds, toleranceSeconds } = this.#rules;
    const boundary = Math.round(sample.time / slotSeconds) * slotSeconds;
    const distance = Math.abs(sample.time - boundary);
    if (this.#nearest !== undefined && this.#nearest.boundary !== boundary) this.flush();
    if (boundary <= this.#done || distance > toleranceSeconds) {
      this.flush();
      return;
    }
    if (this.#nearest === undefined || distance <= this.#nearest.distance) {
      this.#nearest = { sample, boundary, distance };
    }
    // Past the boundary nothing that follows is nearer.
    if (sample.time >= boundary) this.flush();
  }

  /** No further look will come soon: what is nearest until now stands for its boundary. */
  flush(): void {
    const nearest = this.#nearest;
    if (nearest === undefined) return;
    this.#nearest = undefined;
    this.#done = nearest.boundary;
    this.#emit(nearest.sample);
  }
}
