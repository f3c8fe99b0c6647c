/** Backends compute alike, networks are saved and loaded without a difference, and nothing is loaded before its time. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import {
  type Backend,
  BACKENDS,
  DECILES,
  type ForecastModel,
  LinearModel,
  loadModel,
  MEDIAN,
  NETWORK_SHAPE,
  NetworkModel,
  openBackend,
  saveModel,
} from "./index.ts";
import { madeUp } from "./testing/rows.ts";

const ABOUT = { slotSeconds: 900, timezone: "UTC", target: "test", trainedFrom: "2025-01-01", trainedTo: "2025-02-01" };
const RULE = { target: (x: Float32Array, noise: number): number => 2 + x[0]! * x[3]! + x[22]! + noise / 10 };
const ROWS = madeUp(192, 1, RULE);
const STEPS = { epochs: 2, batchSize: 64, learningRate: 0.01, seed: 5, optimiser: "adam" } as const;

const loaded = (): string[] =>
  Object.keys(createRequire(import.meta.url).cache).filter((key) => key.includes("@tensorflow"));
const atImport = loaded();
let wasm: Backend;

before(async () => {
  wasm = await openBackend({ only: "wasm" });
});

function farthest(a: Float32Array, b: Float32Array): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

async function folder(t: { after: (work: () => Promise<void>) => void }): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "wattveil-model-"));
  t.after(() => rm(made, { recursive: true }));
  return made;
}

test("importing learning loads nothing of tfjs; opening a backend does", () => {
  assert.deepEqual(atImport, []);
  assert.ok(loaded().length > 0);
});

test("every backend that works here trains to the same forecasts", async (t) => {
  const forecasts = new Map<string, Float32Array[]>();
  for (const only of BACKENDS) {
    const backend = await openBackend({ only }).catch((error: unknown) => error as Error);
    if (backend instanceof Error) {
      // The native library is optional; the other two come with the packages.
      assert.equal(only, "node", backend.message);
      t.diagnostic(backend.message);
      continue;
    }
    assert.equal(backend.name, only);
    const own: Float32Array[] = [];
    for (const kind of ["dense", "gru"] as const) {
      const model = new NetworkModel(backend, kind, DECILES, NETWORK_SHAPE);
      const untrained = model.predict(ROWS);
      await model.train(ROWS, STEPS);
      own.push(model.predict(ROWS));
      // 100 Wh stand for 1: the training has to be seen through the tolerance.
      assert.ok(farthest(untrained, own.at(-1)!) > 1);
      model.dispose();
    }
    forecasts.set(only, own);
  }
  const [reference, ...others] = [...forecasts.values()];
  assert.ok(reference !== undefined && others.length > 0);
  for (const other of others) {
    for (const [i, values] of reference.entries()) assert.ok(farthest(values, other[i]!) < 0.01);
  }
  wasm = await openBackend({ only: "wasm" });
});

test("the fastest backend that works is taken, and says why not a faster one", async () => {
  const told: string[] = [];
  const backend = await openBackend({ onChosen: ({ name }) => told.push(name) });
  assert.deepEqual(told, [backend.name]);
  assert.equal(backend.passedOver.length, BACKENDS.indexOf(backend.name));
  wasm = await openBackend({ only: "wasm" });
});

test("networks learn what is not linear, start from the baseline, and give the same for the same seed", async () => {
  for (const kind of ["dense", "gru"] as const) {
    const trained = async (proximal = 0): Promise<{ start: Float32Array; end: Float32Array; error: number[] }> => {
      const model = new NetworkModel(wasm, kind, MEDIAN, NETWORK_SHAPE);
      const error = (): number => farthestMean(model.predict(ROWS));
      const start = model.weights();
      const errors = [error()];
      assert.equal(start.length, model.parameterCount);
      // Untrained it is the first feature, the baseline.
      const base = ROWS.scale.map((scale, i) => Math.max(0, scale * ROWS.features[i * 32]!));
      assert.ok(farthest(model.predict(ROWS), base) < 1e-3);
      await model.train(ROWS, { ...STEPS, proximal });
      errors.push(error());
      const end = model.weights();
      model.dispose();
      return { start, end, error: errors };
    };
    const farthestMean = (forecast: Float32Array): number =>
      forecast.reduce((sum, value, i) => sum + Math.abs(value - ROWS.target[i]! * 100), 0) / ROWS.count;
    const [once, again, held] = [await trained(), await trained(), await trained(100)];
    assert.ok(once.error[1]! < 0.98 * once.error[0]!, `${kind}: ${once.error.join(" to ")}`);
    assert.deepEqual(once.end, again.end);
    assert.ok(farthest(held.start, held.end) < farthest(once.start, once.end));
  }
  assert.equal(wasm.tf.memory().numTensors, 0, "nothing is left in the backend's memory");
});

test("a saved model is loaded without a difference, in the format that any tfjs reads", async (t) => {
  const made = await folder(t);
  const linear = new LinearModel(DECILES);
  linear.fit(ROWS, 0.01);
  const models: ForecastModel[] = [linear];
  for (const kind of ["dense", "gru"] as const) {
    const model = new NetworkModel(wasm, kind, MEDIAN, NETWORK_SHAPE);
    await model.train(ROWS, { ...STEPS, epochs: 1 });
    models.push(model);
  }
  for (const model of models) {
    const own = join(made, model.kind);
    await saveModel(wasm, model, own, ABOUT);
    const { model: again, card } = await loadModel(wasm, own);
    assert.deepEqual(again.weights(), model.weights());
    assert.deepEqual(again.predict(ROWS), model.predict(ROWS));
    assert.deepEqual([card.kind, card.parameters, card.target], [model.kind, model.parameterCount, "test"]);
    const json = JSON.parse(await readFile(join(own, "model.json"), "utf8")) as Record<string, unknown>;
    assert.equal(json["format"], "layers-model");
    assert.deepEqual((json["weightsManifest"] as { paths: string[] }[])[0]!.paths, ["weights.bin"]);
    assert.equal((await readFile(join(own, "weights.bin"))).length, 4 * model.parameterCount);
    again.dispose();
    model.dispose();
  }
});

test("a folder without a usable model is refused by the file at fault", async (t) => {
  const made = await folder(t);
  await assert.rejects(loadModel(wasm, made), /card\.json: there is no such file/);
  await saveModel(wasm, new LinearModel(MEDIAN), made, ABOUT);
  const card = await readFile(join(made, "card.json"), "utf8");
  const json = await readFile(join(made, "model.json"), "utf8");
  const cases: [file: string, text: string, message: RegExp][] = [
    ["card.json", "{", /card\.json is no model of ours/],
    ["card.json", card.replace('"base"', '"other"'), /card\.json: the model was made for other features/],
    ["card.json", card.replace("33", "34"), /model\.json: expected 34 parameters/],
    ["model.json", json.replace("weights.bin", "../weights.bin"), /model\.json: expected weights beside it/],
    ["model.json", "[]", /model\.json is no model of ours/],
    ["weights.bin", "short", /model\.json is no model of ours/],
  ];
  for (const [file, text, message] of cases) {
    const path = join(made, file);
    const kept = await readFile(path);
    await writeFile(path, text);
    await assert.rejects(loadModel(wasm, made), message);
    await writeFile(path, kept);
  }
  (await loadModel(wasm, made)).model.dispose();
});
