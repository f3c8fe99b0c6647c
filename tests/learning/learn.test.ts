/**
 * A campaign as `npm run learn` runs it, every party a process: a third of the homes fall silent in each round, an aggregator
 * and analytics are killed half-way. The model is what plain arithmetic over the homes that stayed gives; so is the noised
 * histogram that is asked for afterwards.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { interpolateAtZero } from "../../aggregator/testing/interpolate.ts";
import { loadConfig } from "../../config/index.ts";
import { readReport, type LearnReport } from "../../firmware-sim/learn/learn-report.ts";
import { LearnRun } from "../../firmware-sim/learn/learn-run.ts";
import { type ReleaseReport, trueCounts } from "../../firmware-sim/learn/release-report.ts";
import { learnRequest, type LearnRequest } from "../../firmware-sim/learn/request.ts";
import { LoadGenerator } from "../../firmware-sim/loads/index.ts";
import { writeTruth } from "../../firmware-sim/loads/truth.ts";
import { writeWeather } from "../../firmware-sim/loads/weather-file.ts";
import {
  joinExamples,
  LinearModel,
  loadModel,
  localUpdate,
  MEDIAN,
  openBackend,
  prepare,
  readWeather,
  weightsText,
} from "../../learning/index.ts";
import { ownPrivacy } from "../../hardware/agent/household.ts";
import { FIELD_PRIME } from "../../protocol/field.ts";
import {
  roundContent,
  type RoundContent,
  noisedRelease,
  packLanes,
  roundOf,
  unpackLanes,
} from "../../protocol/learning/index.ts";
import { elementsOfShare } from "../../protocol/shamir/vector-shares.ts";
import { parseTopic } from "../../protocol/topics.ts";
import { Holder, numbersIn } from "../testing/holder.ts";
import { sumOf } from "../testing/learning-bed.ts";
import { readRecording, RECORDING_FILE, type Recording } from "../testing/recording.ts";

const HOMES = Array.from({ length: 9 }, (_, i) => ({ id: `m-${i + 1}`, feeder: "f-1" }));
const ROUNDS = 3;
const STAY = 6;
const SLOT_SECONDS = 3_600;
const TIMEZONE = "Europe/Berlin";
const FIRST_SLOT = Date.parse("2025-02-01T00:00:00+01:00") / 1_000 / SLOT_SECONDS;
const DAYS = 21;
const QUIET = loadConfig({ profile: "demo", env: {} });

const source = new LoadGenerator({
  ...{ seed: 5, meters: HOMES, slotSeconds: SLOT_SECONDS, timezone: TIMEZONE },
  range: { from: FIRST_SLOT, to: FIRST_SLOT + 24 * DAYS },
});
let data: string;
let request: LearnRequest;
let learning: LearnRun;
let report: LearnReport;
let recording: Recording;
let contents: RoundContent[];
let histogram: ReleaseReport;
let repeated: ReleaseReport;
/** One that costs more than the homes have left. */
let costly: ReleaseReport;

before(async () => {
  data = mkdtempSync(path.join(tmpdir(), "wattveil-learn-"));
  const readings = path.join(data, "readings.csv");
  await writeTruth(readings, source);
  const weather = path.join(data, "weather.csv");
  await writeWeather(weather, { seed: 5, range: source.range, slotSeconds: SLOT_SECONDS, errorC: 1 });
  const config = {
    ...QUIET,
    system: { ...QUIET.system, slotSeconds: SLOT_SECONDS, timezone: TIMEZONE },
    paths: { data, logs: path.join(data, "logs"), results: path.join(data, "results") },
  };
  const options = {
    data,
    readings,
    weather,
    homes: "9",
    rounds: String(ROUNDS),
    epsilon: "none",
    dropOut: "0.34",
    testDays: "2",
  };
  request = await learnRequest({ config, options, json: true, signal: new AbortController().signal });
  let kills = 0;
  let campaignIsOver = false;
  const quiet = { info: () => {}, warn: () => {} };
  learning = new LearnRun({
    request,
    log: quiet as never,
    entryOf: (name) => (name === "broker" ? "tests/testing/recording-broker-main.ts" : undefined),
    onAnnounced: (step) => {
      // In the middle of the second round; once more when it is announced again. And once in that of the histogram.
      if (campaignIsOver ? kills !== 2 : step !== 1 || kills === 2) return;
      kills += 1;
      learning.supervisor.kill("analytics");
      if (kills === 1) learning.supervisor.kill("a-2");
    },
  });
  report = readReport(await learning.run(new AbortController().signal));
  campaignIsOver = true;
  const { signal } = new AbortController();
  histogram = await learning.ask(request.release!, signal);
  [repeated, costly] = await Promise.all([
    learning.ask(request.release!, signal),
    learning.ask([...request.release!, "--name", "costly", "--epsilon", "7.9"], signal),
  ]);
  await learning.stop();
  recording = readRecording(path.join(data, "fleet", RECORDING_FILE));
  const announced = recording.published.filter(({ topic }) => parseTopic(topic)?.name === "learnAnnounce");
  contents = announced.map(({ payload }) =>
    roundContent.parse((JSON.parse(payload.toString()) as { content: unknown }).content),
  );
});
after(async () => {
  await learning.stop();
  rmSync(data, { recursive: true, force: true });
});

