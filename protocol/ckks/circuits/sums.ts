/**
 * The sum of ciphertexts, streamed: only the running sum is kept, as residues outside of SEAL, where adding is cheap and
 * a cut c0 stays cut. Addition modulo primes has no order, so neither has the result.
 */
import { rawOfPacked } from "../packed.ts";
import type { PackedWindow } from "../packed.ts";
import type { CkksEngine } from "../seal/engine.ts";
import type { RawCiphertext, RnsPoly } from "../seal/layout.ts";

export class SumAccumulator {
  readonly #engine: CkksEngine;
  #first: { stride: number; level: number } | undefined;
  #c0: RnsPoly = new BigUint64Array(0);
  #c1: RnsPoly = new BigUint64Array(0);
  #count = 0;

  constructor(engine: CkksEngine) {
    this.#engine = engine;
  }

  get count(): number {
    return this.#count;
  }

  /** Throws RangeError when the input has another stride or level than the first one. */
  add(input: PackedWindow): void {
    const { stride, level, c0, c1 } = input;
    if (this.#first === undefined) {
      this.#first = { stride, level };
      this.#c0 = c0.slice();
      this.#c1 = c1.slice();
    } else {
      if (stride !== this.#first.stride || level !== this.#first.level) {
        throw new RangeError(`input: expected stride ${this.#first.stride} and ${this.#first.level} primes`);
      }
      this.#engine.ring.add(this.#c0, c0, level);
      this.#engine.ring.add(this.#c1, c1, level);
    }
    this.#count++;
  }

  /** The sum, which SEAL computes on. Throws RangeError before the first input. */
  sum(): RawCiphertext {
    if (this.#first === undefined) throw new RangeError("inputs: expected at least one");
    return rawOfPacked(this.#engine, { ...this.#first, c0: this.#c0, c1: this.#c1 });
  }
}
