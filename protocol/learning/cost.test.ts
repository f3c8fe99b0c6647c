import assert from "node:assert/strict";
import { test } from "node:test";
import { honestSquares } from "./bound.ts";
import type { RoundContent } from "./content.ts";
import {
  addCosts,
  COST_ORDERS,
  costOf,
  type CoveredCost,
  epsilonOf,
  epsilonOfAll,
  noiseMultiplier,
  usedPart,
} from "./cost.ts";
import { normBound } from "./norm.ts";
import { precisionOf, type ReleaseTask } from "./release.ts";
import { ROUND_MISS } from "./shape.ts";
import { loadRound, trainingRound } from "./testing/rounds.ts";

const vector = { length: 1, bits: 16, clip: 100, scale: 1, laneBits: 60, lanes: 1 };
const round = (noise: RoundContent["noise"], minMeters = 11): RoundContent =>
  trainingRound(1, { vector, noise, minMeters });

/** The Renyi divergence of weights on the integers from the same moved by one, from its definition. */
function divergence(weights: Map<number, number>, order: number): number {
  let sum = 0;
  for (const [x, p] of weights) {
    const q = weights.get(x - 1);
    if (q !== undefined) sum += Math.exp(order * Math.log(p) + (1 - order) * Math.log(q));
  }
  return Math.log(sum) / (order - 1);
}

/** The distribution of a sum of `homes` discrete Gaussians, by convolution. */
function sumOfGaussians(each: number, homes: number): Map<number, number> {
  const reach = 40;
  const one = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * each)));
  const total = one.reduce((sum, w) => sum + w, 0);
  let all = [1];
  for (let home = 0; home < homes; home++) {
    const next = new Array<number>(all.length + one.length - 1).fill(0);
    for (const [i, a] of all.entries()) for (const [j, b] of one.entries()) next[i + j]! += (a * b) / total;
    all = next;
  }
  return new Map(all.map((p, i): [number, number] => [i - homes * reach, p]).filter(([, p]) => p > 1e-290));
}

test("the bound of a sum of discrete Gaussians is not below its divergence, and close to it", () => {
  // A sensitivity of 1: the norm bound of a clip so small that no rounding of it can exceed 1.
  const unit = { ...vector, clip: 1e-9 };
  const l2 = normBound({ vector: unit });
  assert.ok(l2 >= 0.5 && l2 <= 1.2, `${l2}`);
  const content = trainingRound(1, {
    vector: unit,
    minMeters: 4,
    noise: { mechanism: "discrete-gaussian", variance: 6, colluders: 1 },
  });
  const { rdp } = costOf(content);
  const weights = sumOfGaussians(2, 3);
  for (const order of [2, 3, 8, 32]) {
    const truth = divergence(weights, order) * l2 * l2;
    const bound = rdp![COST_ORDERS.indexOf(order)]!;
    assert.ok(bound >= truth * (1 - 1e-9) && bound <= truth * 1.001, `order ${order}: ${bound}, truth ${truth}`);
  }
});

test("both mechanisms come to the Gaussian's a l2^2 / (2 variance) for much noise", () => {
  for (const mechanism of ["skellam", "discrete-gaussian"] as const) {
    const content = round({ mechanism, variance: 1e8, colluders: 1 });
    const { rdp } = costOf(content);
    for (const [i, order] of COST_ORDERS.entries()) {
      const gaussian = (order * normBound(content) ** 2) / 2e8;
      assert.ok(rdp![i]! >= gaussian * (1 - 1e-12) && rdp![i]! <= gaussian * 1.001, `${mechanism}, order ${order}`);
    }
  }
});

test("colluders cost: what they know of the noise does not count, but is made up for by the others", () => {
  const noise = { mechanism: "skellam", variance: 1e6, colluders: 1 } as const;
  assert.deepEqual(costOf(round(noise)), costOf(round({ ...noise, colluders: 9 })));
  assert.ok(Math.abs(noiseMultiplier(round(noise)) - 1_000 / normBound({ vector })) < 1e-12);
});

