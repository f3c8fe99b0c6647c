import assert from "node:assert/strict";
import { test } from "node:test";
import { LINEAR_WEIGHTS } from "../../learning/index.ts";
import { costOf, normBound, packLanes, reach, roundContent, unpackLanes } from "../../protocol/learning/index.ts";
import { epsilonAt, rdpVector } from "../privacy/rdp/accountant.ts";
import { skellamRdp } from "../privacy/rdp/discrete.ts";
import { Campaign, type OpenedSum } from "./campaign.ts";
import { campaignOf, type CampaignInput } from "./options.ts";
import { epsilonSpent, planRounds } from "./round-plan.ts";

const START = { topology: { class_name: "Sequential" }, weights: new Float32Array(LINEAR_WEIGHTS).fill(0.25) };
const OPTIONS: CampaignInput = { homes: 100, minMeters: 60, colluders: 5, rounds: 6, epsilon: 4 };

/** Some sum that is within reach, another one for each step. */
function opened(campaign: Campaign): OpenedSum {
  const { step } = campaign;
  const sum = Array.from({ length: LINEAR_WEIGHTS }, (_, i) => Math.round(9_000 * Math.sin(1 + i + 7 * step)));
  return { round: `${step}`.padStart(32, "a"), homes: 60 + step, sum };
}

test("a whole campaign costs what was asked, as homes charge it and as analytics reckons, and hardly less", () => {
  for (const epsilon of [0.5, 8]) {
    for (const homes of [20, 500]) {
      for (const mechanism of ["skellam", "discrete-gaussian"] as const) {
        const options = campaignOf({ homes, minMeters: 0.8 * homes, colluders: 1, epsilon, rounds: 30, mechanism });
        const encoding = planRounds(options, 33);
        const spent = epsilonSpent(encoding, 30, 1e-5)!;
        assert.ok(spent <= epsilon && spent > 0.999 * epsilon, `${spent}`);
        if (mechanism === "discrete-gaussian") continue;
        const curve = skellamRdp(encoding.noise.variance, { l2: normBound(encoding), dimension: 33 });
        const own = epsilonAt(rdpVector(curve, 30), 1e-5).epsilon;
        assert.ok(own <= spent && own > 0.98 * spent, `${own} of ${spent}`);
      }
    }
  }
  assert.equal(epsilonSpent(planRounds(campaignOf({ ...OPTIONS, epsilon: null }), 33), 6, 1e-5), undefined);
});

test("what a campaign announces is a round that homes accept, and its lanes hold whatever honest homes can add up to", () => {
  for (const more of [
    {},
    { epsilon: null },
    { bits: 2 },
    { bits: 32, epsilon: 0.1 },
    { clip: 500 },
    { lanes: 1 },
    { homes: 100_000 },
  ]) {
    const content = new Campaign({ ...OPTIONS, ...more }, START).content(1_800_000_000);
    const parsed = roundContent.parse(content);
    const most = reach(content, content.maxMeters);
    const extremes = Array.from({ length: LINEAR_WEIGHTS }, (_, i) => (i % 2 === 0 ? most : -most));
    assert.deepEqual(unpackLanes(packLanes(extremes, parsed.vector), parsed.vector), extremes);
    assert.equal(content.task.type === "train" && content.task.seed, 65_537);
  }
});

test("20 homes and 10,000 weights: the noise is many times as long as any update", () => {
  const { vector, noise } = planRounds(
    campaignOf({ homes: 20, minMeters: 20, epsilon: 8, rounds: 30, clip: 1 }),
    10_000,
  );
  const length = Math.sqrt(noise.variance * 10_000) / (20 * vector.scale * vector.clip);
  assert.ok(length > 15 && length < 25, `${length}`);
});

test("the mean update moves the model, with momentum, and the last rounds are averaged", () => {
  const campaign = new Campaign({ ...OPTIONS, rounds: 2, serverMomentum: 0.5, averaged: 1, epsilon: null }, START);
  const { scale } = campaign.encoding.vector;
  const sum = new Array<number>(LINEAR_WEIGHTS).fill(0).with(3, 8_000);
  const moved = 8_000 / (scale * 80);
  campaign.apply({ homes: 80, sum });
  assert.ok(Math.abs(campaign.weights[3]! - 0.25 - moved) < 1e-7 && campaign.weights[0] === 0.25);
  campaign.apply({ homes: 80, sum });
  assert.ok(Math.abs(campaign.weights[3]! - 0.25 - 2.5 * moved) < 1e-7);
  assert.ok(Math.abs(campaign.model[3]! - 0.25 - 1.75 * moved) < 1e-7, "the mean of 1 and 2.5");
  assert.deepEqual(
    campaign.history.map(({ homes, epsilon }) => [homes, epsilon]),
    [
      [80, null],
      [80, null],
    ],
  );
});

