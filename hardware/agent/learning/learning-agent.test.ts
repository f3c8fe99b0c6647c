import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { addBatch, elementsToBytes } from "../../../protocol/field-words.ts";
import { costOf, epsilonOf, reach, type RoundContent, roundOf, unpackLanes } from "../../../protocol/learning/index.ts";
import { loadRound, trainingRound } from "../../../protocol/learning/testing/rounds.ts";
import { interpolateBatch } from "../../../protocol/shamir/interpolate.ts";
import { elementsOfShare } from "../../../protocol/shamir/vector-shares.ts";
import { TOPICS } from "../../../protocol/topics.ts";
import { privacyStatement, statementText } from "./spent.ts";
import { LearningRig, type RigOptions, settle } from "./testing/learning-rig.ts";
import { type Trainer, TrainingError } from "./tasks.ts";

const noiseless = { mechanism: "none", variance: 0, colluders: 0 } as const;
const exactRound = trainingRound(5, { noise: noiseless });
const FIRST = 1_888_000;
const noisyLoad = loadRound(FIRST, FIRST + 6);

const trainerOf = (values: readonly number[]): Trainer => ({ train: () => Promise.resolve(values) });

/** Payloads by aggregator, in the order they went out. */
function payloads(rig: LearningRig, aggregator: number): string[] {
  return rig.sent.filter((one) => one.aggregator === aggregator).map(({ payload }) => payload.toString("base64"));
}

/** The sum of the homes' vectors, from the shares of these two aggregators. */
function openedSum(rigs: readonly LearningRig[], round: string, xs: readonly [number, number]): BigUint64Array {
  const sums = xs.map((x) => {
    const elements = rigs[0]!.stored.get(`${x} ${round}`)!.elements;
    const total = new BigUint64Array(elements);
    for (const rig of rigs) addBatch(total, elementsOfShare(rig.stored.get(`${x} ${round}`)!.share, elements), total);
    return elementsToBytes(total);
  });
  return interpolateBatch(xs, sums, 2).values;
}

test("the sum of the updates of several homes is the sum of what each has trained", async () => {
  const homes = [
    [0.5, -0.25, 0, 0.125, 0.5],
    [-0.75, 0.5, 0.0625, 0, 0.25],
    [0.25, 0.25, 0.25, 0.25, -0.5],
  ];
  const rigs = homes.map((values, i) => new LearningRig({ meter: `m-${i}`, trainer: trainerOf(values) }));
  for (const rig of rigs) await rig.announce(exactRound);
  for (const xs of [
    [1, 2],
    [2, 3],
    [3, 1],
  ] as const) {
    const sum = unpackLanes(openedSum(rigs, roundOf(exactRound), xs), exactRound.vector);
    assert.deepEqual(
      sum,
      [0, 1, 2, 3, 4].map((i) => 32_000 * homes.reduce((all, values) => all + values[i]!, 0)),
    );
  }
  for (const rig of rigs) {
    assert.deepEqual(rig.codes(), ["made", "settled"]);
    assert.deepEqual(rig.refused, []);
    assert.equal(rig.learning.unsettled, 0);
    assert.equal(new Set([1, 2, 3].map((x) => rig.stored.get(`${x} ${roundOf(exactRound)}`)!.tag.join())).size, 1);
  }
});

test("a longer vector than the round allows is shortened to its norm", async () => {
  const rig = new LearningRig({ trainer: trainerOf([3, 0, 0, 4, 0]) });
  await rig.announce(exactRound);
  const values = unpackLanes(openedSum([rig], roundOf(exactRound), [1, 2]), exactRound.vector);
  assert.ok(Math.abs(values[0]! - 0.6 * 32_000) <= 1 && Math.abs(values[3]! - 0.8 * 32_000) <= 1, String(values));
});

test("loads come from the home's own readings, with noise, once they are all there", async () => {
  const rig = new LearningRig();
  rig.read(FIRST, [100, 200, 300]);
  await rig.announce(noisyLoad);
  await rig.announce(noisyLoad);
  assert.deepEqual(rig.codes(), ["not-ready"], "told once");
  rig.read(FIRST + 3, [400, 500, 600]);
  await rig.announce(noisyLoad);
  assert.deepEqual(rig.codes(), ["not-ready", "made", "settled"]);
  const values = unpackLanes(openedSum([rig], roundOf(noisyLoad), [1, 3]), noisyLoad.vector);
  const noise = values.map((value, i) => value - 100 * (i + 1));
  assert.ok(noise.some((value) => value !== 0));
  assert.ok(
    noise.every((value) => Math.abs(value) <= reach(noisyLoad, 1) - 20_000),
    String(noise),
  );
});

