/** Makes a model of a kind and says how it is trained centrally: the reference that federated training is held against. */
import {
  type Backend,
  type ForecastModel,
  LinearModel,
  type ModelKind,
  NETWORK_SHAPE,
  NetworkModel,
} from "../../learning/index.ts";
import type { Fit } from "./rolling.ts";

export interface TrainingOptions {
  readonly seed: number;
  /** Of the first training of a network; its own number when left out. */
  readonly epochs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Towards the baseline, per row: small against what thousands of rows say. */
const RIDGE = 0.01;
const BATCH = 256;
const LEARNING_RATE = 0.003;
/** Found on simulated homes (seed 1): with more epochs networks fit their few weeks and forecast worse. */
const EPOCHS = { dense: 15, gru: 8 } as const;
/** A refit starts where the last one ended. */
const REFIT_PART = 1 / 4;

/** The backend is asked for only by kinds that need it. Throws what it throws. */
export async function makeModel(
  kind: ModelKind,
  quantiles: readonly number[],
  backend: () => Promise<Backend>,
  seed: number,
): Promise<ForecastModel> {
  if (kind === "linear") return new LinearModel(quantiles);
  return new NetworkModel(await backend(), kind, quantiles, { ...NETWORK_SHAPE, seed });
}

/** Linear models in closed form, networks by Adam. */
export function centralTraining({ seed, epochs, signal }: TrainingOptions): Fit {
  return async (model, rows, first) => {
    if (model instanceof LinearModel) {
      model.fit(rows, RIDGE);
      return;
    }
    const all = epochs ?? EPOCHS[model.kind as keyof typeof EPOCHS];
    await model.train(rows, {
      epochs: first ? all : Math.max(1, Math.round(all * REFIT_PART)),
      batchSize: BATCH,
      learningRate: LEARNING_RATE,
      seed,
      optimiser: "adam",
      signal,
    });
  };
}