const opened = new Map<string, Map<string, number[]>>();

/** The integers of each home that got through to enough aggregators, opened with the keys of two of them. */
async function integersOf(content: RoundContent): Promise<Map<string, number[]>> {
  const round = roundOf(content);
  const known = opened.get(round);
  if (known !== undefined) return known;
  const own = recording.published.filter(({ topic }) => parseTopic(topic)?.parameters.round === round);
  const two = [1, 3].reduce((holder, x) => holder.takeFolder(path.join(data, "keys", `a-${x}`)), new Holder());
  const updates = await two.openUpdates(own);
  const found = new Map<string, number[]>();
  for (const { id } of HOMES) {
    const byAggregator = new Map(
      updates.filter(({ meter }) => meter === id).map((one) => [one.aggregator, one.update]),
    );
    if (byAggregator.size < 2) continue;
    const shares = [...byAggregator].map(([x, { share, elements }]) => ({ x, own: elementsOfShare(share, elements) }));
    const elements = shares[0]!.own.map((_, i) =>
      interpolateAtZero(new Map(shares.map(({ x, own: values }) => [x, values[i]!])), FIELD_PRIME),
    );
    found.set(id, unpackLanes(elements, content.vector));
  }
  opened.set(round, found);
  return found;
}

/** Each round's content, in order; throws if one was announced with two. */
function rounds(): RoundContent[] {
  const byStep = new Map<number, Map<string, RoundContent>>();
  for (const content of contents) {
    if (content.campaign !== "forecast") continue;
    byStep.set(
      content.step,
      (byStep.get(content.step) ?? new Map<string, RoundContent>()).set(roundOf(content), content),
    );
  }
  assert.deepEqual([...byStep.keys()], [0, 1, 2]);
  return [...byStep.values()].map((same) => {
    assert.equal(same.size, 1, "a round was announced with another content");
    return [...same.values()][0]!;
  });
}

test("killed twice in a round, analytics goes on with the very same round; so does an aggregator", () => {
  assert.ok(learning.supervisor.restarts("analytics") >= 2);
  assert.ok(learning.supervisor.restarts("a-2") >= 1);
  assert.deepEqual(
    rounds().map((content) => roundOf(content)),
    report.history.map(({ round }) => round),
  );
});

test("the model is what plain arithmetic over the homes that stayed gives", async () => {
  const { serverMomentum, serverLearningRate } = { serverMomentum: 0.7, serverLearningRate: 1 };
  const weights = Float64Array.from(new LinearModel(MEDIAN).weights());
  const velocity = new Float64Array(weights.length);
  for (const [step, content] of rounds().entries()) {
    assert.ok(content.task.type === "train");
    assert.equal(content.task.model.weights, weightsText(weights), `round ${step + 1} begins where the last one ended`);
    const integers = await integersOf(content);
    assert.equal(integers.size, STAY);
    assert.equal(report.history[step]!.homes, STAY);
    for (const [i, sum] of sumOf([...integers.values()]).entries()) {
      velocity[i] = serverMomentum * velocity[i]! + sum / (content.vector.scale * STAY);
      weights[i]! += serverLearningRate * velocity[i];
    }
  }
  const { model } = await loadModel(await openBackend({ only: "cpu" }), report.model);
  // The mean over the last two fifths of three rounds is the last one.
  assert.deepEqual(model.weights(), Float32Array.from(weights));
});

test("what a home sent is what training on its own readings gives, up to rounding by chance", async () => {
  const [content] = rounds();
  const temperature = await readWeather(request.weather!, SLOT_SECONDS);
  const { task, vector } = content!;
  assert.ok(task.type === "train");
  const integers = await integersOf(content!);
  for (const [home, sent] of integers) {
    const index = HOMES.findIndex(({ id }) => id === home);
    const { endSlot } = request.homes.find(({ id }) => id === home)!;
    const energyWh = Float64Array.from(
      { length: endSlot - FIRST_SLOT },
      (_, i) => source.read(index, FIRST_SLOT + i)!.importWh,
    );
    const calendar = { slotSeconds: SLOT_SECONDS, timezone: TIMEZONE };
    const days = prepare({ id: home, firstSlot: FIRST_SLOT, energyWh }, temperature, calendar).rows;
    const update = (await localUpdate(task, joinExamples(days.filter((day) => day !== undefined))))!;
    const factor = vector.scale * Math.min(1, vector.clip / Math.hypot(...update));
    for (const [i, value] of update.entries()) assert.ok(Math.abs(sent[i]! - value * factor) <= 1.001, `${home} ${i}`);
  }
});