test("histograms count slots, or days, between the edges", async () => {
  const slots = { from: FIRST, to: FIRST + 8 };
  const task = { type: "histogram", kind: 1, slots, daySlots: 4, edges: [100, 200] } as const;
  // Noise of a hundredth of a count, so that what is counted shows; it costs accordingly.
  const noise = { mechanism: "skellam", variance: 1e-4, colluders: 1 } as const;
  const vector = { ...noisyLoad.vector, length: 3, clip: 100 };
  const counts = async (of: "slot-energy" | "day-energy"): Promise<number[]> => {
    const rig = new LearningRig({ budget: { epsilon: 1e12, delta: 1e-5 } });
    rig.read(FIRST, [99, 100, 199, 200, 0, 0, 0, 199]);
    const round = loadRound(0, 3, { task: { ...task, of, edges: [...task.edges] }, vector, noise });
    await rig.announce(round);
    return unpackLanes(openedSum([rig], roundOf(round), [2, 3]), vector);
  };
  assert.deepEqual(await counts("slot-energy"), [4, 3, 1]);
  assert.deepEqual(await counts("day-energy"), [0, 1, 1]);
});

test("what was killed after it was durable goes out in the same bytes, wherever it was killed", async () => {
  const rig = new LearningRig();
  rig.read(FIRST, [1, 2, 3, 4, 5, 6]);
  rig.connected = false;
  await rig.announce(noisyLoad);
  assert.equal(rig.sent.length, 0, "killed before anything left");
  rig.connected = true;
  rig.answer = () => undefined;
  await rig.restart();
  assert.deepEqual(
    [1, 2, 3].map((x) => payloads(rig, x).length),
    [1, 1, 1],
  );
  await rig.restart();
  rig.answer = (x) => (x === 2 ? 0 : undefined);
  await rig.restart();
  // Aggregator 2 has answered, and the meter is killed again, at once and once more.
  rig.answer = () => 0;
  await rig.restart();
  await rig.restart();
  for (const x of [1, 2, 3]) assert.equal(new Set(payloads(rig, x)).size, 1, `aggregator ${x}`);
  assert.ok(payloads(rig, 2).length < payloads(rig, 1).length, "whoever has answered is left alone");
  assert.equal(rig.learning.unsettled, 0);
  assert.deepEqual(rig.refused, []);
  assert.equal(rig.guard.spent().rounds, 1, "charged once");
});

test("killed while it trains, nothing is charged, and the next announcement begins anew", async () => {
  let finish: (values: number[]) => void = () => undefined;
  const trainer = { train: () => new Promise<number[]>((resolve) => (finish = resolve)) };
  const rig = new LearningRig({ trainer });
  const round = trainingRound(5);
  const first = rig.announce(round);
  await settle();
  assert.equal(rig.learning.unsettled, 1);
  rig.learning.accept("wv/1/pub/learn/announce", new Uint8Array());
  const killed = rig.learning;
  await rig.restart();
  assert.deepEqual([rig.guard.spent().rounds, rig.store.records(rig.agent.number).length], [0, 0]);
  killed.close();
  finish([0, 0, 0, 0, 0]);
  await first;
  assert.equal(rig.guard.spent().rounds, 0, "whoever is closing takes part in nothing");
  const second = rig.announce(round);
  await settle();
  finish([0, 0, 0, 0, 0]);
  await second;
  assert.deepEqual([rig.trainings, rig.guard.spent().rounds], [2, 1]);
});

test("the budget is kept across restarts, and what exceeds it is refused before anything is trained", async () => {
  const one = epsilonOf(costOf(trainingRound(5)).rdp!, 1e-5);
  const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]), budget: { epsilon: one * 1.6, delta: 1e-5 } });
  for (const step of [0, 1]) await rig.announce(trainingRound(5, { step }));
  await rig.restart();
  await rig.announce(trainingRound(5, { step: 2 }));
  assert.deepEqual(rig.codes(), ["made", "settled", "made", "settled", "over-budget"]);
  assert.equal(rig.trainings, 2);
  const { used, rounds } = rig.guard.spent();
  assert.ok(rounds === 2 && used > 0.6 && used <= 1, `${used}`);
  assert.match(rig.events.at(-1)!.detail!, /it would use 1\d\d\.\d % of the budget .*; [6-9]\d\.\d % are used/);
  // A round without noise is outside the budget, and listed.
  await rig.announce(exactRound);
  assert.deepEqual(rig.guard.spent(), { used, rounds: 2, uncovered: 1 });
  const statement = privacyStatement(rig.database, rig.meter, { epsilon: 8, delta: 1e-5 });
  const { epsilon } = statement;
  assert.ok(epsilon > one && epsilon < one * 1.6 && statement.uncovered === 1);
  assert.deepEqual(
    statement.rounds.map((round) => [round.campaign, round.step, round.epsilon]),
    [
      ["forecast", 0, one],
      ["forecast", 1, one],
      ["forecast", 3, null],
    ],
  );
  assert.equal(
    statementText(statement),
    // By the budget that the meter ran with, not the one that this was asked with.
    `m-001 has used ${(100 * used).toFixed(1)} % of its budget (epsilon ${one * 1.6} at delta 0.00001) in 2 rounds of ` +
      `learning: epsilon ${epsilon.toFixed(3)}.\n1 round without noise: no budget covers that.\n` +
      `  forecast (model): 3 rounds, epsilon ${epsilon.toFixed(3)} by themselves\n` +
      "Bills and loads of the feeder are exact: not covered by the privacy account.",
  );
});

