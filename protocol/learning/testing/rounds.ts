/** Contents of learning rounds, for tests: small, and right in all that is checked. */
import type { RoundContent } from "../content.ts";

const TOPOLOGY = { class_name: "Sequential", config: { layers: [] } };

/** A round of training with `parameters` weights, all 0, in lanes of 30 bits. */
export function trainingRound(parameters: number, changes: Partial<RoundContent> = {}): RoundContent {
  return {
    v: 1,
    campaign: "forecast",
    step: 3,
    task: {
      type: "train",
      model: { topology: TOPOLOGY, weights: Buffer.alloc(4 * parameters).toString("base64") },
      features: { lags: [1, 96], unitWh: 0.5 },
      ...{ epochs: 1, batchSize: 32, learningRate: 0.05, mu: 0, seed: 7 },
    },
    closesAt: 1_800_000_000,
    minMeters: 10,
    maxMeters: 8_000,
    vector: { length: parameters, bits: 16, clip: 1, scale: 32_000, laneBits: 30, lanes: 2 },
    noise: { mechanism: "discrete-gaussian", variance: 1e9, colluders: 1 },
    ...changes,
  };
}

/** A round of loads of slots [from, to) in watt-hours. */
export function loadRound(from: number, to: number, changes: Partial<RoundContent> = {}): RoundContent {
  return {
    ...trainingRound(1),
    task: { type: "load", kind: 1, slots: { from, to } },
    vector: { length: to - from, bits: 16, clip: 20_000, scale: 1, laneBits: 30, lanes: 2 },
    ...changes,
  };
}
