/**
 * What a household computes in a round of federated learning: from the announced weights, through training on its own
 * examples, to the change of all weights. Nothing is clipped, rounded or hidden yet: the result must not leave the home.
 */
import { z } from "zod";
import { announcedNetwork } from "./announced-network.ts";
import type { Backend } from "./backend.ts";
import { type Examples, trainable } from "./examples.ts";
import { FEATURES } from "./features.ts";
import { LINEAR_WEIGHTS, LinearModel } from "./linear-model.ts";
import { type ForecastModel, MEDIAN, MODEL_KINDS } from "./model.ts";
import { permutation } from "./shuffle.ts";

export const OBJECTIVES = ["median", "energy"] as const;
/**
 * `median`: each home's own median, which the mean absolute error of a household rewards. `energy`: the mean, each home
 * weighing what it takes, so that a sum over homes is forecast without bias; for the linear model.
 */
export type Objective = (typeof OBJECTIVES)[number];

/** `features` of an announced task: what a model takes, and what of its history a home trains on. */
export const trainingInputs = z
  .strictObject({
    kind: z.enum(MODEL_KINDS),
    objective: z.enum(OBJECTIVES),
    names: z.array(z.string()),
    slotSeconds: z.int().positive(),
    timezone: z.string(),
    /** Rows drawn from the home's examples by the task's seed, anew in each round. */
    rows: z.int().min(1).max(1_000_000),
    /** Mean energy of a slot whose home has weight 1, for the objective `energy`. */
    unitWh: z.number().positive(),
    /** With what chance a home takes part in a round; it draws by itself. */
    rate: z.number().min(0).max(1),
  })
  .refine(({ kind, objective }) => kind === "linear" || objective === "median", {
    message: "energy is for the linear model",
    path: ["objective"],
  });

export type TrainingInputs = z.infer<typeof trainingInputs>;

/** An announced task of training, as `protocol/learning` has it. */
export interface TrainingTask {
  readonly model: { readonly topology: unknown; readonly weights: string };
  readonly features: unknown;
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly mu: number;
  readonly seed: number;
}

export interface LocalOptions {
  /** Needed by networks alone. */
  readonly backend?: Backend | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A heavy home counts for this many at most: what it sends is clipped in any case. */
const MOST_WEIGHT = 4;

/** The inputs that a task asks for. Throws RangeError where this version has other ones. */
export function inputsOf({ features }: Pick<TrainingTask, "features">): TrainingInputs {
  const parsed = trainingInputs.safeParse(features);
  if (!parsed.success) throw new RangeError(`features: ${z.prettifyError(parsed.error).replaceAll(/\s+/g, " ")}`);
  if (parsed.data.names.join() === FEATURES.join()) return parsed.data;
  throw new RangeError("features: expected those of this version, got others; homes and analytics differ in version");
}

/** The announced model with its weights. Throws RangeError for a topology or weights that do not fit, or without a backend. */
export function modelOf(task: TrainingTask, { backend }: LocalOptions = {}): ForecastModel {
  const { kind } = inputsOf(task);
  const weights = weightsOf(task);
  if (kind === "linear") {
    const model = new LinearModel(MEDIAN);
    model.setWeights(weights);
    return model;
  }
  if (backend === undefined) throw new RangeError(`backend: a ${kind} model needs one`);
  const { topology } = task.model;
  const model = announcedNetwork(backend, kind, MEDIAN, { topology, weights: weights.length });
  model.setWeights(weights);
  return model;
}

function weightsOf({ model }: Pick<TrainingTask, "model">): Float32Array {
  const bytes = Buffer.from(model.weights, "base64");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => view.getFloat32(4 * i, true));
}

/** Weights as an announcement carries them: float32, little endian, in base64. */
export function weightsText(weights: ArrayLike<number>): string {
  const view = new DataView(new ArrayBuffer(4 * weights.length));
  for (let i = 0; i < weights.length; i += 1) view.setFloat32(4 * i, weights[i]!, true);
  return Buffer.from(view.buffer).toString("base64");
}

/**
 * The change of all weights, in their order; the same for the same task and examples. Undefined where not one example
 * has a known target. Throws RangeError for a task that does not fit.
 */
export async function localUpdate(
  task: TrainingTask,
  examples: Examples,
  options: LocalOptions = {},
): Promise<Float64Array | undefined> {
  const { objective, rows: most } = inputsOf(task);
  const rows = trainable(examples, most, task.seed);
  if (rows.count === 0) return undefined;
  if (objective === "energy") return energyUpdate(task, rows);
  const model = modelOf(task, options);
  try {
    const before = model.weights();
    const { epochs, batchSize, learningRate, mu, seed } = task;
    await model.train(rows, { epochs, batchSize, learningRate, seed, proximal: mu, signal: options.signal });
    const after = model.weights();
    return Float64Array.from(after, (weight, i) => weight - before[i]!);
  } finally {
    model.dispose();
  }
}

/** Gradient descent on half the squared error, in units of the scale; the change counts by the home's energy. */
function energyUpdate(task: TrainingTask, rows: Examples): Float64Array {
  const width = FEATURES.length;
  const start = Float64Array.from(weightsOf(task));
  if (start.length !== LINEAR_WEIGHTS) {
    throw new RangeError(`weights: expected ${LINEAR_WEIGHTS}, got ${start.length}`);
  }
  const own = start.slice();
  const gradient = new Float64Array(own.length);
  for (let epoch = 0; epoch < task.epochs; epoch += 1) {
    const order = permutation(rows.count, task.seed + epoch);
    for (let from = 0; from < rows.count; from += task.batchSize) {
      const batch = order.subarray(from, from + task.batchSize);
      gradient.fill(0);
      for (const i of batch) {
        const row = rows.features.subarray(i * width, (i + 1) * width);
        let error = own[width]! - rows.target[i]!;
        for (let f = 0; f < width; f += 1) error += own[f]! * row[f]!;
        error /= batch.length;
        for (let f = 0; f < width; f += 1) gradient[f]! += error * row[f]!;
        gradient[width]! += error;
      }
      for (const [i, slope] of gradient.entries()) {
        own[i]! -= task.learningRate * (slope + task.mu * (own[i]! - start[i]!));
      }
    }
  }
  const meanWh = rows.scale.reduce((sum, one) => sum + one, 0) / rows.count;
  const weight = Math.min(MOST_WEIGHT, meanWh / inputsOf(task).unitWh);
  return own.map((value, i) => weight * (value - start[i]!));
}
