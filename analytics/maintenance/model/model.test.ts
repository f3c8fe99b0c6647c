/** The models: they recover what data were made from, tell failures on fleets they have not seen, and are calibrated there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../../grid/random.ts";
import { SimulatedFleet } from "../fleet/fleet.ts";
import { aucOf } from "../judge/auc.ts";
import { judge, judgeChances } from "../judge/evaluate.ts";
import { hazardsAhead, remainingLife } from "./drift.ts";
import { examplesOf, LEAST_WEEKS, situationAt } from "./features.ts";
import { type Example, probabilityBy } from "./hazard-model.ts";
import { fitLogistic, score, sigmoid } from "./logistic.ts";
import { untrained } from "./standard.ts";
import { train } from "./trained.ts";
import { fitWeibull, WeibullAge } from "./weibull.ts";

function examples(seed: number, transformers: number, lines = 0): Example[] {
  const fleet = new SimulatedFleet({ seed, transformers, lines });
  for (let week = 0; week < LEAST_WEEKS + 5 * 26; week++) fleet.live();
  return examplesOf(fleet.watched());
}

const trained = train(examples(1, 500), examples(2, 250));
const unseen = [11, 12, 13].flatMap((seed) => examples(seed, 250));

test("a logistic fit recovers the coefficients that its data were drawn with", () => {
  const random = new SeededRandom(3);
  const truth = [1.2, -0.7, 0, -1.5];
  const rows = Array.from({ length: 6_000 }, () => Float64Array.from({ length: 3 }, () => random.normal()));
  const hits = rows.map((row) => random.chance(sigmoid(score(Float64Array.from(truth), row))));
  const { weights, converged } = fitLogistic(rows, hits, 0);
  assert.ok(converged);
  for (const [i, value] of truth.entries()) assert.ok(Math.abs(weights[i]! - value) < 0.13, `${i}: ${weights[i]!}`);
  // At the optimum without a ridge, what is told adds up to what happened.
  const told = rows.reduce((sum, row) => sum + sigmoid(score(weights, row)), 0);
  assert.ok(Math.abs(told - hits.filter(Boolean).length) < 1e-5);
  assert.throws(
    () =>
      fitLogistic(
        rows,
        rows.map(() => false),
      ),
    /expected some that failed .*, got 0 of 6000/,
  );
});

test("Weibull's shape and scale are recovered from half years", () => {
  const random = new SeededRandom(4);
  const [ages, failed]: [number[], boolean[]] = [[], []];
  for (let i = 0; i < 1_500; i++) {
    const end = 40 * (-Math.log(1 - random.uniform())) ** (1 / 2.5);
    const first = random.uniform(0, 30);
    for (let age = first; age < Math.min(end, first + 10); age += 0.5) {
      ages.push(age);
      failed.push(end < age + 0.5);
    }
  }
  const { shape, scaleYears } = fitWeibull(ages, failed);
  assert.ok(Math.abs(shape - 2.5) < 0.3 && Math.abs(scaleYears - 40) < 2.5, `${shape}, ${scaleYears}`);
});

test("AUC counts pairs, ties by half, and DeLong's interval holds it", () => {
  const scores = [0.1, 0.4, 0.35, 0.8, 0.4];
  const hits = [false, false, true, true, true];
  // Pairs that failed over did not: 0.35>0.1, 0.8 twice, 0.4>0.1, 0.4=0.4 half: 4.5 of 6.
  const { auc, low, high } = aucOf(scores, hits);
  assert.equal(auc, 4.5 / 6);
  assert.ok(low < auc && auc < high);
  assert.throws(() => aucOf([1], [true]), /expected some that failed and some that did not/);
});

test("on unseen fleets the model ranks failures above 0.85, near what the true hazard allows, and is calibrated", () => {
  const own = judge(trained.model, unseen);
  const best = judgeChances(
    "truth",
    unseen.map(({ truth }) => truth!),
    unseen.map(({ failed }) => failed),
  );
  const age = new WeibullAge();
  age.fit(unseen);
  const draws = Array.from({ length: 12 }, (_, i) => judge(untrained(i + 1), unseen).auc);
  const chance = draws.reduce((sum, auc) => sum + auc, 0) / draws.length;
  const said = `${own.auc} of ${best.auc}, age ${judge(age, unseen).auc}, untrained ${chance}`;
  assert.ok(own.auc > 0.85, said);
  assert.ok(best.auc > own.auc && best.auc < 0.97, said);
  assert.ok(Math.abs(chance - 0.5) < 0.1, said);
  assert.ok(judge(age, unseen).auc < own.auc - 0.1, said);
  assert.ok(own.brierSkill > 0.05 && own.calibrationError < 0.015, `${own.brierSkill} ${own.calibrationError}`);
  assert.ok(own.slope! > 0.7 && own.slope! < 1.4, `slope ${own.slope!}`);
  const outside = own.bins.filter(({ predicted, low, high }) => predicted < low || predicted > high).length;
  assert.ok(outside <= 2, `${outside} of ${own.bins.length} bins outside of their interval`);
});

test("on lines alone it ranks failures above 0.85, and nearly as the true hazard does", () => {
  const { model } = train(examples(1, 0, 400), examples(2, 0, 200));
  const others = [31, 32, 33, 34, 35, 36].flatMap((seed) => examples(seed, 0, 200));
  const own = judge(model, others);
  const best = judgeChances(
    "truth",
    others.map(({ truth }) => truth!),
    others.map(({ failed }) => failed),
  );
  assert.ok(own.auc > 0.85 && best.auc - own.auc < 0.03, `${own.auc} of ${best.auc}`);
});

test("what is told of years ahead is what happens in them", () => {
  const fleet = new SimulatedFleet({ seed: 103, transformers: 250, lines: 0 });
  while (fleet.week < LEAST_WEEKS) fleet.live();
  const origins = fleet.places.filter(({ hazards }) => hazards.length === LEAST_WEEKS);
  const told = origins.reduce((sum, { history }) => {
    const chances = hazardsAhead(trained.model, trained.drift, situationAt(history, LEAST_WEEKS), 6);
    return sum + 1 - chances.reduce((alive, chance) => alive * (1 - chance), 1);
  }, 0);
  const names = new Set(origins.map(({ history }) => history.asset));
  for (let week = 0; week < 6 * 26; week++) fleet.live();
  const failed = fleet.ended.filter(({ history }) => names.has(history.asset)).length;
  // Three deviations of a sum of rare events.
  assert.ok(Math.abs(told - failed) < 3 * Math.sqrt(told), `${told} told, ${failed} failed`);
});

test("remaining life is shorter the worse sensors look, and longer after a service", () => {
  const worst = unseen.reduce((a, b) => (trained.model.probability(a) > trained.model.probability(b) ? a : b));
  const [sick, mended] = [worst, trained.drift.serviced(worst)].map((at) =>
    remainingLife(trained.model, trained.drift, at),
  );
  assert.ok(sick!.tenth! < sick!.median! && sick!.median! < 3, JSON.stringify(sick));
  assert.ok(mended!.median! > 2 * sick!.median!, JSON.stringify(mended));
});

test("a model of one's own is asked alike, and an answer that is no probability is refused", () => {
  const own = { name: "mine", probability: ({ features }: Example) => sigmoid(features.vibration - 4) };
  assert.ok(judge(own, unseen).auc > 0.55);
  assert.throws(() => probabilityBy({ name: "mine", probability: () => 2 }, unseen[0]!), /mine: expected .* got 2/);
});
