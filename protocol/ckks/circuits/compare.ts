/**
 * How many meters exceed each of K public levels, per slot. Every value is compared with every level by a composite
 * sign polynomial, on ciphertexts; only the counts are opened. Bucketed extremes, quantiles and a histogram follow from
 * counts in clear.
 *
 * A ciphertext repeats its window in many blocks, so one evaluation serves many meters: masks put meter m, scaled for
 * level k, into block m K + k. Adding up blocks takes no rotation: an opening gives the coefficients at multiples of the
 * window's stride, and the polynomial of these alone has in each slot the mean over all blocks (it is the trace to the
 * subring of polynomials in X^stride). What stands in single blocks is in the other coefficients, which no part of an
 * opening contains.
 */
import { z } from "zod";
import { rawOfPacked } from "../packed.ts";
import type { PackedWindow } from "../packed.ts";
import type { CkksParameters } from "../parameters.ts";
import type { CkksEngine } from "../seal/engine.ts";
import type { RawCiphertext } from "../seal/layout.ts";
import type { Ciphertext } from "../seal/objects.ts";
import { type Circuit, type Evaluation, type JobShape, metersIn, type OutputNoise } from "./circuit.ts";
import { affordable, blocksOf } from "./compare-plan.ts";
import type { Affordable, Blocks } from "./compare-plan.ts";
import { only } from "./evaluate.ts";
import { evaluateComposite } from "./minimax.ts";
import { levelAt, MASK_BITS, settledNoise } from "./minimax-chain.ts";
import { evaluateOddAt, StepEngine } from "./minimax-evaluate.ts";
import { compositeNoise, roundingOf } from "./minimax-noise.ts";
import { freshSigma } from "./noise.ts";

/** Every comparison is within 2^-12 of the sign: a thousand of them are within an eighth of a count. */
const COUNT_BITS = 12;
const MAX_LEVELS = 32;
/** Of all parameter sets; a smaller one refuses by itself what does not fit it. */
const LARGEST_DEGREE = 32_768;
/** Products in sequence with degrees 7, 15 and 3. */
const PRODUCTS = 9;

const schema = z
  .strictObject({
    /** Ascending, above 0 and below the bound. */
    levels: z
      .array(z.number().positive())
      .min(1)
      .max(MAX_LEVELS)
      .refine((all) => all.every((level, at) => at === 0 || level > all[at - 1]!), "levels ascend"),
    /** No meter encrypts more, nor less than 0. */
    bound: z.number().positive().max(1e9),
    quantiles: z.array(z.number().min(0).max(1)).max(16).default([]),
  })
  .refine(({ levels, bound }) => levels.at(-1)! < bound, "levels are below the bound");
export type CompareParameters = z.infer<typeof schema>;

/** The largest distance of a value from a level: what arguments are divided by. */
function reachOf(level: number, bound: number): number {
  return Math.max(level, bound - level);
}

/** How far from each level a value must be to be counted exactly, in the series' unit. */
export function separationsOf({ levels, bound }: CompareParameters, set: CkksParameters): number[] {
  const { sign } = affordable(set, COUNT_BITS, 0);
  return levels.map((level) => reachOf(level, bound) * sign.separation);
}

class Comparison implements Evaluation {
  readonly #on: StepEngine;
  readonly #plan: Affordable;
  readonly #blocks: Blocks;
  readonly #parameters: CompareParameters;
  readonly #slots: number;
  #meters = 0;
  #evaluations = 0;
  /** Masked meters of the evaluation that is being filled. */
  #filling: Ciphertext | undefined;
  /** Sum of evaluations, three polynomials. */
  #sum: Ciphertext | undefined;

  constructor(engine: CkksEngine, parameters: CompareParameters, slots: number) {
    this.#plan = affordable(engine.parameters, COUNT_BITS, 0);
    this.#on = new StepEngine(engine, this.#plan.chain);
    this.#blocks = blocksOf(engine.degree, slots, parameters.levels.length);
    this.#parameters = parameters;
    this.#slots = slots;
  }

