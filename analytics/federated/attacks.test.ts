/**
 * What somebody who sees updates learns of homes, and what is left of it when only a noised sum is seen. Both directions are
 * measured: an attack that never works proves nothing.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Examples,
  FEATURES,
  LINEAR_WEIGHTS,
  LinearModel,
  localUpdate,
  MEDIAN,
  permutation,
  pickExamples,
} from "../../learning/index.ts";
import type { RoundContent } from "../../protocol/learning/index.ts";
import { Campaign } from "./campaign.ts";
import { homeIntegers, homeNoise } from "../../protocol/learning/index.ts";
import { populate } from "./homes.ts";
import type { CampaignInput } from "./options.ts";
import { uniform } from "./rounds.ts";
import { habits, HOURLY, seeded } from "./testing/loads.ts";

const HOMES = 40;
/** One-sided: chance alone passes this once in a thousand. */
const SIGNIFICANT = 3.09;
/** An attack that works leaves no doubt: once in 10^9. */
const BEYOND_DOUBT = 6;

const population = populate(habits(HOMES + 2, 36, 2), undefined, {
  ...{ ...HOURLY, testDays: 7, unseen: 0, mostRows: 200, seed: 3 },
});
const homes = population.homes.slice(0, HOMES);
const WEIGHTS = new LinearModel(MEDIAN).weights();
const BUDGET: CampaignInput = { homes: HOMES, minMeters: 32, colluders: 2, epsilon: 1, rounds: 10, slotSeconds: 3_600 };
const PLAIN: CampaignInput = { ...BUDGET, epsilon: null, clip: 100, bits: 24, batchSize: 1_000 };

function roundOf(options: CampaignInput): RoundContent {
  return new Campaign(options, { topology: {}, weights: WEIGHTS }).content(0);
}

async function updateOf({ task }: RoundContent, rows: Examples): Promise<Float64Array> {
  assert.ok(task.type === "train");
  const update = await localUpdate(task, rows);
  assert.ok(update !== undefined);
  return update;
}

/** How many standard deviations above guessing, when each of so many guesses is right with the same chance. */
function aboveGuessing(right: number, of: number, chance = 0.5): number {
  return (right - of * chance) / Math.sqrt(of * chance * (1 - chance));
}

function added(vectors: readonly ArrayLike<number>[]): Float64Array {
  const sum = new Float64Array(LINEAR_WEIGHTS);
  for (const vector of vectors) for (let i = 0; i < sum.length; i += 1) sum[i]! += vector[i]!;
  return sum;
}

/** The gradient of a linear model is its input, times one number that the bias gives away. */
function inverted(update: ArrayLike<number>): number[] {
  return Array.from(FEATURES, (_, f) => update[f]! / update[FEATURES.length]!);
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
}

test("a plain update gives a home's history away; the noised sum tells less than what everybody knows", async () => {
  const [plain, hidden] = [roundOf(PLAIN), roundOf(BUDGET)];
  const bits = seeded("inversion");
  const noise = homeNoise(hidden, bits);
  let [read, closer, trials] = [0, 0, 0];
  for (let round = 0; round < 5; round += 1) {
    // Each home trains on one evening hour.
    const single = homes.map(({ train }) => pickExamples(train, [permutation(train.count, round)[0]!]));
    const known = added(single.map(({ features }) => [...features, 0])).map((value) => value / HOMES);
    const updates = await Promise.all(single.map((rows) => updateOf(plain, rows)));
    const sent = await Promise.all(single.map((rows) => updateOf(hidden, rows)));
    const sum = added(sent.map((update) => homeIntegers(hidden, update, bits, noise)));
    for (const [h, { features }] of single.entries()) {
      const length = distance(features, new Float64Array(FEATURES.length));
      if (distance(inverted(updates[h]!), features) < 0.001 * length) read += 1;
      if (distance(inverted(sum), features) < distance(known.subarray(0, FEATURES.length), features)) closer += 1;
      trials += 1;
    }
  }
  assert.ok(read / trials > 0.95, `stated: over 95 % of plain updates are read; ${read} of ${trials}`);
  assert.ok(aboveGuessing(closer, trials) < SIGNIFICANT, `${closer} of ${trials} are closer than the mean home`);
});

