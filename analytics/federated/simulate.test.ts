import assert from "node:assert/strict";
import { test } from "node:test";
import { openBackend } from "../../learning/index.ts";
import { unpackLanes, packLanes } from "../../protocol/learning/index.ts";
import { Campaign } from "./campaign.ts";
import { score } from "./evaluate.ts";
import { homeIntegers, homeNoise } from "../../protocol/learning/index.ts";
import { populate, type Population } from "./homes.ts";
import type { CampaignInput } from "./options.ts";
import { centralModel } from "./reference.ts";
import { openSum, present } from "./rounds.ts";
import { simulate, type SimulationOptions } from "./simulate.ts";
import { startOf } from "./start.ts";
import { habits, HOURLY, seeded } from "./testing/loads.ts";

const noBackend = (): never => assert.fail("a linear model needs no backend");
const population: Population = populate(habits(28, 42, 1), undefined, {
  ...{ ...HOURLY, testDays: 7, unseen: 4, mostRows: 300, seed: 1 },
});
const STAYS = { dropOut: 0, groups: 1, groupDropOut: 0 };
const CAMPAIGN: CampaignInput = {
  ...{ homes: 24, minMeters: 16, colluders: 2, rounds: 20, epsilon: null, clip: 0.1, slotSeconds: 3_600 },
};

function options(campaign: Partial<CampaignInput>, changes: Partial<SimulationOptions> = {}): SimulationOptions {
  const rest = { mode: "distributed", dropOuts: STAYS, validateEvery: 0, personalised: 0 } as const;
  return { campaign: { ...CAMPAIGN, ...campaign }, ...rest, ...changes };
}

test("without noise homes learn together what one place with all readings would, within 2 %, and more than no learning", async () => {
  for (const objective of ["median", "energy"] as const) {
    const central = await centralModel(population.homes, { kind: "linear", objective, hidden: 1, seed: 1 }, noBackend);
    const result = await simulate(population, options({ objective }), { backend: noBackend });
    const judged = objective === "median" ? population.homes : [population.feeder];
    const reference = score(judged, (rows) => central.predict(rows));
    const own = objective === "median" ? result.homes : result.feeder;
    assert.ok(own.maeWh < 1.02 * reference.maeWh, `${objective}: ${own.maeWh} against ${reference.maeWh}`);
    assert.ok(own.skill > 0.02, `${objective}: ${own.skill} on ${own.best}`);
    assert.equal(result.epsilon, null);
  }
});

test("the same seed gives the same campaign; rounds with too few homes are lost and paid for", async () => {
  const dropOuts = { dropOut: 0.25, groups: 4, groupDropOut: 0.1 };
  const run = options({ epsilon: 8, rounds: 12 }, { dropOuts, validateEvery: 4, personalised: 2 });
  const first = await simulate(population, run, { backend: noBackend });
  assert.deepEqual(await simulate(population, run, { backend: noBackend }), first);
  assert.ok(first.unopened > 0 && first.unopened < 12);
  assert.ok(first.history.every(({ homes }) => homes === 0 || homes >= 16));
  assert.ok(first.epsilon! > 7.99 && first.epsilon! <= 8);
  assert.deepEqual(
    first.history.flatMap(({ step, validation }) => (validation === undefined ? [] : [step])),
    [3, 7, 11],
  );
  assert.equal(first.personalised?.homes, 2);
});

test("what is opened is the sum of the integers of those who stayed, exactly", async () => {
  const campaign = new Campaign(CAMPAIGN, await startOf({ kind: "linear", hidden: 1, seed: 1 }, noBackend));
  const content = campaign.content(0);
  const there = present(population.homes, 1, { ...STAYS, dropOut: 0.2 }, seeded("away"));
  assert.ok(there.length < 24 && there.length >= 16);
  const opened = await openSum(content, there, { bits: seeded("rounding"), noise: undefined });
  const expected = new Array<number>(33).fill(0);
  const bits = seeded("rounding");
  const { localUpdate } = await import("../../learning/index.ts");
  assert.ok(content.task.type === "train");
  for (const { train } of there) {
    const integers = homeIntegers(content, (await localUpdate(content.task, train))!, bits, undefined);
    for (const [i, value] of integers.entries()) expected[i]! += value;
  }
  assert.deepEqual(opened, { homes: there.length, sum: expected });
  assert.deepEqual(unpackLanes(packLanes(expected, content.vector), content.vector), expected);
});

