/** The linear model: what it starts from, that its fit is the best one, and that a pass of training goes downhill. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { trainable } from "./examples.ts";
import { FEATURES } from "./features.ts";
import { LINEAR_WEIGHTS, LinearModel } from "./linear-model.ts";
import { MEDIAN } from "./model.ts";
import { permutation } from "./shuffle.ts";
import { madeUp } from "./testing/rows.ts";

/** Above zero, or the forecast would be cut off there. */
const planted = (x: Float32Array): number => 4 + 0.5 * x[0]! - 0.25 * x[3]! + 0.125 * x[22]!;

function loss(model: LinearModel, rows: ReturnType<typeof madeUp>): number {
  const forecast = model.predict(rows);
  const q = model.quantiles.length;
  let sum = 0;
  for (let i = 0; i < rows.count; i += 1) {
    for (const [k, quantile] of model.quantiles.entries()) {
      const error = rows.target[i]! - forecast[i * q + k]! / rows.scale[i]!;
      sum += Math.max(quantile * error, (quantile - 1) * error);
    }
  }
  return sum / (rows.count * q);
}

test("has at most 64 parameters for a point forecast, and untrained it is the baseline", () => {
  const model = new LinearModel(MEDIAN);
  assert.equal(model.parameterCount, FEATURES.length + 1);
  assert.ok(model.parameterCount <= 64);
  const rows = madeUp(50, 1, { target: () => 0 });
  const forecast = model.predict(rows);
  for (const [i, value] of forecast.entries()) {
    assert.ok(Math.abs(value - Math.max(0, rows.features[i * FEATURES.length]! * 100)) < 1e-3);
  }
});

test("finds the weights that made the targets", () => {
  const rows = madeUp(800, 3, { target: planted });
  const model = new LinearModel(MEDIAN);
  model.fit(rows, 1e-9);
  const weights = model.weights();
  const expected = new Float32Array(LINEAR_WEIGHTS);
  [expected[0], expected[3], expected[22], expected[LINEAR_WEIGHTS - 1]] = [0.5, -0.25, 0.125, 4];
  for (const [i, weight] of weights.entries()) assert.ok(Math.abs(weight - expected[i]!) < 1e-3, `${i}: ${weight}`);
});

test("its quantiles are those of the noise, on rows it has not seen", () => {
  const rule = { target: (x: Float32Array, noise: number) => planted(x) + noise };
  const quantiles = [0.1, 0.5, 0.9];
  const model = new LinearModel(quantiles);
  model.fit(madeUp(2_000, 5, rule), 1e-6);
  const fresh = madeUp(4_000, 105, rule);
  const forecast = model.predict(fresh);
  for (const [q, quantile] of quantiles.entries()) {
    let below = 0;
    for (let i = 0; i < fresh.count; i += 1) below += fresh.target[i]! * 100 <= forecast[i * 3 + q]! ? 1 : 0;
    // Three standard deviations of a share of 4000 rows are 0.024; the rest is the error of 33 fitted weights.
    assert.ok(Math.abs(below / fresh.count - quantile) < 0.035, `${quantile}: ${below / fresh.count}`);
  }
});

test("a step of training follows the slope of the loss, by finite differences", () => {
  const rows = madeUp(300, 7, { target: (x, noise) => planted(x) + noise });
  const quantiles = [0.2, 0.5];
  const start = new LinearModel(quantiles).weights();
  // Apart, so that sorting does not exchange them.
  [start[LINEAR_WEIGHTS - 1], start[2 * LINEAR_WEIGHTS - 1]] = [4, 5];
  const at = (weights: Float32Array): number => {
    const model = new LinearModel(quantiles);
    model.setWeights(weights);
    return loss(model, rows);
  };
  const model = new LinearModel(quantiles);
  model.setWeights(start);
  void model.train(rows, { epochs: 1, batchSize: rows.count, learningRate: 1, seed: 1 });
  const moved = model.weights();
  for (const i of [0, 3, 22, 32, LINEAR_WEIGHTS, 2 * LINEAR_WEIGHTS - 1]) {
    const nudged = (by: number): number => at(start.map((w, k) => (k === i ? w + by : w)));
    const slope = (nudged(0.01) - nudged(-0.01)) / 0.02;
    assert.ok(Math.abs(start[i]! - moved[i]! - slope) < 0.005, `${i}: ${start[i]! - moved[i]!} for ${slope}`);
  }
});

test("training lowers the loss, is the same for the same seed, and stays near its start with a proximal term", async () => {
  const rows = madeUp(600, 9, { target: planted });
  const trained = async (seed: number, proximal: number): Promise<LinearModel> => {
    const model = new LinearModel(MEDIAN);
    await model.train(rows, { epochs: 3, batchSize: 32, learningRate: 0.05, seed, proximal });
    return model;
  };
  const free = await trained(1, 0);
  assert.ok(loss(free, rows) < 0.8 * loss(new LinearModel(MEDIAN), rows));
  assert.deepEqual(free.weights(), (await trained(1, 0)).weights());
  assert.notDeepEqual(free.weights(), (await trained(2, 0)).weights());
  const start = new LinearModel(MEDIAN).weights();
  const distance = (model: LinearModel): number => Math.hypot(...model.weights().map((w, i) => w - start[i]!));
  assert.ok(distance(await trained(1, 1)) < 0.7 * distance(free));
});

test("refuses weights that are not its own, and quantiles without the median", () => {
  const model = new LinearModel(MEDIAN);
  assert.throws(() => model.setWeights(new Float32Array(5)), /weights: expected 33, got 5/);
  assert.throws(() => model.setWeights(new Float32Array(33).fill(Number.NaN)), /finite numbers, got NaN at 0/);
  assert.throws(() => new LinearModel([0.1, 0.9]), /quantiles: .*0\.1, 0\.9/);
  assert.throws(() => new LinearModel([0.5, 0.1]), RangeError);
});

test("rows without a target are not learned from, and a seed draws the same rows", () => {
  const rows = madeUp(100, 11, { target: (x) => (x[0]! > 0 ? Number.NaN : 1) });
  const known = trainable(rows);
  assert.ok(known.count > 20 && known.count < 80 && known.target.every((value) => value === 1));
  assert.deepEqual(trainable(rows, 10, 3), trainable(rows, 10, 3));
  assert.equal(trainable(rows, 10, 3).count, 10);
  assert.deepEqual(
    [...permutation(50, 4)].sort((a, b) => a - b),
    [...Array(50).keys()],
  );
});
