/**
 * Small networks over tfjs. Each is the baseline's straight way through plus what a network adds, and the network's
 * last layer starts at zero: untrained, they forecast the blend. No convolutions: their gradients are missing on wasm.
 */
import type { Tensor, Variable } from "@tensorflow/tfjs-core";
import type { LayersModel } from "@tensorflow/tfjs-layers";
import type { Backend } from "./backend.ts";
import { type Examples, pickExamples, trainable } from "./examples.ts";
import { FEATURES, SEQUENCE } from "./features.ts";
import { assertQuantiles, assertWeights, type ForecastModel, toEnergies, type TrainOptions } from "./model.ts";
import { permutation } from "./shuffle.ts";

export interface NetworkShape {
  /** Units of the hidden layer. */
  readonly hidden: number;
  /** Units of the recurrent layer (gru). */
  readonly recurrent: number;
  /** Of the initial weights. */
  readonly seed: number;
}

export const NETWORK_SHAPE: NetworkShape = { hidden: 16, recurrent: 8, seed: 1 };

/** Rows predicted at a time: bounds the memory of the recurrent layer. */
const ROWS = 8_192;

export class NetworkModel implements ForecastModel {
  readonly kind: "dense" | "gru";
  readonly quantiles: readonly number[];
  readonly parameterCount: number;
  /** Of tfjs, for saving. */
  readonly network: LayersModel;
  private readonly backend: Backend;

  /** Takes a loaded network over, or builds one. Throws RangeError on bad quantiles. */
  constructor(backend: Backend, kind: "dense" | "gru", quantiles: readonly number[], network: LayersModel | NetworkShape) {
    assertQuantiles(quantiles);
    this.backend = backend;
    this.kind = kind;
    this.quantiles = quantiles;
    this.network = "layers" in network ? network : build(backend, kind, quantiles.length, network);
    this.parameterCount = this.network.countParams();
  }

  weights(): Float32Array {
    const flat = new Float32Array(this.parameterCount);
    let at = 0;
    for (const tensor of this.network.getWeights()) {
      flat.set(tensor.dataSync<"float32">(), at);
      at += tensor.size;
    }
    return flat;
  }

  setWeights(weights: Float32Array): void {
    assertWeights(weights, this.parameterCount);
    const { tf } = this.backend;
    tf.tidy(() => {
      let at = 0;
      const tensors = this.network.getWeights().map(({ shape, size }) => {
        at += size;
        return tf.tensor(weights.slice(at - size, at), shape);
      });
      this.network.setWeights(tensors);
    });
  }

  async train(examples: Examples, options: TrainOptions): Promise<void> {
    const { tf } = this.backend;
    const rows = trainable(examples);
    const { learningRate, batchSize } = options;
    const optimiser = options.optimiser === "adam" ? tf.train.adam(learningRate) : tf.train.sgd(learningRate);
    const variables = this.network.trainableWeights.map((weight) => weight.read() as Variable);
    const start = (options.proximal ?? 0) > 0 ? variables.map((variable) => tf.clone(variable)) : [];
    try {
      for (let epoch = 0; epoch < options.epochs; epoch += 1) {
        const order = permutation(rows.count, options.seed + epoch);
        for (let from = 0; from < rows.count; from += batchSize) {
          options.signal?.throwIfAborted();
          const batch = pickExamples(rows, order.subarray(from, from + batchSize));
          tf.tidy(() => {
            const inputs = this.inputs(batch);
            const target = tf.tensor2d(batch.target, [batch.count, 1]);
            optimiser.minimize(
              () => {
                const output = this.network.apply(inputs, { training: true }) as Tensor;
                const loss = this.pinball(target, output);
                return start.length === 0 ? loss : tf.add(loss, this.distance(variables, start, options.proximal ?? 0));
              },
              false,
              variables,
            );
          });
        }
        // Lets a progress bar move and a signal arrive.
        await new Promise((wake) => setImmediate(wake));
      }
    } finally {
      optimiser.dispose();
      for (const tensor of start) tensor.dispose();
    }
  }

  predict(examples: Examples): Float32Array {
    const { tf } = this.backend;
    const columns = this.quantiles.length;
    const raw = new Float32Array(examples.count * columns);
    for (let from = 0; from < examples.count; from += ROWS) {
      const length = Math.min(ROWS, examples.count - from);
      const part = pickExamples(
        examples,
        Uint32Array.from({ length }, (_, i) => from + i),
      );
      const output = tf.tidy(() => (this.network.apply(this.inputs(part)) as Tensor).dataSync<"float32">());
      raw.set(output, from * columns);
    }
    return toEnergies(raw, examples.scale, columns);
  }

  dispose(): void {
    this.network.dispose();
  }

  private inputs({ count, features, sequence }: Examples): Tensor | Tensor[] {
    const { tf } = this.backend;
    const flat = tf.tensor2d(features, [count, FEATURES.length]);
    if (this.kind === "dense") return flat;
    return [flat, tf.tensor3d(sequence, [count, SEQUENCE.steps, SEQUENCE.channels])];
  }

  private pinball(target: Tensor, output: Tensor) {
    const { tf } = this.backend;
    const quantiles = tf.tensor1d([...this.quantiles]);
    const error = tf.sub(target, output);
    return tf.mean<import("@tensorflow/tfjs-core").Scalar>(
      tf.maximum(tf.mul(error, quantiles), tf.mul(error, tf.sub(quantiles, 1))),
    );
  }

  private distance(variables: readonly Variable[], start: readonly Tensor[], proximal: number): Tensor {
    const { tf } = this.backend;
    const parts = variables.map((variable, i) => tf.sum(tf.squaredDifference(variable, start[i]!)));
    return tf.mul(tf.addN(parts), proximal / 2);
  }
}

function build({ tf, layers }: Backend, kind: "dense" | "gru", outputs: number, shape: NetworkShape): LayersModel {
  const { hidden, recurrent, seed } = shape;
  const spread = (k: number) => layers.initializers.glorotUniform({ seed: seed * 16 + k });
  const features = layers.input({ shape: [FEATURES.length], name: "features" });
  const sequence = layers.input({ shape: [SEQUENCE.steps, SEQUENCE.channels], name: "sequence" });
  const memory = (): typeof features =>
    layers.layers
      .gru({ name: "memory", units: recurrent, kernelInitializer: spread(1), recurrentInitializer: spread(2) })
      .apply(sequence) as typeof features;
  const seen =
    kind === "dense"
      ? features
      : (layers.layers.concatenate({ name: "seen" }).apply([features, memory()]) as typeof features);
  const inner = layers.layers
    .dense({ name: "hidden", units: hidden, activation: "relu", kernelInitializer: spread(3) })
    .apply(seen);
  const added = layers.layers.dense({ name: "added", units: outputs, kernelInitializer: "zeros" }).apply(inner);
  const straight = layers.layers.dense({ name: "straight", units: outputs, useBias: false, kernelInitializer: "zeros" });
  const through = straight.apply(features);
  const output = layers.layers.add({ name: "load" }).apply([through, added] as (typeof features)[]) as typeof features;
  // The first feature is the baseline.
  const kernel = new Float32Array(FEATURES.length * outputs).fill(1, 0, outputs);
  tf.tidy(() => straight.setWeights([tf.tensor2d(kernel, [FEATURES.length, outputs])]));
  return layers.model({ inputs: kind === "dense" ? features : [features, sequence], outputs: output });
}
