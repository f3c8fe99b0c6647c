/** The steps that circuits are made of, on ciphertexts in SEAL. */
import { periodOf, repeatWindow } from "../packed.ts";
import type { PackedWindow } from "../packed.ts";
import type { CkksEngine } from "../seal/engine.ts";
import type { RawCiphertext } from "../seal/layout.ts";
import type { Ciphertext, Plaintext } from "../seal/objects.ts";
import type { Evaluation } from "./circuit.ts";
import { SumAccumulator } from "./sums.ts";

/**
 * Scale of public weights. Their coefficients off the window's class come out of the encoder as 2^-52 of the largest
 * and are rounded to exactly zero at this scale, which is what keeps the classes of a cut c0 apart.
 */
export const WEIGHT_SCALE = 2 ** 30;
/** Weights up to this stay exact in that sense, with two bits to spare. */
export const MAX_WEIGHT = 2 ** 19;

/** Rotations that add up a whole period. */
export function timeSteps(slots: number): number[] {
  return Array.from({ length: Math.log2(periodOf(slots)) }, (_, bit) => 2 ** bit);
}

/** Every slot of a period becomes the sum over the period. */
export function sumOverTime(engine: CkksEngine, input: Ciphertext, slots: number): Ciphertext {
  return timeSteps(slots).reduce((sum, step) => engine.add(sum, engine.rotate(sum, step)), input);
}

/** Public weights per slot of the window, ready to be multiplied with `input`. */
export function weightsFor(engine: CkksEngine, input: Ciphertext, weights: ArrayLike<number>): Plaintext {
  return engine.encode(repeatWindow(weights, engine.slots), { scale: WEIGHT_SCALE, level: input.level });
}

/** A circuit that first adds up its only series and then works on the sum. */
export function onSum(engine: CkksEngine, work: (sum: Ciphertext) => readonly Ciphertext[]): Evaluation {
  const accumulator = new SumAccumulator(engine);
  return {
    fold: (inputs) => accumulator.add(only(inputs)),
    finish: () =>
      engine.scope(() => work(engine.loadCiphertext(accumulator.sum())).map((output) => engine.rawCiphertext(output))),
    delete: () => {},
  };
}

/** The only element. Throws RangeError for more or none. */
export function only(inputs: readonly PackedWindow[]): PackedWindow {
  const [input] = inputs;
  if (inputs.length !== 1 || input === undefined) throw new RangeError(`inputs: expected one, got ${inputs.length}`);
  return input;
}

/** Products of every meter, added up with three polynomials each and relinearised once, at the end. */
export class ProductAccumulator {
  readonly #engine: CkksEngine;
  #sum: Ciphertext | undefined;

  constructor(engine: CkksEngine) {
    this.#engine = engine;
  }

  /** Adds a * b, or a * a. The inputs must hold all of c0. */
  add(a: RawCiphertext, b: RawCiphertext | undefined): void {
    const engine = this.#engine;
    engine.scope((scope) => {
      const left = engine.loadCiphertext(a);
      const product = engine.multiplyRaw(left, b === undefined ? left : engine.loadCiphertext(b));
      if (this.#sum === undefined) this.#sum = scope.keep(product);
      else engine.addTo(this.#sum, product);
    });
  }

  sum(): RawCiphertext {
    const sum = this.#sum;
    if (sum === undefined) throw new RangeError("inputs: expected at least one");
    return this.#engine.scope(() => this.#engine.rawCiphertext(this.#engine.relinearize(sum)));
  }

  delete(): void {
    this.#sum?.delete();
    this.#sum = undefined;
  }
}
