import assert from "node:assert/strict";
import { test } from "node:test";
import { type Examples, pickExamples } from "./examples.ts";
import { FEATURES, SEQUENCE } from "./features.ts";
import { LINEAR_WEIGHTS, LinearModel } from "./linear-model.ts";
import { localUpdate, modelOf, type TrainingTask, weightsText } from "./local-update.ts";
import { MEDIAN } from "./model.ts";

const COUNT = 24;
const examples: Examples = {
  count: COUNT,
  features: Float32Array.from({ length: COUNT * FEATURES.length }, (_, i) => Math.sin(1 + i * 0.7)),
  sequence: new Float32Array(COUNT * SEQUENCE.steps * SEQUENCE.channels),
  target: Float32Array.from({ length: COUNT }, (_, i) => 1 + Math.cos(i)),
  scale: new Float32Array(COUNT).fill(900),
};
const features = {
  ...{ kind: "linear", objective: "median", names: [...FEATURES], slotSeconds: 3_600, timezone: "UTC" },
  ...{ rows: 100, unitWh: 300, rate: 1 },
};

function task(changes: Partial<TrainingTask> = {}, inputs: object = {}): TrainingTask {
  const model = { topology: {}, weights: weightsText(new LinearModel(MEDIAN).weights()) };
  const how = { epochs: 2, batchSize: 8, learningRate: 0.1, mu: 0, seed: 5 };
  return { model, features: { ...features, ...inputs }, ...how, ...changes };
}

test("an update is what training changed, the same every time", async () => {
  const model = new LinearModel(MEDIAN);
  const before = model.weights();
  await model.train(examples, { epochs: 2, batchSize: 8, learningRate: 0.1, seed: 5 });
  const update = await localUpdate(task(), examples);
  assert.deepEqual(
    update,
    Float64Array.from(model.weights(), (weight, i) => weight - before[i]!),
  );
  assert.deepEqual(await localUpdate(task(), examples), update);
  assert.notDeepEqual(await localUpdate(task({ seed: 6 }), examples), update);
});

test("the proximal term keeps homes near the announced weights", async () => {
  const size = async (mu: number): Promise<number> => Math.hypot(...(await localUpdate(task({ mu }), examples))!);
  assert.ok((await size(5)) < (await size(0)));
});

test("an energy update is the gradient of half the squared error, weighed by what the home takes", async () => {
  const one = task({ epochs: 1, batchSize: COUNT }, { objective: "energy" });
  const update = (await localUpdate(one, examples))!;
  const model = new LinearModel(MEDIAN);
  const weights = model.weights();
  const expected = new Float64Array(LINEAR_WEIGHTS);
  for (let i = 0; i < COUNT; i += 1) {
    const row = [...examples.features.subarray(i * FEATURES.length, (i + 1) * FEATURES.length), 1];
    const error = row.reduce((sum, value, f) => sum + value * weights[f]!, 0) - examples.target[i]!;
    // Three times the unit of 300 Wh.
    for (const [f, value] of row.entries()) expected[f]! -= (3 * 0.1 * error * value) / COUNT;
  }
  for (const [i, value] of update.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${i}`);
});

test("only known rows count, and no more than the task asks for; without any there is no update", async () => {
  const unknown = { ...examples, target: examples.target.map((value, i) => (i < 20 ? Number.NaN : value)) };
  const known = pickExamples(examples, [20, 21, 22, 23]);
  assert.deepEqual(await localUpdate(task(), unknown), await localUpdate(task(), known));
  assert.equal(await localUpdate(task(), { ...examples, target: new Float32Array(COUNT).fill(Number.NaN) }), undefined);
  assert.notDeepEqual(await localUpdate(task({}, { rows: 4 }), examples), await localUpdate(task(), examples));
});

test("a task of another version, with other weights or without its backend is refused by name", async () => {
  const names = [...FEATURES].reverse();
  await assert.rejects(localUpdate(task({}, { names }), examples), /features: expected those of this version/);
  await assert.rejects(localUpdate(task({}, { rows: 0 }), examples), /features: .*rows/);
  await assert.rejects(localUpdate(task({}, { kind: "dense" }), examples), /backend: a dense model needs one/);
  const model = { topology: {}, weights: weightsText([1, 2]) };
  await assert.rejects(localUpdate(task({ model }), examples), /weights: expected 33, got 2/);
  const unknown = task({ model: { topology: {}, weights: weightsText(new Array<number>(33).fill(NaN)) } });
  assert.throws(() => modelOf(unknown), /finite/);
  await assert.rejects(localUpdate(task({ model }, { objective: "energy" }), examples), /weights: expected 33, got 2/);
});