test("the charge and the vector are durable together or not at all", () => {
  const rig = new LearningRig();
  const { number } = rig.agent;
  const update = {
    ...{ round: "00".repeat(16), campaign: "c", step: 0, task: "load", closesAt: 1, waiting: 14 },
    elements: BigUint64Array.of(1n),
  };
  const { rdp } = costOf(noisyLoad);
  rig.database
    .prepare("INSERT INTO updates (meter, round, campaign, step, closes_at, waiting) VALUES (1, ?, 'c', 0, 1, 0)")
    .run(update.round);
  assert.throws(() => rig.store.take(number, update, rig.guard, { rdp }), /UNIQUE/);
  assert.equal(rig.guard.spent().rounds, 0, "no charge without a vector");
  const charging = { refusal: () => undefined, charge: () => ({ code: "no", detail: "never" }) } as const;
  const other = { ...update, round: "11".repeat(16) };
  assert.deepEqual(rig.store.take(number, other, charging, { rdp }), { code: "no", detail: "never" });
  assert.equal(rig.store.has(number, other.round), false, "no vector without a charge");
  assert.equal(rig.guard.charge(other.round, { rdp }), "charged");
  assert.deepEqual(rig.store.take(number, other, rig.guard, { rdp }), {
    code: "charged-before",
    detail: "its vector is gone",
  });
});

test("what is not answered is sent again in the same bytes until the round is closed, and dropped then", async () => {
  const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]) });
  rig.answer = (x) => (x === 3 ? undefined : 0);
  const round = trainingRound(5, { closesAt: rig.time + 40 });
  await rig.announce(round);
  await rig.tick();
  await rig.tick();
  assert.deepEqual(
    [1, 2, 3].map((x) => payloads(rig, x).length),
    [1, 1, 3],
  );
  assert.equal(new Set(payloads(rig, 3)).size, 1);
  assert.ok(rig.store.elements(rig.agent.number, roundOf(round)) !== undefined);
  await rig.tick(20);
  assert.deepEqual(rig.codes(), ["made", "closed meter"]);
  rig.outbox.flush();
  assert.equal(rig.store.elements(rig.agent.number, roundOf(round)), undefined);
  const { answers } = rig.store.records(rig.agent.number)[0]!;
  assert.deepEqual(answers, { "a-1": "stored", "a-2": "stored", meter: "closed" });
  await rig.tick();
  assert.equal(payloads(rig, 3).length, 3);
});

test("an aggregator's refusal is told and settles it; repeated announcements change nothing", async () => {
  const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]) });
  rig.answer = (x) => (x === 1 ? 5 : 0);
  const round = trainingRound(5);
  for (let repeat = 0; repeat < 3; repeat++) await rig.announce(round);
  await rig.restart();
  await rig.announce(round);
  assert.deepEqual(rig.codes(), ["made", "refused a-1", "settled"]);
  assert.deepEqual([rig.trainings, rig.sent.length], [1, 3]);
  assert.ok(rig.sent.every(({ way }) => way === "first"));
});

test("the household refuses by its own rules", async () => {
  const rows: readonly (readonly [RigOptions["policy"], string])[] = [
    [{ minMeters: 11 }, "too-few-homes"],
    [{ colluderShare: 0.2 }, "too-few-colluders"],
    [{ minNoise: 1.1 }, "too-little-noise"],
  ];
  for (const [policy, code] of rows) {
    const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]), policy: policy! });
    await rig.announce(trainingRound(5));
    assert.deepEqual([rig.codes(), rig.sent.length, rig.guard.spent().rounds], [[code], 0, 0]);
  }
  const strict = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]), policy: { exact: false } });
  await strict.announce(exactRound);
  const untrained = new LearningRig();
  await untrained.announce(trainingRound(5));
  assert.deepEqual([strict.codes(), untrained.codes()], [["no-noise"], ["no-trainer"]]);
});

