/**
 * Circuits that are linear in the group's sums per slot: they open nothing that the released loads do not tell, but
 * fewer numbers, and without anybody adding up in clear.
 */
import { z } from "zod";
import {
  type Circuit,
  type CircuitNeeds,
  type CircuitOpens,
  divisorIn,
  fewestMeters,
  type JobShape,
} from "./circuit.ts";
import { MAX_WEIGHT, onSum, sumOverTime, timeSteps, WEIGHT_SCALE, weightsFor } from "./evaluate.ts";
import { keySwitchSigma, overTime, sumNoise, timesPlain } from "./noise.ts";
import { repeatWindow } from "../packed.ts";

const none = z.strictObject({});
const weight = z.number().min(-MAX_WEIGHT).max(MAX_WEIGHT);
const offset = z.number().min(-1e12).max(1e12);
const weights = z
  .array(weight)
  .min(1)
  .refine((all) => all.some((one) => one !== 0), "expected one that is not zero");

const SUM_ONLY: CircuitNeeds = { series: 1, depth: 0, relin: false, galoisSteps: [], wholeInputs: false };
const ALL_SLOTS: CircuitOpens = { numbersPerSlot: 1, linear: true };
const perWindow = (numbers: number, slots: number): CircuitOpens => ({ numbersPerSlot: numbers / slots, linear: true });
const overSlots = (slots: number): CircuitNeeds => ({ ...SUM_ONLY, galoisSteps: timeSteps(slots) });

/** Circuits that open every slot of the window, and circuits that open one number for the whole of it. */
const eachSlot = { needs: () => SUM_ONLY, opens: () => ALL_SLOTS, zeroPadding: true };
const wholeWindow = {
  needs: (_: unknown, slots: number) => overSlots(slots),
  opens: (_: unknown, slots: number) => perWindow(1, slots),
  zeroPadding: false,
};

function take(output: ArrayLike<number> | undefined, slots: number): number[] {
  if (output === undefined || output.length < slots) throw new RangeError(`outputs: expected ${slots} slots of each`);
  return Array.from({ length: slots }, (_, slot) => output[slot]!);
}

function assertLength(name: string, values: ArrayLike<number>, slots: number): void {
  if (values.length !== slots) throw new RangeError(`${name}: expected ${slots} of them, got ${values.length}`);
}

const largest = (values: readonly number[]): number => Math.max(...values.map(Math.abs));
/** What rounding weights to multiples of 2^-30 in their coefficients can change in a result, per unit of input. */
const weightError = (shape: JobShape): number => (2 * shape.slots * shape.meters * shape.maxValue) / WEIGHT_SCALE;

/** Sum per slot over the group. */
export const sum: Circuit<z.infer<typeof none>> = {
  name: "sum",
  parameters: none,
  step: 1, // readings are whole watt-hours
  needs: () => SUM_ONLY,
  opens: () => ALL_SLOTS,
  zeroPadding: true,
  start: (engine) => onSum(engine, (total) => [total]),
  noise: (set, level, _, shape) => [sumNoise(set, level, shape)],
  open: (_, shape, [output]) => ({ sum: take(output, shape.slots) }),
  errors: (_, _shape, [error]) => ({ sum: error! }),
};

/** Mean per slot over the meters of the group that have a value there; 0 where none has. */
export const mean: Circuit<z.infer<typeof none>> = {
  ...sum,
  name: "mean",
  open: (_, shape, [output]) => ({
    mean: take(output, shape.slots).map((value, slot) => value / divisorIn(shape, slot)),
  }),
  errors: (_, shape, [error]) => ({ mean: error! / fewestMeters(shape) }),
};

const scalar = z.strictObject({ factor: weight.refine((value) => value !== 0, "expected not zero"), offset });

/** factor * sum + offset, the same for every slot. */
export const affine: Circuit<z.infer<typeof scalar>> = {
  ...eachSlot,
  name: "affine",
  parameters: scalar,
  start: (engine, parameters, slots) =>
    affineVector.start(
      engine,
      { factors: filled(parameters.factor, slots), offsets: filled(parameters.offset, slots) },
      slots,
    ),
  noise: (set, level, { factor, offset: added }, shape) => [affineNoise(set, level, shape, [factor], [added])],
  open: (_, shape, [output]) => ({ values: take(output, shape.slots) }),
  errors: (_, shape, [error]) => ({ values: error! + weightError(shape) }),
};

const vector = z.strictObject({ factors: weights, offsets: z.array(offset).min(1) });

/** factors * sum + offsets, slot by slot. */
export const affineVector: Circuit<z.infer<typeof vector>> = {
  ...eachSlot,
  name: "affine-vector",
  parameters: vector,
  needs: ({ factors, offsets }, slots) => {
    assertLength("factors", factors, slots);
    assertLength("offsets", offsets, slots);
    return SUM_ONLY;
  },
  start: (engine, { factors, offsets }) =>
    onSum(engine, (total) => {
      const scaled = engine.multiplyPlain(total, weightsFor(engine, total, factors));
      if (offsets.every((value) => value === 0)) return [scaled];
      const { scale, level } = scaled;
      return [engine.addPlain(scaled, engine.encode(repeatWindow(offsets, engine.slots), { scale, level }))];
    }),
  noise: (set, level, { factors, offsets }, shape) => [affineNoise(set, level, shape, factors, offsets)],
  open: (_, shape, [output]) => ({ values: take(output, shape.slots) }),
  errors: (_, shape, [error]) => ({ values: error! + weightError(shape) }),
};