  /** Meters take their blocks in the order they are folded in: bytes of outputs depend on it, counts do not. */
  fold(inputs: readonly PackedWindow[]): void {
    const { engine, chain } = this.#on;
    const input = only(inputs);
    if (input.level !== engine.dataLevels || input.stride !== 1) {
      throw new RangeError(`input: expected a whole ciphertext with ${engine.dataLevels} primes`);
    }
    const place = this.#meters % this.#blocks.meters;
    engine.scope((scope) => {
      const fresh = this.#on.at(engine.loadCiphertext(rawOfPacked(engine, input)), chain.steps);
      const { levels, bound } = this.#parameters;
      const mask = this.#perBlock((meter, level) => (meter === place ? 1 / reachOf(levels[level]!, bound) : 0), 0);
      const scale = (2 ** chain.scaleBits * this.#on.divisor(chain.steps)) / fresh.scale;
      const masked = engine.multiplyPlain(fresh, engine.encode(mask, { scale, level: fresh.level }));
      if (this.#filling === undefined) this.#filling = scope.keep(masked);
      else engine.addTo(this.#filling, masked);
    });
    this.#meters++;
    if (place === this.#blocks.meters - 1) this.#evaluate(this.#blocks.meters);
  }

  finish(): RawCiphertext[] {
    if (this.#filling !== undefined) this.#evaluate(this.#meters % this.#blocks.meters);
    const sum = this.#sum;
    if (sum === undefined) throw new RangeError("inputs: expected at least one");
    const { engine } = this.#on;
    const { sign } = this.#plan;
    const { gain } = sign;
    const places = this.#blocks.meters;
    // Empty places count (1 + F(-1)) / 2 each, which is known and not quite zero.
    const empty = this.#evaluations * places - this.#meters;
    const ones = this.#evaluations - (empty * (1 + evaluateComposite(sign, -1))) / places;
    return engine.scope(() => {
      const signs = engine.relinearize(sum);
      // (1 + gain z) / 2 = gain / 2 (z + 1 / gain), once for each evaluation.
      const offset = this.#on.constant(ones / gain, signs.scale, signs.level);
      const counts = engine.addPlain(signs, offset);
      const factor = (gain / 2) * this.#blocks.blocks; // an opening takes the mean over blocks
      const scale = 2 ** MASK_BITS / factor;
      return this.#parameters.levels.map((_, wanted) => {
        const mask = this.#perBlock((_meter, level) => (level === wanted ? factor : 0), 0);
        const plaintext = engine.encode(mask, { scale, level: counts.level });
        return engine.scope(() => engine.rawCiphertext(this.#on.settled(engine.multiplyPlain(counts, plaintext), 1)));
      });
    });
  }

  delete(): void {
    this.#filling?.delete();
    this.#sum?.delete();
    this.#filling = undefined;
    this.#sum = undefined;
  }

  /** Values for every block of a meter and level; `rest` in other blocks and after the window. */
  #perBlock(value: (meter: number, level: number) => number, rest: number): Float64Array {
    const { period, meters } = this.#blocks;
    const count = this.#parameters.levels.length;
    const slots = new Float64Array(this.#on.engine.slots).fill(rest);
    for (let block = 0; block < meters * count; block++) {
      const start = block * period;
      slots.fill(value(Math.floor(block / count), block % count), start, start + this.#slots);
    }
    return slots;
  }

  /** One evaluation of the sign for all that was masked in, `filled` meters; empty places compare as below. */
  #evaluate(filled: number): void {
    const { engine, chain } = this.#on;
    const { levels, bound } = this.#parameters;
    const filling = this.#filling!;
    engine.scope((scope) => {
      const offsets = this.#perBlock(
        (meter, level) => (meter < filled ? -levels[level]! / reachOf(levels[level]!, bound) : -1),
        -1,
      );
      const scaled = this.#on.rescale(filling);
      const scale = 2 ** chain.scaleBits;
      scaled.object.setScale(scale);
      let x = engine.addPlain(scaled, engine.encode(offsets, { scale, level: scaled.level }));
      let step = chain.steps - 1;
      for (const stage of this.#plan.sign.stages) {
        x = evaluateOddAt(this.#on, stage, x, step);
        step -= Math.log2(2 * stage.length);
      }
      const closed = closing(this.#on, this.#on.at(x, 0), 0);
      if (this.#sum === undefined) this.#sum = scope.keep(closed);
      else engine.addTo(this.#sum, closed);
    });
    filling.delete();
    this.#filling = undefined;
    this.#evaluations++;
  }
}

/** 3x - x^3 without rescaling, three polynomials: at |x| = 1 it damps the noise of x, and it adds none. */
export function closing(on: StepEngine, x: Ciphertext, step: number): Ciphertext {
  const { engine } = on;
  return engine.scope((scope) => {
    const cube = engine.multiplyRaw(x, engine.multiply(x, x));
    return scope.keep(engine.sub(on.scaled(x, 3, step, cube.scale), cube));
  });
}

/** What counts are wrong by when no value is within the separation: comparisons are not signs, flooding is noise. */
function countError(shape: JobShape, slotError: number): number {
  return slotError + shape.meters * 2 ** -(COUNT_BITS + 1);
}

const edgesOf = (levels: readonly number[]): number[] => [0, ...levels];

/** Counts above public levels, and in clear what follows from them. */
export const compare: Circuit<CompareParameters> = {
  name: "compare",
  step: 1,
  parameters: schema,
  needs: ({ levels }, slots) => {
    blocksOf(LARGEST_DEGREE, slots, levels.length);
    return { series: 1, depth: PRODUCTS, relin: true, galoisSteps: [], wholeInputs: true };
  },
  opens: ({ levels }) => ({ numbersPerSlot: levels.length, linear: false }),
  zeroPadding: true,
  start: (engine, parameters, slots) => new Comparison(engine, parameters, slots),
  noise: (set, level, parameters, shape) => compareNoise(set, level, parameters, shape),
  open: ({ levels, quantiles }, shape, outputs) => {
    const counts = levels.map((_, at) => countsOf(outputs[at], shape));
    // A value near two levels may count a little more above the higher one.
    for (let at = 1; at < counts.length; at++) {
      counts[at] = counts[at]!.map((count, slot) => Math.min(count, counts[at - 1]![slot]!));
    }
    const edges = edgesOf(levels);
    const present = Array.from({ length: shape.slots }, (_, slot) => metersIn(shape, slot));
    const above = [present, ...counts];
    // The lower edge of the bucket of the rank-th largest value.
    const ranked = (rankOf: (meters: number) => number): number[] =>
      present.map((meters, slot) => {
        const rank = Math.max(1, rankOf(meters));
        // The lowest edge where no meter has a value.
        return edges[
          Math.max(
            0,
            above.findLastIndex((count) => count[slot]! >= rank),
          )
        ]!;
      });
    const quantile = (q: number): number[] => ranked((meters) => meters - Math.max(1, Math.ceil(q * meters)) + 1);
    return Object.fromEntries([
      ...levels.map((level, at) => [`above-${level}`, counts[at]!] as const),
      ...edges.map((edge, at) => {
        const next = above[at + 1];
        return [`bucket-${edge}`, above[at]!.map((count, slot) => count - (next?.[slot] ?? 0))] as const;
      }),
      ["max", ranked(() => 1)] as const,
      ["min", ranked((meters) => meters)] as const,
      ["median", quantile(0.5)] as const,
      ...quantiles.map((q) => [`quantile-${q}`, quantile(q)] as const),
    ]);
  },
  errors: ({ levels }, shape, slotErrors) => {
    const counts = slotErrors.map((error) => countError(shape, error));
    const exact = (error: number): number => (error < 0.5 ? 0 : Math.ceil(error));
    const worst = exact(Math.max(...counts));
    return Object.fromEntries([
      ...levels.map((level, at) => [`above-${level}`, exact(counts[at]!)] as const),
      ...edgesOf(levels).map((edge) => [`bucket-${edge}`, 2 * worst] as const),
    ]);
  },
};

function countsOf(output: ArrayLike<number> | undefined, shape: JobShape): number[] {
  const { slots } = shape;
  if (output === undefined || output.length < slots) throw new RangeError(`outputs: expected ${slots} slots of each`);
  return Array.from({ length: slots }, (_, slot) => {
    const value = output[slot]!;
    const meters = metersIn(shape, slot);
    // A value beyond the bound makes the polynomial explode; what is no count is not passed on as one.
    if (!(value > -0.5) || !(value < meters + 0.5)) {
      throw new RangeError(`outputs: slot ${slot} is no count of ${meters} meters; a value was beyond the bound`);
    }
    return Math.max(0, Math.min(meters, Math.round(value)));
  });
}

function compareNoise(
  set: CkksParameters,
  level: number,
  parameters: CompareParameters,
  shape: JobShape,
): OutputNoise[] {
  if (shape.maxValue > parameters.bound) {
    throw new RangeError(`bound: meters may encrypt up to ${shape.maxValue}; a bound of ${parameters.bound} is less`);
  }
  const { levels, bound } = parameters;
  const { chain, sign } = affordable(set, COUNT_BITS, 0);
  const { period, blocks, meters } = blocksOf(set.degree, shape.slots, levels.length);
  const evaluations = Math.ceil(shape.meters / meters);
  const fresh = (freshSigma(set, level) * Math.sqrt(set.degree / 2)) / 2 ** set.scaleBits;
  return levels.map((one) => {
    const input = Math.hypot(fresh / reachOf(one, bound), roundingOf(set, chain.scaleBits));
    const slot = (compositeNoise(set, chain, sign, input) / 2) * Math.sqrt(evaluations * meters);
    const scale = 2 ** (3 * chain.scaleBits + MASK_BITS) / ((sign.gain / 2) * blocks);
    const noise = { sigma: (slot * scale) / Math.sqrt(period), scale, magnitude: shape.meters };
    return settledNoise(set, chain, levelAt(chain, 0), noise, 1);
  });
}