test("keeps no more rounds than aggregators do, nor any that closes later than they take", async () => {
  const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]), room: { rounds: 2, seconds: 100 } });
  rig.answer = () => undefined;
  const round = (step: number, seconds: number): RoundContent =>
    trainingRound(5, { step, closesAt: 1_700_000_000 + seconds, noise: noiseless });
  await rig.announce(round(0, 101));
  await rig.announce(round(0, 101));
  assert.deepEqual([rig.codes(), rig.trainings], [["round-too-far"], 0]);
  for (const step of [1, 2, 3]) await rig.announce(round(step, 50));
  assert.deepEqual(rig.codes(), ["round-too-far", "made", "made", "too-many-rounds"]);
  assert.equal(rig.guard.spent().uncovered, 2);
  // What has to wait is taken once there is room.
  await rig.tick(50);
  await rig.announce(round(0, 101));
  assert.equal(rig.codes().at(-1), "made");
});

test("ignores what analytics did not sign, what has closed, and everything before it knows the time", async () => {
  const rig = new LearningRig({ trainer: trainerOf([0, 0, 0, 0, 0]) });
  const round = trainingRound(5);
  const { privateKey } = generateKeyPairSync("ed25519");
  await rig.announce(round, { id: "analytics", signKey: privateKey });
  assert.equal((rig.refused[0] as { code: string }).code, "bad-signature");
  await rig.announce(trainingRound(5, { closesAt: rig.time }));
  rig.time = 0;
  await rig.announce(round);
  assert.deepEqual([rig.trainings, rig.events.length], [0, 0]);
  rig.time = 1_700_000_000;
  await rig.announce(round);
  assert.deepEqual(rig.codes(), ["made", "settled"]);
  assert.equal(rig.learning.accept("wv/1/pub/learn/result", new Uint8Array()), false);
});

test("a training that fails, or gives what cannot be, costs nothing and is told", async () => {
  for (const trainer of [{ train: () => Promise.reject(new Error("no memory")) }, trainerOf([0, 0, 0])]) {
    const rig = new LearningRig({ trainer });
    await rig.announce(trainingRound(5));
    await rig.announce(trainingRound(5));
    assert.match(String(rig.refused[0]), /no memory|expected 5 coordinates, got 3/);
    assert.deepEqual([rig.refused.length, rig.trainings, rig.guard.spent().rounds], [1, 1, 0]);
  }
});

test("a home takes part whatever its readings make of a task: what comes to nothing is charged, and zeros", async () => {
  const nothing: readonly Trainer[] = [
    trainerOf([0, 0, Number.NaN, 0, 0]),
    trainerOf([Number.POSITIVE_INFINITY, 0, 0, 0, 0]),
    { train: () => Promise.reject(new TrainingError("it took longer than 1 s")) },
  ];
  for (const trainer of nothing) {
    const rig = new LearningRig({ trainer });
    await rig.announce(exactRound);
    assert.deepEqual(rig.codes(), ["made", "settled"]);
    assert.equal(rig.refused.length, 1);
    assert.match(String(rig.refused[0]), /TrainingError: (training gave what is no number|it took longer than 1 s)/);
    assert.deepEqual(unpackLanes(openedSum([rig], roundOf(exactRound), [1, 2]), exactRound.vector), [0, 0, 0, 0, 0]);
    await rig.announce(trainingRound(5));
    assert.equal(rig.guard.spent().rounds, 1);
  }
  // The norm is more than a double holds; the direction is there.
  const far = new LearningRig({ trainer: trainerOf([-Number.MAX_VALUE, Number.MAX_VALUE, 0, 0, 0]) });
  await far.announce(exactRound);
  const [a, b, ...rest] = unpackLanes(openedSum([far], roundOf(exactRound), [1, 2]), exactRound.vector);
  assert.ok(Math.abs(a! + 32_000 / Math.SQRT2) <= 1 && Math.abs(b! - 32_000 / Math.SQRT2) <= 1, `${a} ${b}`);
  assert.deepEqual(rest, [0, 0, 0]);
});

test("a vector of 10,000 parameters is noised, split and sealed in one message for each aggregator", async () => {
  const values = Array.from({ length: 10_000 }, (_, i) => Math.sin(i) / 100);
  const rig = new LearningRig({ trainer: trainerOf(values) });
  await rig.announce(trainingRound(10_000));
  assert.deepEqual(rig.codes(), ["made", "settled"]);
  const bytes = rig.sent.map(({ payload }) => payload.length);
  assert.ok(bytes.length === 3 && Math.max(...bytes) <= TOPICS.update.maxBytes, String(bytes));
  // The first aggregator gets a seed; what the others get must not hold up shares.
  assert.deepEqual(
    rig.sent.map(({ way }) => way),
    ["first", "bulk", "bulk"],
  );
});
