/**
 * The step of REINFORCE in tfjs: choices of ways that ended better than their baseline are made likelier (R. J. Williams,
 * Machine Learning 8 (1992)).
 */
import type { Backend } from "../../../learning/index.ts";
import { HIDDEN, type Weights } from "./network.ts";

/** A choice that was drawn, and what it was worth against its baseline. */
export interface Lesson {
  /** Row per choice that there was. */
  readonly features: Float64Array;
  readonly chosen: number;
  readonly advantage: number;
}

type Tensor = ReturnType<Backend["tf"]["tensor"]>;
type Scalar = ReturnType<Backend["tf"]["scalar"]>;

/** The network's weights as variables of tfjs, and the step that changes them. */
export class Learner {
  readonly #backend: Backend;
  readonly #columns: number;
  readonly #variables: ReturnType<Backend["tf"]["variable"]>[];
  readonly #optimiser: ReturnType<Backend["tf"]["train"]["adam"]>;

  constructor(backend: Backend, { hidden, bias, output }: Weights, learningRate: number) {
    const { tf } = backend;
    this.#backend = backend;
    this.#columns = hidden.length / HIDDEN;
    this.#optimiser = tf.train.adam(learningRate);
    this.#variables = tf.tidy(() => [
      tf.variable(tf.tensor2d(hidden, [this.#columns, HIDDEN])),
      tf.variable(tf.tensor1d(bias)),
      tf.variable(tf.tensor2d(output, [HIDDEN, 1])),
    ]);
  }

  weights(): Weights {
    const [hidden, bias, output] = this.#variables.map((variable) => Float32Array.from(variable.dataSync()));
    return { hidden: hidden!, bias: bias!, output: output! };
  }

  /** One step of Adam. Choices of all lessons stand in one table; shorter lists are padded and masked. */
  learn(lessons: readonly Lesson[], learningRate: number, entropy: number): void {
    if (lessons.length === 0) return;
    const { tf } = this.#backend;
    const columns = this.#columns;
    const most = Math.max(...lessons.map((lesson) => lesson.features.length / columns));
    const features = new Float32Array(lessons.length * most * columns);
    const mask = new Float32Array(lessons.length * most).fill(-1e9);
    const chosen = new Float32Array(lessons.length * most);
    for (const [i, lesson] of lessons.entries()) {
      features.set(lesson.features, i * most * columns);
      mask.fill(0, i * most, i * most + lesson.features.length / columns);
      chosen[i * most + lesson.chosen] = 1;
    }
    const spread = Math.sqrt(lessons.reduce((sum, { advantage }) => sum + advantage ** 2, 0) / lessons.length);
    const worth = Float32Array.from(lessons, ({ advantage }) => advantage / Math.max(spread, 1e-9));
    // The rate falls as training goes on; tfjs has no setter for it.
    (this.#optimiser as unknown as { learningRate: number }).learningRate = learningRate;
    tf.tidy(() => {
      const input = tf.tensor2d(features, [lessons.length * most, columns]);
      const open = tf.tensor2d(mask, [lessons.length, most]);
      const taken = tf.tensor2d(chosen, [lessons.length, most]);
      const advantage = tf.tensor1d(worth);
      this.#optimiser.minimize(
        () => {
          const [hidden, bias, output] = this.#variables as readonly Tensor[];
          const inner = tf.tanh(tf.add(tf.matMul(input, hidden!), bias!));
          const scores = tf.add(tf.reshape(tf.matMul(inner, output!), [lessons.length, most]), open);
          const logs = tf.logSoftmax(scores);
          const gain = tf.mul(tf.sum(tf.mul(logs, taken), 1), advantage);
          // Padding has probability 0 and a logarithm of -1e9: their product is 0.
          const disorder = tf.neg(tf.sum(tf.mul(tf.exp(logs), logs), 1));
          return tf.neg(tf.mean<Scalar>(tf.add(gain, tf.mul(disorder, entropy))));
        },
        false,
        this.#variables,
      );
    });
  }

  dispose(): void {
    this.#optimiser.dispose();
    for (const variable of this.#variables) variable.dispose();
  }
}
