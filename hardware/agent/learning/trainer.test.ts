/** Training on a household's own readings: what is learned, and that its time is bounded. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import {
  FEATURES,
  joinExamples,
  LinearModel,
  type LoadSeries,
  localUpdate,
  MEDIAN,
  NETWORK_SHAPE,
  NetworkModel,
  openBackend,
  prepare,
  weightsText,
} from "../../../learning/index.ts";
import type { OwnReadings, TrainTask } from "./tasks.ts";
import { HomeTrainer } from "./trainer.ts";

const BERLIN = { slotSeconds: 3_600, timezone: "Europe/Berlin" };
const FIRST_SLOT = Date.parse("2025-02-01T00:00+01:00") / 3_600_000;
const DAYS = 35;
const series: LoadSeries = {
  id: "own",
  firstSlot: FIRST_SLOT,
  energyWh: Float64Array.from({ length: 24 * DAYS }, (_, i) => 200 + 150 * Math.sin(i / 4) + ((i * 7_919) % 83)),
};

function home(one: LoadSeries): OwnReadings {
  const end = one.firstSlot + one.energyWh.length;
  return {
    slotSeconds: BERLIN.slotSeconds,
    readings: (_kind, { from, to }) =>
      Array.from({ length: to - from }, (_, i) => one.energyWh[from + i - one.firstSlot]),
    nextSlot: () => end,
  };
}

async function taskOf(kind: "linear" | "dense", changes: Partial<TrainTask> = {}): Promise<TrainTask> {
  const { topology, weights } = await modelOf(kind);
  const features = { kind, objective: "median", names: [...FEATURES], ...BERLIN, rows: 200, unitWh: 500, rate: 1 };
  const model = { topology: topology as TrainTask["model"]["topology"], weights: weightsText(weights) };
  return { type: "train", model, features, epochs: 2, batchSize: 32, learningRate: 0.1, mu: 0, seed: 5, ...changes };
}

async function modelOf(kind: "linear" | "dense"): Promise<{ topology: object; weights: Float32Array }> {
  if (kind === "linear") return { topology: {}, weights: new LinearModel(MEDIAN).weights() };
  const model = new NetworkModel(await openBackend({ only: "cpu" }), kind, MEDIAN, { ...NETWORK_SHAPE, hidden: 4 });
  const topology = JSON.parse(JSON.stringify(model.network.toJSON(undefined, false))) as object;
  return { topology, weights: model.weights() };
}

const trainer = (seconds = 60): HomeTrainer => new HomeTrainer({ historyDays: 400, seconds });
const rows = joinExamples(prepare(series, undefined, BERLIN).rows.filter((row) => row !== undefined));

test("a linear model is trained on all that the home has, as anybody would with the same readings", async () => {
  const task = await taskOf("linear");
  const update = await trainer().train(task, home(series));
  assert.deepEqual(update, await localUpdate(task, rows));
  assert.ok(update!.some((value) => value !== 0));
});

test("a home without history is not ready; one that the draw leaves out neither", async () => {
  const task = await taskOf("linear");
  const short = { ...series, energyWh: series.energyWh.slice(0, 24 * 10) };
  assert.equal(await trainer().train(task, home(short)), undefined);
  const features = { ...(task.features as object), rate: 0 };
  assert.equal(await trainer().train({ ...task, features }, home(series)), undefined);
});

test("a model for other slots than the meter's is refused", async () => {
  const task = await taskOf("linear");
  const own = { ...home(series), slotSeconds: 900 };
  await assert.rejects(trainer().train(task, own), /features: the model has slots of 3600 s, this meter of 900 s/);
});

test("a network is trained in a thread; what takes too long is ended, and the next task is begun afresh", async (t) => {
  const one = trainer(30);
  t.after(() => one.close());
  const task = await taskOf("dense");
  const update = await one.train(task, home(series));
  assert.equal(update?.length, Buffer.from(task.model.weights, "base64").length / 4);
  assert.ok(update.some((value) => value !== 0));
  const hurried = trainer(0.2);
  t.after(() => hurried.close());
  await assert.rejects(
    hurried.train({ ...task, epochs: 1_000 }, home(series)),
    /training failed: it took longer than 0.2 s/,
  );
  // What an announcement makes long does not hold up the meter, whatever the kind of model.
  const long = { ...(await taskOf("linear")), epochs: 1_000 };
  await assert.rejects(hurried.train(long, home(series)), /longer than 0.2 s/);
});

test("a home that has a file of the weather trains with it, and reads it again when it has changed", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "wattveil-weather-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "weather.csv");
  const write = (temperatureC: readonly number[], modified: number): void => {
    const lines = temperatureC.map((degrees, i) => `${(FIRST_SLOT + i) * 3_600},${degrees}`);
    writeFileSync(file, ["slot_start,temperature_c", ...lines].join("\n"));
    utimesSync(file, modified, modified);
  };
  const task = await taskOf("linear");
  const own = home(series);
  const homes = new HomeTrainer({ historyDays: 400, seconds: 60, weather: file });
  await assert.rejects(homes.train(task, own), /weather\.csv cannot be read \(ENOENT\)/);
  for (const mean of [4, -9]) {
    const temperatureC = Float64Array.from(series.energyWh, (_, i) => mean + (i % 11) - Math.trunc(i / 99));
    write([...temperatureC], 1_700_000_000 + mean);
    const warm = prepare(series, { firstSlot: FIRST_SLOT, temperatureC }, BERLIN).rows;
    const expected = await localUpdate(task, joinExamples(warm.filter((row) => row !== undefined)));
    assert.deepEqual(await homes.train(task, own), expected);
    assert.notDeepEqual(expected, await localUpdate(task, rows));
  }
});