/** Total over the window. */
export const total: Circuit<z.infer<typeof none>> = {
  ...sum,
  name: "total",
  needs: (_, slots) => overSlots(slots),
  opens: (_, slots) => perWindow(1, slots),
  zeroPadding: false,
  start: (engine, _, slots) => onSum(engine, (all) => [sumOverTime(engine, all, slots)]),
  noise: (set, level, _, shape) => [overTime(set, level, sumNoise(set, level, shape), shape.slots)],
  open: (_, _shape, [output]) => ({ total: take(output, 1)[0]! }),
  errors: (_, _shape, [error]) => ({ total: error! }),
};

/** Mean over the window of the group's sum. */
export const meanOverTime: Circuit<z.infer<typeof none>> = {
  ...total,
  name: "mean-over-time",
  open: (_, shape, [output]) => ({ mean: take(output, 1)[0]! / shape.slots }),
  errors: (_, shape, [error]) => ({ mean: error! / shape.slots }),
};

const priced = z.strictObject({ weights });

/** Sum over the window with public weights per slot: what a time-of-use tariff makes of the group's load. */
export const weightedSum: Circuit<z.infer<typeof priced>> = {
  ...wholeWindow,
  name: "weighted-sum",
  parameters: priced,
  needs: (parameters, slots) => {
    assertLength("weights", parameters.weights, slots);
    return overSlots(slots);
  },
  start: (engine, parameters, slots) =>
    onSum(engine, (all) => [
      sumOverTime(engine, engine.multiplyPlain(all, weightsFor(engine, all, parameters.weights)), slots),
    ]),
  noise: (set, level, parameters, shape) => [weightedNoise(set, level, shape, largest(parameters.weights))],
  open: (_, _shape, [output]) => ({ weightedSum: take(output, 1)[0]! }),
  errors: (_, shape, [error]) => ({ weightedSum: error! + shape.slots * weightError(shape) }),
};

/** Least squares: slope and mean are weighted sums with public weights (t - mean t) / sum (t - mean t)^2 and 1 / w. */
export const trend: Circuit<z.infer<typeof none>> = {
  ...total,
  name: "trend",
  step: 0.5, // centred times are halves
  needs: (_, slots) => {
    if (slots < 2) throw new RangeError(`slots: expected two or more for a trend, got ${slots}`);
    return overSlots(slots);
  },
  opens: (_, slots) => perWindow(2, slots),
  start: (engine, _, slots) =>
    onSum(engine, (all) => [
      // The centred times themselves: small weights would be rounded away. What divides them is public.
      sumOverTime(engine, engine.multiplyPlain(all, weightsFor(engine, all, centredTimes(slots))), slots),
      sumOverTime(engine, all, slots),
    ]),
  noise: (set, level, _, shape) => [
    weightedNoise(set, level, shape, shape.slots / 2),
    overTime(set, level, sumNoise(set, level, shape), shape.slots),
  ],
  open: (_, shape, [moment, all]) => {
    const slope = take(moment, 1)[0]! / spread(shape.slots);
    const middle = take(all, 1)[0]! / shape.slots;
    return { slope, intercept: middle - (slope * (shape.slots - 1)) / 2 };
  },
  errors: (_, shape, [moment, all]) => {
    const slope = (moment! + shape.slots * weightError(shape)) / spread(shape.slots);
    return { slope, intercept: all! / shape.slots + (slope * (shape.slots - 1)) / 2 };
  },
};

const smooth = z.strictObject({ window: z.int().min(2).max(2048) });

/** Mean of each slot and the window - 1 slots after it, as far as the day goes. */
export const movingAverage: Circuit<z.infer<typeof smooth>> = {
  ...eachSlot,
  name: "moving-average",
  step: 1,
  parameters: smooth,
  needs: ({ window }, slots) => {
    if (window > slots) throw new RangeError(`window: expected at most ${slots} slots, got ${window}`);
    return { ...SUM_ONLY, galoisSteps: [1] };
  },
  zeroPadding: false,
  start: (engine, { window }) =>
    onSum(engine, (all) => {
      let running = all; // Horner's scheme: one key serves every width
      for (let left = 1; left < window; left++) running = engine.add(engine.rotate(running, 1), all);
      return [running];
    }),
  noise: (set, level, { window }, shape) => {
    const one = sumNoise(set, level, shape);
    const sigma = window * (one.sigma + keySwitchSigma(set, level));
    return [{ sigma, scale: one.scale, magnitude: window * one.magnitude }];
  },
  open: ({ window }, shape, [output]) => ({
    averages: take(output, shape.slots - window + 1).map((value) => value / window),
  }),
  errors: ({ window }, _, [error]) => ({ averages: error! / window }),
};

function filled(value: number, count: number): number[] {
  return Array.from({ length: count }, () => value);
}

function centredTimes(slots: number): number[] {
  return Array.from({ length: slots }, (_, slot) => slot - (slots - 1) / 2);
}

/** Sum of the squares of centred times. */
function spread(slots: number): number {
  return (slots * (slots * slots - 1)) / 12;
}

type Noise = Parameters<typeof timesPlain>[0];
type Set = Parameters<typeof sumNoise>[0];

function affineNoise(set: Set, level: number, shape: JobShape, factors: number[], offsets: number[]): Noise {
  const scaled = timesPlain(sumNoise(set, level, shape), largest(factors), WEIGHT_SCALE);
  return { ...scaled, magnitude: scaled.magnitude + largest(offsets) };
}

function weightedNoise(set: Set, level: number, shape: JobShape, most: number): Noise {
  return overTime(set, level, timesPlain(sumNoise(set, level, shape), most, WEIGHT_SCALE), shape.slots);
}