function histogramContent(): RoundContent {
  const own = contents.filter((content) => content.campaign === "day-energy");
  assert.ok(own.length >= 1); // more where it was killed before all homes had answered
  assert.deepEqual([...new Set(own.map(roundOf))], [histogram.round], "one announcement, whoever was killed");
  return own[0]!;
}

test("a noised histogram is the sum over the homes that stayed, public, in the database, and charged once", async () => {
  const content = histogramContent();
  const integers = await integersOf(content);
  const { result } = histogram;
  assert.ok(result !== undefined && "values" in result, histogram.reason);
  assert.deepEqual([result.meters, integers.size], [STAY, STAY]);
  const sum = sumOf([...integers.values()]).map((value) => value / content.vector.scale);
  assert.deepEqual(result.values, sum);
  assert.ok(result.epsilon > 1.99 && result.epsilon <= 2);
  const db = new Database(path.join(data, "utility", "utility.db"), { readonly: true });
  const values = db.prepare("SELECT value FROM noised_values WHERE round = ? ORDER BY position").pluck();
  assert.deepEqual(values.all(histogram.round), sum);
  db.close();
  const published = recording.published.filter(({ topic }) => topic === "wv/1/pub/release/day-energy");
  assert.ok(published.length >= 1);
  for (const { payload } of published) assert.deepEqual(noisedRelease.parse(JSON.parse(payload.toString())), result);
  for (const home of integers.keys()) {
    const { names, epsilon, used } = ownPrivacy(data, home, { epsilon: 8, delta: 1e-5 });
    const charged = names.find(({ name }) => name === "day-energy");
    assert.deepEqual([charged?.task, charged?.rounds], ["histogram", 1]);
    assert.ok(Math.abs(epsilon - result.epsilon) < 1e-9 && used > 0 && used < 0.2, `${used}`);
  }
  assert.deepEqual([repeated.round, repeated.result], [histogram.round, result], "asked again, it is not asked anew");
});

test("what exceeds the homes' budgets is not opened, and says so", () => {
  assert.equal(costly.state, "not-opened");
  assert.match(costly.reason, /^too-few-meters: /);
  for (const { id } of HOMES) {
    const names = ownPrivacy(data, id, { epsilon: 8, delta: 1e-5 }).names.map(({ name }) => name);
    // Whoever never heard of the first one has not spent anything yet.
    assert.equal(names.includes("day-energy") && names.includes("costly"), false);
  }
});

test("neither the broker nor one aggregator has a home's histogram, and two together have it with noise", async () => {
  const content = histogramContent();
  assert.ok(content.task.type === "histogram");
  const integers = await integersOf(content);
  const noised = [...integers.values()].flatMap((own) => [...packLanes(own, content.vector)]);
  const own = recording.published.filter(({ topic }) => parseTopic(topic)?.parameters.round === roundOf(content));
  const seen = own.map(({ payload }) => payload);
  assert.deepEqual(numbersIn(seen, noised), []);
  // One that holds seeds, and one that holds shares.
  for (const agg of [1, 3]) {
    const one = new Holder().takeFolder(path.join(data, "keys", `a-${agg}`));
    const opened = await one.openUpdates(own);
    assert.ok(opened.length >= STAY && opened.every(({ aggregator }) => aggregator === agg));
    const held = opened.map(({ update: { share } }) => ("seed" in share ? share.seed : share.packed));
    assert.deepEqual(numbersIn(held, noised), []);
  }
  const { edges, slots } = content.task;
  for (const [id, vector] of integers) {
    const homes = request.homes.filter((home) => home.id === id);
    const truth = trueCounts({ ...request, homes }, slots.from, edges);
    assert.equal(
      sumOf([truth]).reduce((a, b) => a + b, 0),
      1,
    );
    for (const [i, value] of vector.entries()) assert.notEqual(value, truth[i]! * content.vector.scale);
  }
});

test("the same command again finds the campaign over, and says the same", async () => {
  const again = new LearnRun({ request, log: { info: () => {}, warn: () => {} } as never });
  try {
    const file = await again.run(new AbortController().signal);
    assert.deepEqual(readReport(file).history, report.history);
  } finally {
    await again.stop();
  }
});
