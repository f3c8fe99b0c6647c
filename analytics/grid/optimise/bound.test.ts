/** Branch and bound against every tree, switches that are fixed, and what a bound cannot be had of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledGrid } from "../bundled.ts";
import { generateRadial } from "../generate/radial.ts";
import { branchAndBound } from "./bound.ts";
import { referenceOf } from "./optimum.ts";
import { branchExchange, exact, randomSearch } from "./peers.ts";
import { decide } from "./policy.ts";
import { FeederProblem } from "./problem.ts";
import { scenarioOf } from "./scenarios.ts";
import { allTrees, countTrees } from "./trees.ts";
import { readWeights, SHIPPED_WEIGHTS, shippedWeights } from "./weights-file.ts";

const SMALL = generateRadial({ nodes: 24, seed: 2, ties: 3 });
const own = (problem: FeederProblem): Uint8Array =>
  problem.graph.nearest(problem.grid.branches.map(({ closed }) => closed));

test("branch and bound ends at the best of all trees, for every family that it takes, whatever limits cost", () => {
  for (const family of ["scale", "loads", "faults"] as const) {
    for (const seed of [1, 2, 3]) {
      const { grid, broken } = scenarioOf(SMALL, family, seed);
      for (const goal of [{}, { riskWeight: 3, vMinPu: 0.97 }]) {
        const problem = new FeederProblem(grid, goal, { broken, keepClosed: seed === 2 ? [4] : [] });
        const all = exact(problem)!;
        const bounded = branchAndBound(problem, own(problem))!;
        assert.equal(bounded.cost, all.cost, `${family} ${seed}`);
        assert.ok(bounded.flows <= all.flows + branchExchange(problem, own(problem)).flows);
      }
    }
  }
});

test("the published optima of the 33-bus and the 69-bus feeder are proved in a fiftieth of their trees", () => {
  for (const [name, lossKw, open] of [
    ["case33bw", 139.5513, [7, 9, 14, 32, 37]],
    ["case69", 98.6046, [14, 58, 61, 69, 70]],
  ] as const) {
    const problem = new FeederProblem(bundledGrid(name));
    const found = branchAndBound(problem, own(problem))!;
    assert.ok(Math.abs(found.lossKw - lossKw) < 1e-3, `${found.lossKw}`);
    assert.deepEqual(
      problem.graph.openOf(found.closed).map((i) => problem.grid.branches[i]!.id),
      open,
    );
    assert.ok(found.flows * 50 < countTrees(problem.graph), `${found.flows}`);
  }
});

test("no bound with generation on the feeder: every tree, or only the best known, which is called that", () => {
  const { grid } = scenarioOf(SMALL, "generation", 1);
  const problem = new FeederProblem(grid);
  assert.equal(branchAndBound(problem, own(problem)), undefined);
  const tries = [own(problem)];
  const proved = referenceOf(problem, tries);
  assert.ok(proved.proof === "enumeration" && proved.cost === exact(problem)!.cost);
  const known = referenceOf(problem, tries, { mostTrees: 1 });
  assert.ok(known.proof === "best known" && known.cost >= proved.cost);
  const bounded = referenceOf(new FeederProblem(SMALL), tries);
  assert.equal(bounded.proof, "bound");
  const stopped = referenceOf(new FeederProblem(SMALL), tries, { mostTrees: 1, mostNodes: 1 });
  assert.equal(stopped.proof, "best known");
});

test("switches that are kept stay so by every method, and trees are counted without those that break it", () => {
  const fixed = { broken: [7], keepOpen: [11], keepClosed: [24, 3] };
  const problem = new FeederProblem(SMALL, {}, fixed);
  const { weights } = readWeights(SHIPPED_WEIGHTS);
  const trees = [...allTrees(problem.graph)].length;
  assert.equal(trees, countTrees(problem.graph));
  const free = new FeederProblem(SMALL, {}, { broken: [7, 11] });
  let kept = 0;
  for (const closed of allTrees(free.graph)) kept += Number(closed[23] === 1 && closed[2] === 1);
  assert.equal(trees, kept);
  assert.ok(trees > 1 && trees < countTrees(free.graph));
  const start = own(problem);
  for (const { closed } of [
    exact(problem)!,
    branchAndBound(problem, start)!,
    branchExchange(problem, start),
    randomSearch(problem, 10, 1),
    decide(problem, start, weights),
  ]) {
    assert.deepEqual([closed[6], closed[10], closed[23], closed[2]], [0, 0, 1, 1]);
  }
  assert.throws(() => new FeederProblem(SMALL, {}, { keepOpen: [99] }), /keepOpen: there is no branch 99 in radial24/);
  const loop = SMALL.branches.map(({ id }) => id);
  assert.throws(() => new FeederProblem(SMALL, {}, { keepClosed: loop }), /keepClosed: branch \d+ makes a loop/);
});

test("a feeder has its own weights where some are shipped, and those of the 33-bus feeder elsewhere", () => {
  for (const [name, trainedOn] of [
    ["case69", "case69"],
    ["case33bw", "case33bw"],
    ["radial320", "case33bw"],
  ] as const) {
    const { card } = readWeights(shippedWeights(name));
    assert.equal(card.grid, trainedOn);
    assert.ok(card.command.includes(`train ${trainedOn} `));
  }
  // Transferred: a feeder of another size, a hundredth of branch exchange's power flows.
  const feeder = generateRadial({ nodes: 150, seed: 5, ties: 8 });
  const problem = new FeederProblem(feeder);
  const answer = decide(problem, own(problem), readWeights(shippedWeights(feeder.name)).weights);
  const exchanged = branchExchange(problem, own(problem));
  assert.ok(answer.flows * 20 < exchanged.flows, `${answer.flows} and ${exchanged.flows}`);
  assert.ok(answer.cost < exchanged.cost * 1.01, `${answer.cost} and ${exchanged.cost}`);
});
