/**
 * The larger of two group totals per slot, on ciphertexts: max(a, b) = ((a + b) + (a - b) sign(a - b)) / 2. Where a and b
 * are so close that the sign is not yet one, the difference is small, too: the error is bounded everywhere.
 */
import { z } from "zod";
import type { CkksParameters } from "../parameters.ts";
import type { CkksEngine } from "../seal/engine.ts";
import type { Ciphertext } from "../seal/objects.ts";
import type { Circuit, JobShape, OutputNoise } from "./circuit.ts";
import { closing } from "./compare.ts";
import { affordable } from "./compare-plan.ts";
import { COMPOSITES } from "./minimax-table.ts";
import { levelAt, settledNoise } from "./minimax-chain.ts";
import { evaluateOddAt, StepEngine } from "./minimax-evaluate.ts";
import { compositeNoise, roundingOf } from "./minimax-noise.ts";
import { shortfallOf } from "./minimax.ts";
import { sumNoise } from "./noise.ts";
import { SumAccumulator } from "./sums.ts";

/** A flatter sign far out would cost a wider turn near zero, where the error is largest. */
const MAX_BITS = 8;
/** The product with the difference takes a step more than counts do. */
const SPARE = 1;
/** Products in sequence with degrees 7, 7 and 3, and the one with the difference. */
const PRODUCTS = 9;

/** Least depth of stages for which the error is stated; sets that afford more are better. */
const DEPTH = 6;

const schema = z.strictObject({
  /** The two totals never differ by more. */
  bound: z.number().positive().max(1e12),
});

let shortfall: number | undefined;

/** What the maximum may fall short of or exceed the truth by, over the bound. Few of those that start ask for it. */
function maxShortfall(): number {
  shortfall ??= shortfallOf(COMPOSITES.find(({ bits, depth }) => bits === MAX_BITS && depth === DEPTH)!);
  return shortfall;
}

function larger(engine: CkksEngine, a: Ciphertext, b: Ciphertext, bound: number): Ciphertext {
  const { chain, sign } = planOf(engine.parameters);
  const on = new StepEngine(engine, chain);
  const scale = 2 ** chain.scaleBits;
  const [first, second] = [on.at(a, chain.steps), on.at(b, chain.steps)];
  const difference = engine.sub(first, second);
  const divided = on.scaled(difference, 1 / bound, chain.steps, scale * on.divisor(chain.steps));
  const argument = on.rescale(divided);
  argument.object.setScale(scale);
  let x = argument;
  let step = chain.steps - 1;
  for (const stage of sign.stages) {
    x = evaluateOddAt(on, stage, x, step);
    step -= Math.log2(2 * stage.length);
  }
  // From here on nothing is rescaled.
  const signs = engine.relinearize(closing(on, on.at(x, SPARE), SPARE));
  const product = engine.multiply(signs, on.at(argument, SPARE));
  product.object.setScale(product.scale / ((bound * sign.gain) / 2)); // read so, it is (a - b) sign(a - b) / 2
  const both = on.scaled(engine.add(first, second), 0.5, SPARE, product.scale);
  return on.settled(engine.add(product, both), bound);
}

/** Throws CkksError `wrong-parameters` for a set with too few levels for the stated error. */
function planOf(set: CkksParameters): ReturnType<typeof affordable> {
  return affordable(set, MAX_BITS, SPARE, DEPTH);
}

/** Sum of each of two series over the group, and the larger of the two, per slot. */
export const maxOfTwo: Circuit<z.infer<typeof schema>> = {
  name: "max-of-two",
  parameters: schema,
  needs: () => ({ series: 2, depth: PRODUCTS, relin: true, galoisSteps: [], wholeInputs: true }),
  opens: () => ({ numbersPerSlot: 1, linear: false }),
  zeroPadding: true,
  start: (engine, { bound }) => {
    planOf(engine.parameters);
    const sums = [new SumAccumulator(engine), new SumAccumulator(engine)] as const;
    return {
      fold: (inputs) => {
        const [a, b] = inputs;
        if (inputs.length !== 2 || a === undefined || b === undefined) {
          throw new RangeError(`inputs: expected two series, got ${inputs.length}`);
        }
        sums[0].add(a);
        sums[1].add(b);
      },
      finish: () =>
        engine.scope(() => {
          const [a, b] = [engine.loadCiphertext(sums[0].sum()), engine.loadCiphertext(sums[1].sum())];
          return [engine.rawCiphertext(larger(engine, a, b, bound))];
        }),
      delete: () => {},
    };
  },
  noise: (set, level, parameters, shape) => [maxNoise(set, level, parameters.bound, shape)],
  open: (_, shape, [output]) => {
    if (output === undefined || output.length < shape.slots) {
      throw new RangeError(`outputs: expected ${shape.slots} slots`);
    }
    return { max: Array.from({ length: shape.slots }, (_slot, slot) => output[slot]!) };
  },
  errors: ({ bound }, _, [error]) => ({ max: error! + bound * maxShortfall() }),
};

function maxNoise(set: CkksParameters, level: number, bound: number, shape: JobShape): OutputNoise {
  const most = shape.meters * shape.maxValue;
  if (bound < most) {
    throw new RangeError(`bound: ${shape.meters} meters may differ by ${most}; a bound of ${bound} is less`);
  }
  const { chain, sign } = planOf(set);
  const sums = sumNoise(set, level, shape);
  const fresh = (Math.SQRT2 * sums.sigma * Math.sqrt(set.degree / 2)) / sums.scale;
  const argument = Math.hypot(fresh / bound, roundingOf(set, chain.scaleBits));
  // |x| and the sign are at most 1: errors of both add up.
  const product = (bound / 2) * (compositeNoise(set, chain, sign, argument) + argument);
  const scale = 2 ** (4 * chain.scaleBits) / ((bound * sign.gain) / 2);
  const slot = Math.hypot(product, fresh);
  const noise = { sigma: (slot * scale) / Math.sqrt(set.degree / 2), scale, magnitude: most };
  return settledNoise(set, chain, levelAt(chain, SPARE), noise, bound);
}