test("a campaign goes on from its state with the same bits, wherever it was interrupted", () => {
  const whole = new Campaign(OPTIONS, START);
  const states: string[] = [];
  while (!whole.isOver) {
    states.push(JSON.stringify(whole));
    if (whole.step === 2) whole.skip();
    else whole.apply(opened(whole));
    whole.validated("homes", 200 - whole.step);
  }
  for (const state of states) {
    const resumed = Campaign.resume(JSON.parse(state));
    while (!resumed.isOver) {
      if (resumed.step === 2) resumed.skip();
      else resumed.apply(opened(resumed));
      resumed.validated("homes", 200 - resumed.step);
    }
    assert.ok(JSON.stringify(resumed) === JSON.stringify(whole));
    assert.deepEqual(resumed.model, whole.model);
  }
  const broken = { ...(JSON.parse(states[0]!) as object), velocity: "AAAA" };
  assert.throws(() => Campaign.resume(broken), /campaign: expected 33 numbers in velocity, got 0/);
  assert.throws(() => Campaign.resume({ v: 2 }), /campaign: /);
});

test("a round that is not opened is paid for all the same", () => {
  const campaign = new Campaign(OPTIONS, START);
  const before = campaign.weights;
  const cost = costOf(campaign.encoding);
  assert.ok(cost.rdp !== undefined);
  const { epsilon, homes } = campaign.skip();
  assert.ok(homes === 0 && epsilon !== null && epsilon > 0);
  assert.deepEqual(campaign.weights, before);
  const later = campaign.apply(opened(campaign));
  assert.ok(later.epsilon! > epsilon && later.step === 1);
});

test("sums that no honest set has are refused, and change nothing", () => {
  const campaign = new Campaign(OPTIONS, START);
  const state = JSON.stringify(campaign);
  const { sum } = opened(campaign);
  assert.throws(() => campaign.apply({ homes: 59, sum }), /homes: expected a set of 60 to 100, got 59/);
  assert.throws(() => campaign.apply({ homes: 101, sum }), /homes: expected/);
  assert.throws(() => campaign.apply({ homes: 60, sum: [1] }), /sum: expected 33 integers, got 1/);
  const far = Array.from(sum).with(4, reach(campaign.encoding, 60) + 1);
  assert.throws(() => campaign.apply({ homes: 60, sum: far }), /sum\[4\]: expected an integer within/);
  assert.throws(
    () => campaign.apply({ homes: 60, sum: Array.from(sum).with(0, 0.5) }),
    /sum\[0\]: expected an integer/,
  );
  assert.equal(JSON.stringify(campaign), state);
  while (!campaign.isOver) campaign.skip();
  assert.throws(() => campaign.content(0), /the campaign has 6 rounds, and they are over/);
  assert.throws(() => campaign.apply({ homes: 60, sum }), /they are over/);
});

test("a sum with homes of which no bound was proved moves the model only where that is wanted", () => {
  const partly = { proved: 50, unproved: 10, leftOut: 0 };
  for (const [unproved, bound, moves] of [
    ["take", partly, true],
    ["skip", partly, false],
    ["skip", { proved: 60, unproved: 0, leftOut: 3 }, true],
  ] as const) {
    const campaign = new Campaign(campaignOf({ ...OPTIONS, unproved }), START);
    const { sum } = opened(campaign);
    const apply = (): unknown => campaign.apply({ homes: 60, sum, bound });
    if (moves) assert.deepEqual((apply() as { bound: object }).bound, bound);
    else assert.throws(apply, /bound: not proved of 10 of 60 homes/);
    assert.equal(campaign.step, moves ? 1 : 0);
  }
});

test("options that cannot be are refused, all at once and by name", () => {
  assert.throws(
    () => campaignOf({ homes: 10, minMeters: 11, colluders: 11, kind: "dense", objective: "energy" }),
    /minMeters: expected at most the 10 homes, got 11; colluders: expected fewer .*; objective: energy is for the linear/,
  );
  assert.throws(() => campaignOf({ ...OPTIONS, epsilon: 0 }), /epsilon: /);
  assert.throws(() => campaignOf({ ...OPTIONS, typo: 1 } as CampaignInput), /typo/);
  assert.throws(
    () => planRounds(campaignOf({ ...OPTIONS, lanes: 30 }), 33),
    /bits: no integers of 2 to 16 bits .* in 30 lanes/,
  );
});
