/**
 * Circuits with one product of ciphertexts. The product is opened before any rescaling: at twice the scale it has room
 * for flooding, which a rescaling would cut off. Sums of products tell more than the released loads, so they are counted.
 */
import { z } from "zod";
import { rawOfPacked } from "../packed.ts";
import { type Circuit, type CircuitNeeds, divisorIn, fewestMeters, type JobShape } from "./circuit.ts";
import { only, onSum, ProductAccumulator, sumOverTime, timeSteps } from "./evaluate.ts";
import { overTime, productNoise, squareNoise, sumNoise } from "./noise.ts";
import { SumAccumulator } from "./sums.ts";

const none = z.strictObject({});
const PRODUCT: CircuitNeeds = { series: 1, depth: 1, relin: true, galoisSteps: [], wholeInputs: true };

function slotsOf(outputs: readonly ArrayLike<number>[], index: number, slots: number): number[] {
  const output = outputs[index];
  if (output === undefined || output.length < slots) {
    throw new RangeError(`outputs[${index}]: expected ${slots} slots, got ${output?.length ?? 0}`);
  }
  return Array.from({ length: slots }, (_, slot) => output[slot]!);
}

/** E[xy] - E[x] E[y]. */
function central(products: number, x: number, y: number, count: number): number {
  return products / count - (x / count) * (y / count);
}

/** What errors of a sum of products and of two sums do to it, the sums being at most count * maxValue. */
function centralError(product: number, x: number, y: number, shape: JobShape): number {
  const { maxValue } = shape;
  const meters = fewestMeters(shape);
  return product / meters + (maxValue * (x + y)) / meters + (x * y) / meters ** 2;
}

/**
 * Population variance over the meters with a value, and its root, per slot: from the sum of squares and the sum.
 */
export const variance: Circuit<z.infer<typeof none>> = {
  name: "variance",
  parameters: none,
  step: 1,
  needs: () => PRODUCT,
  opens: () => ({ numbersPerSlot: 1, linear: false }), // the sum beside it is a released load
  zeroPadding: true,
  start: (engine) => {
    const sums = new SumAccumulator(engine);
    const squares = new ProductAccumulator(engine);
    return {
      fold: (inputs) => {
        const input = only(inputs);
        squares.add(rawOfPacked(engine, input), undefined);
        sums.add(input);
      },
      finish: () => [squares.sum(), sums.sum()],
      delete: () => squares.delete(),
    };
  },
  noise: (set, level, _, shape) => [productNoise(set, level, shape), sumNoise(set, level, shape)],
  open: (_, shape, outputs) => {
    const squares = slotsOf(outputs, 0, shape.slots);
    const sums = slotsOf(outputs, 1, shape.slots);
    // Noise can carry a variance of zero just below it.
    const values = squares.map((square, slot) =>
      Math.max(0, central(square, sums[slot]!, sums[slot]!, divisorIn(shape, slot))),
    );
    const mean = sums.map((one, slot) => one / divisorIn(shape, slot));
    return { variance: values, standardDeviation: values.map(Math.sqrt), mean };
  },
  errors: (_, shape, [square, one]) => {
    const error = centralError(square!, one!, one!, shape);
    // |sqrt(a) - sqrt(b)| <= sqrt(|a - b|): right at zero, where a relative bound would not hold.
    return { variance: error, standardDeviation: Math.sqrt(error), mean: one! / fewestMeters(shape) };
  },
};

/**
 * The same from numbers that meters squared themselves: a series `moments` holds x and x^2 of each slot side by side.
 * Sums alone, so ciphertexts are small and no key for products is needed.
 */
export const varianceOfSquares: Circuit<z.infer<typeof none>> = {
  ...variance,
  name: "variance-of-squares",
  needs: (_, slots) => {
    if (slots % 2 !== 0) throw new RangeError(`slots: expected two numbers for each, got ${slots} in all`);
    return { series: 1, depth: 0, relin: false, galoisSteps: [], wholeInputs: false };
  },
  // Two numbers for each slot of time, of which the sum is a released load.
  opens: () => ({ numbersPerSlot: 1 / 2, linear: false }),
  start: (engine) => onSum(engine, (both) => [both]),
  noise: (set, level, _, shape) => [sumNoise(set, level, shape)],
  open: (parameters, shape, [output]) => {
    const both = slotsOf(output === undefined ? [] : [output], 0, shape.slots);
    const each = [1, 0].map((place) => both.filter((_, at) => at % 2 === place));
    return variance.open(parameters, { ...shape, slots: shape.slots / 2 }, each);
  },
  // The largest number is a square.
  errors: (parameters, shape, [error]) =>
    variance.errors(parameters, { ...shape, maxValue: Math.sqrt(shape.maxValue) }, [error!, error!]),
};

/** Population covariance over the meters of two series, per slot. */
export const covariance: Circuit<z.infer<typeof none>> = {
  ...variance,
  name: "covariance",
  needs: () => ({ ...PRODUCT, series: 2 }),
  opens: () => ({ numbersPerSlot: 3, linear: false }),
  start: (engine) => {
    const first = new SumAccumulator(engine);
    const second = new SumAccumulator(engine);
    const products = new ProductAccumulator(engine);
    return {
      fold: (inputs) => {
        const [x, y] = inputs;
        if (inputs.length !== 2 || x === undefined || y === undefined) {
          throw new RangeError(`inputs: expected two series, got ${inputs.length}`);
        }
        products.add(rawOfPacked(engine, x), rawOfPacked(engine, y));
        first.add(x);
        second.add(y);
      },
      finish: () => [products.sum(), first.sum(), second.sum()],
      delete: () => products.delete(),
    };
  },
  noise: (set, level, _, shape) => {
    const one = sumNoise(set, level, shape);
    return [productNoise(set, level, shape), one, one];
  },
  open: (_, shape, outputs) => {
    const [products, x, y] = [0, 1, 2].map((index) => slotsOf(outputs, index, shape.slots));
    return {
      covariance: products!.map((product, slot) => central(product, x![slot]!, y![slot]!, divisorIn(shape, slot))),
    };
  },
  errors: (_, shape, [product, x, y]) => ({ covariance: centralError(product!, x!, y!, shape) }),
};

/** Population variance over the slots of the window of the group's total. */
export const varianceOverTime: Circuit<z.infer<typeof none>> = {
  ...variance,
  name: "variance-over-time",
  needs: (_, slots) => ({ ...PRODUCT, galoisSteps: timeSteps(slots) }),
  opens: (_, slots) => ({ numbersPerSlot: 2 / slots, linear: true }), // a function of the released loads
  zeroPadding: false,
  start: (engine, _, slots) =>
    onSum(engine, (all) => [sumOverTime(engine, engine.multiply(all, all), slots), sumOverTime(engine, all, slots)]),
  noise: (set, level, _, shape) => {
    const one = sumNoise(set, level, shape);
    return [overTime(set, level, squareNoise(set, level, one), shape.slots), overTime(set, level, one, shape.slots)];
  },
  open: (_, shape, outputs) => {
    const [square, one] = [slotsOf(outputs, 0, 1)[0]!, slotsOf(outputs, 1, 1)[0]!];
    const value = Math.max(0, central(square, one, one, shape.slots));
    return { variance: value, standardDeviation: Math.sqrt(value), mean: one / shape.slots };
  },
  errors: (_, shape, [square, one]) => {
    const overSlots = { meters: shape.slots, maxValue: shape.meters * shape.maxValue, slots: shape.slots };
    const error = centralError(square!, one!, one!, overSlots);
    return { variance: error, standardDeviation: Math.sqrt(error), mean: one! / shape.slots };
  },
};