test("without noise there is no cost to state", () => {
  assert.equal(costOf(round({ mechanism: "none", variance: 0, colluders: 0 })).rdp, undefined);
});

test("epsilon of composed Gaussian rounds is near that of the accountants in use", () => {
  // Noise multiplier 10, 50 rounds, delta 1e-5: rho = 50 / 200; the tight conversion gives 3.19, the loose one 3.64.
  const rdp = addCosts(Array.from({ length: 50 }, () => COST_ORDERS.map((order) => order / 200)));
  const epsilon = epsilonOf(rdp, 1e-5);
  assert.ok(epsilon > 3 && epsilon < 3.3, `${epsilon}`);
  assert.equal(epsilonOf(addCosts([]), 1e-5), 0);
  assert.throws(() => epsilonOf([1], 1e-5), /rdp: expected 71 values, got 1/);
  assert.throws(() => epsilonOf(rdp, 1), /delta: expected a number between 0 and 1, got 1/);
});

test("a budget is kept at one order, which no cost can choose; used parts add up", () => {
  const budget = { epsilon: 8, delta: 1e-5 };
  const gaussian = (rho: number): CoveredCost => ({ rdp: COST_ORDERS.map((order) => rho * order) });
  const parts = [0.1, 0.02, 0.5].map((rho) => usedPart([gaussian(rho)], budget));
  const all = usedPart([0.1, 0.02, 0.5].map(gaussian), budget);
  assert.ok(Math.abs(all - parts.reduce((sum, part) => sum + part)) < 1e-12);
  // The most noiselike cost that is allowed is what the best order allows, but for the hundredth of delta.
  const most = gaussian(0.1 / parts[0]!);
  const epsilon = epsilonOf(most.rdp, 1e-5);
  assert.ok(epsilon <= 8 && epsilon > 7.99, `${epsilon}`);
  // Cheap at high orders only: by the best order it is within the budget, which is what one could choose after seeing results.
  const steep = { rdp: COST_ORDERS.map((order) => (order < 64 ? 1e3 : 1)) };
  assert.ok(epsilonOf(steep.rdp, 1e-5) < 8 && usedPart([steep], budget) > 1);
  // Whatever is used up to 1 is within epsilon.
  for (const costs of [
    [gaussian(0.3), steep],
    [gaussian(0.2), { ...gaussian(0.1), missed: 1e-12 }],
  ]) {
    const used = usedPart(costs, budget);
    if (used <= 1) assert.ok(epsilonOfAll(costs, budget.delta) <= budget.epsilon);
  }
  assert.ok(usedPart([{ ...gaussian(1e-6), missed: 1e-9 }], budget) > 1, "more was missed than its part of delta");
  assert.equal(usedPart([], budget), 0);
  assert.equal(usedPart([gaussian(1e-9)], { epsilon: 1e-9, delta: 1e-300 }), Number.POSITIVE_INFINITY);
  assert.ok(usedPart([gaussian(1)], { epsilon: 1e12, delta: 1e-5 }) < 1e-9);
  assert.throws(
    () => usedPart([gaussian(1)], { epsilon: 1, delta: 0 }),
    /delta: expected a number between 0 and 1, got 0/,
  );
});

test("a release with a bound tells an epsilon that counts what was missed, and is finite", () => {
  const precise = (variance: number): number => {
    const { task, ...content } = loadRound(0, 1, { noise: { mechanism: "skellam", variance, colluders: 1 } });
    const bounded = { ...content, bound: { kind: "norm" as const, squares: honestSquares(content) } };
    const { epsilon } = precisionOf({ ...bounded, task: task as ReleaseTask }, 10);
    const { rdp } = costOf(bounded);
    assert.equal(epsilon, Math.min(1e6, epsilonOf(rdp!, 1e-5, ROUND_MISS)));
    return epsilon;
  };
  assert.ok(precise(1e9) < 10);
  // So little noise that what is missed takes all of delta.
  assert.equal(precise(1e7), 1e6);
});