test("the opened sum has the noise that is announced, also after drop-outs", async () => {
  const start = await startOf({ kind: "linear", hidden: 1, seed: 1 }, noBackend);
  const campaign = new Campaign({ ...CAMPAIGN, epsilon: 4, bits: 8 }, start);
  const { encoding } = campaign;
  const bits = seeded("noise");
  const source = homeNoise(encoding, bits);
  const nothing = new Float64Array(33);
  const draws: number[] = [];
  for (let round = 0; round < 60; round += 1) {
    const sum = new Array<number>(33).fill(0);
    for (let home = 0; home < 17; home += 1) {
      for (const [i, value] of homeIntegers(encoding, nothing, bits, source).entries()) sum[i]! += value;
    }
    draws.push(...sum);
  }
  const stated = (encoding.noise.variance * 17) / (16 - 2);
  const variance = draws.reduce((all, value) => all + value * value, 0) / draws.length;
  const mean = draws.reduce((all, value) => all + value, 0) / draws.length;
  // Four standard errors: by chance once in 16,000.
  assert.ok(Math.abs(variance / stated - 1) < 4 * Math.sqrt(2 / draws.length), `${variance} of ${stated}`);
  assert.ok(Math.abs(mean) < 4 * Math.sqrt(stated / draws.length), `${mean}`);
  assert.throws(
    () => homeIntegers(encoding, new Float64Array(33).fill(Number.NaN), bits, source),
    /vector: expected finite/,
  );
  assert.throws(
    () => homeIntegers(encoding, new Float64Array(2), bits, source),
    /vector: expected 33 coordinates, got 2/,
  );
});

test("an update is shortened to the clip, whatever its length", () => {
  const campaign = new Campaign(CAMPAIGN, { topology: {}, weights: new Float32Array(33) });
  const { clip, scale } = campaign.encoding.vector;
  for (const length of [1e-9, 0.05, 1, 1e9]) {
    const update = Float64Array.from({ length: 33 }, (_, i) => (i === 0 ? 0.6 : i === 1 ? -0.8 : 0) * length);
    const [first = 0, second = 0] = homeIntegers(campaign.encoding, update, seeded("clip"), undefined);
    const expected = scale * Math.min(length, clip);
    assert.ok(Math.abs(first - 0.6 * expected) <= 1 && Math.abs(second + 0.8 * expected) <= 1, `${first}, ${second}`);
  }
});

test("who trusts nobody pays most: at one epsilon noise for each home alone is far more than shared noise", async () => {
  const noise = async (mode: SimulationOptions["mode"]): Promise<number> =>
    (await simulate(population, options({ epsilon: 4, rounds: 3 }, { mode }), { backend: noBackend })).noiseOverClip;
  const [central, shared, local] = [await noise("central"), await noise("distributed"), await noise("local")];
  assert.ok(central < shared && shared < 2 * central, `${central}, ${shared}`);
  assert.ok(Math.abs(local / central - Math.sqrt(24)) < 0.01 * Math.sqrt(24), `${local}`);
});

test("a network travels in its announcement: homes train what tfjs wrote", async () => {
  const backend = () => openBackend({ only: "cpu" });
  const network = {
    kind: "dense",
    hidden: 3,
    rounds: 2,
    homes: 2,
    minMeters: 2,
    colluders: 0,
    learningRate: 0.02,
  } as const;
  const result = await simulate(population, options(network), { backend });
  assert.equal(result.parameters, 32 * 3 + 3 + 3 + 1 + 32);
  assert.ok(result.history.every(({ updateNorm }) => updateNorm > 0));
});

test("too few homes or days are refused by name", async () => {
  await assert.rejects(
    simulate(population, options({ homes: 30 }), { backend: noBackend }),
    /homes: expected at most the 24/,
  );
  const few = { ...HOURLY, testDays: 7, unseen: 4, mostRows: 300, seed: 1 };
  assert.throws(() => populate(habits(3, 42, 1), undefined, few), /readings: expected at least 6 homes/);
  assert.throws(() => populate(habits(6, 20, 1), undefined, few), /readings of m-\d: nothing to train on in 20 days/);
});
