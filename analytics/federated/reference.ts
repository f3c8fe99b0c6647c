/** What federated models are held against: the same kind of model, trained where all readings lie open in one place. */
import {
  type Backend,
  FEATURES,
  type ForecastModel,
  joinExamples,
  LinearModel,
  MEDIAN,
  NETWORK_SHAPE,
  NetworkModel,
  trainable,
} from "../../learning/index.ts";
import type { SimulatedHome } from "./homes.ts";
import type { CampaignOptions } from "./options.ts";

/** Towards the baseline, per row. */
const RIDGE = 0.01;
const MOST_ROWS = 60_000;
const ADAM = { epochs: 15, batchSize: 256, learningRate: 0.003, optimiser: "adam" } as const;

type Trained = Pick<CampaignOptions, "kind" | "objective" | "hidden" | "seed">;

/** Closed forms for linear models, Adam for networks. At most 60,000 rows are used, drawn by the seed. */
export async function centralModel(
  homes: readonly SimulatedHome[],
  { kind, objective, hidden, seed }: Trained,
  backend: () => Promise<Backend>,
  signal?: AbortSignal,
): Promise<ForecastModel> {
  if (objective === "energy") return energyModel(homes);
  const most = Math.ceil(MOST_ROWS / homes.length);
  const rows = joinExamples(homes.map(({ train }) => trainable(train, most, seed)));
  if (kind === "linear") {
    const model = new LinearModel(MEDIAN);
    model.fit(rows, RIDGE);
    return model;
  }
  const model = new NetworkModel(await backend(), kind, MEDIAN, { ...NETWORK_SHAPE, hidden, seed });
  await model.train(rows, { ...ADAM, seed, signal });
  return model;
}

/** The least squared error over all rows, each counting by its home's energy. */
function energyModel(homes: readonly SimulatedHome[]): LinearModel {
  const model = new LinearModel(MEDIAN);
  const width = model.parameterCount;
  const matrix = new Float64Array(width * width);
  const right = new Float64Array(width);
  const row = new Float64Array(width).fill(1);
  let weights = 0;
  for (const { train } of homes) {
    for (let i = 0; i < train.count; i += 1) {
      row.set(train.features.subarray(i * FEATURES.length, (i + 1) * FEATURES.length));
      const weight = train.scale[i]!;
      // The first feature is the baseline: what is looked for is what it misses.
      const missed = train.target[i]! - row[0]!;
      weights += weight;
      for (let f = 0; f < width; f += 1) {
        right[f]! += weight * row[f]! * missed;
        for (let g = 0; g < width; g += 1) matrix[f * width + g]! += weight * row[f]! * row[g]!;
      }
    }
  }
  for (let f = 0; f < width; f += 1) matrix[f * width + f]! += weights * RIDGE;
  const found = conjugateGradients(matrix, right);
  found[0]! += 1;
  model.setWeights(Float32Array.from(found));
  return model;
}

/** Solves a symmetric positive definite system (M. Hestenes, E. Stiefel, 1952). */
function conjugateGradients(matrix: Float64Array, right: Float64Array): Float64Array {
  const n = right.length;
  const found = new Float64Array(n);
  const rest = right.slice();
  let direction = right.slice();
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const goal = 1e-20 * dot(right, right);
  for (let step = 0; step < 10 * n; step += 1) {
    const before = dot(rest, rest);
    if (before <= goal) break;
    const image = direction.map((_, i) => dot(matrix.subarray(i * n, (i + 1) * n), direction));
    const length = before / dot(direction, image);
    for (let i = 0; i < n; i += 1) {
      found[i]! += length * direction[i]!;
      rest[i]! -= length * image[i]!;
    }
    const kept = dot(rest, rest) / before;
    direction = direction.map((value, i) => rest[i]! + kept * value);
  }
  return found;
}