test("which hours a home trained on shows in its plain update, and not in the noised sum", async () => {
  const [plain, hidden] = [roundOf(PLAIN), roundOf(BUDGET)];
  const bits = seeded("membership");
  const noise = homeNoise(hidden, bits);
  // Of twelve hours each home trained on six.
  const drawn = homes.map(({ train }, h) => permutation(train.count, 100 + h).subarray(0, 12));
  const inside = homes.map(({ train }, h) => pickExamples(train, drawn[h]!.subarray(0, 6)));
  const outside = homes.map(({ train }, h) => pickExamples(train, drawn[h]!.subarray(6)));
  const updates = await Promise.all(inside.map((rows) => updateOf(plain, rows)));
  const sent = await Promise.all(inside.map((rows) => updateOf(hidden, rows)));
  const sum = added(sent.map((update) => homeIntegers(hidden, update, bits, noise)));
  const right = (seen: (home: number) => Float64Array): number => {
    let count = 0;
    for (const h of homes.keys()) {
      const [members, strangers] = [gains(inside[h]!, seen(h)), gains(outside[h]!, seen(h))];
      // Guesses that the hour whose error the update lessens more is the one that was trained on.
      for (const i of members.keys()) if (members[i]! > strangers[i]!) count += 1;
    }
    return count;
  };
  const of = 6 * HOMES;
  const byUpdates = right((h) => updates[h]!);
  const bySum = right(() => sum);
  assert.ok(aboveGuessing(byUpdates, of) > BEYOND_DOUBT, `plain: ${byUpdates} of ${of}`);
  assert.ok(aboveGuessing(bySum, of) < SIGNIFICANT, `noised sum: ${bySum} of ${of}`);
});

/** By how much a step along the update lessens each row's error, for a short step. */
function gains(rows: Examples, update: Float64Array): number[] {
  const width = FEATURES.length;
  return Array.from({ length: rows.count }, (_, i) => {
    const row = [...rows.features.subarray(i * width, (i + 1) * width), 1];
    const error = rows.target[i]! - row.reduce((sum, value, f) => sum + value * WEIGHTS[f]!, 0);
    return Math.sign(error) * row.reduce((sum, value, f) => sum + value * update[f]!, 0);
  });
}

test("whether a home took part: certain from a plain sum, for one who knows all others; guessing from the noised one", async () => {
  const TRIALS = 400;
  const [plain, hidden] = [roundOf({ ...PLAIN, epsilon: null, clip: 0.05, bits: 16 }), roundOf(BUDGET)];
  const updates = await Promise.all(homes.map(({ train }) => updateOf(hidden, train)));
  const right = (content: RoundContent): number => {
    const bits = seeded("taking part");
    const noise = homeNoise(content, bits);
    const integers = updates.map((update) => homeIntegers(content, update, bits, undefined));
    const target = integers[0]!;
    const size = target.reduce((sum, value) => sum + value * value, 0);
    const others = added(integers.slice(1));
    let count = 0;
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const tookPart = uniform(bits) < 0.5;
      const sum = tookPart ? added([others, target]) : others.slice();
      if (noise !== undefined)
        for (let home = 0; home < HOMES; home += 1) for (const i of sum.keys()) sum[i]! += noise.draw();
      // The likelier of the two, given everything but the noise.
      const along = sum.reduce((all, value, i) => all + (value - others[i]!) * target[i]!, 0) / size;
      if (along > 0.5 === tookPart) count += 1;
    }
    return count;
  };
  assert.equal(right(plain), TRIALS, "without noise the sum gives it away every time");
  const hits = right(hidden);
  assert.ok(aboveGuessing(hits, TRIALS) < SIGNIFICANT, `${hits} of ${TRIALS}`);
});
