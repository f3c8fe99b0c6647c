/** Configurations and their peers: every tree once, no method below the certified optimum, nothing but trees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledGrid } from "../bundled.ts";
import { generateRadial } from "../generate/radial.ts";
import { withSwitches } from "../model/grid.ts";
import { topologyOf } from "../model/topology.ts";
import { powerFlow } from "../flow/power-flow.ts";
import { violationsOf } from "../physics/limits.ts";
import { keyOf } from "./feeder-graph.ts";
import { branchExchange, exact, fixed, randomSearch } from "./peers.ts";
import { FeederProblem } from "./problem.ts";
import { FAMILIES, scenarioOf } from "./scenarios.ts";
import { allTrees, countTrees } from "./trees.ts";

const FEEDER = bundledGrid("case33bw");
const NORMAL = FEEDER.branches.map(({ closed }) => closed);
/** Few enough trees to try them all in a blink. */
const SMALL = generateRadial({ nodes: 24, seed: 2, ties: 3 });

test("all 50,751 trees of the 33-bus feeder: the published optimum, and what branch exchange and chance need", () => {
  const problem = new FeederProblem(FEEDER);
  const optimum = exact(problem)!;
  assert.equal(optimum.trees, 50_751);
  assert.equal(optimum.flows, 50_751);
  assert.ok(Math.abs(optimum.lossKw - 139.5513) < 1e-4, `${optimum.lossKw}`);
  assert.deepEqual(
    problem.graph.openOf(optimum.closed).map((i) => FEEDER.branches[i]!.id),
    [7, 9, 14, 32, 37],
  );
  const exchanged = branchExchange(problem, problem.graph.nearest(NORMAL));
  assert.equal(exchanged.flows, 447);
  assert.ok(Math.abs(exchanged.cost - optimum.cost) < 1e-9);
  const chance = randomSearch(problem, 1_000, 1);
  assert.ok(chance.cost > optimum.cost + 1 && chance.flows === 1_000);
});

test("branch exchange spends no more power flows than it may, and keeps what it has found by then", () => {
  const problem = new FeederProblem(FEEDER);
  const start = problem.graph.nearest(NORMAL);
  const [nothing, free] = [fixed(problem, start), branchExchange(problem, start)];
  let before = nothing.cost;
  for (const mostFlows of [1, 60, 200, 447]) {
    const { cost, flows, closed } = branchExchange(problem, start, mostFlows);
    assert.ok(flows <= mostFlows && cost <= before, `${mostFlows}: ${cost} kW after ${flows}`);
    assert.ok(Math.abs(fixed(problem, closed).cost - cost) < 1e-9);
    before = cost;
  }
  assert.ok(before === free.cost && before < nothing.cost);
});

test("every tree comes once and is radial, whatever is broken", () => {
  for (const broken of [[], [3], [3, 20]]) {
    const { graph } = new FeederProblem(SMALL, {}, broken);
    const keys = new Set<string>();
    for (const closed of allTrees(graph)) {
      keys.add(keyOf(closed));
      graph.rooted(closed);
      for (const id of broken) assert.equal(closed[id - 1], 0);
    }
    assert.equal(keys.size, countTrees(graph));
    // Kirchhoff's theorem counts them by a determinant.
    assert.equal(keys.size, Math.round(kirchhoff(broken)));
  }
});

/** Spanning trees of what the references feed, by the determinant of the reduced Laplacian. */
function kirchhoff(broken: readonly number[]): number {
  const { graph, grid } = new FeederProblem(SMALL, {}, broken);
  const kept = grid.buses.flatMap(({ kind }, bus) => (kind === "pq" ? [bus] : []));
  const at = new Map(kept.map((bus, i) => [bus, i]));
  const laplacian = kept.map(() => new Float64Array(kept.length));
  for (const i of graph.usable) {
    const ends = [at.get(graph.from[i]!), at.get(graph.to[i]!)];
    for (const end of ends) if (end !== undefined) laplacian[end]![end]! += 1;
    const [a, b] = ends;
    if (a === undefined || b === undefined) continue;
    laplacian[a]![b]! -= 1;
    laplacian[b]![a]! -= 1;
  }
  let determinant = 1;
  for (const [k, row] of laplacian.entries()) {
    determinant *= row[k]!;
    for (let i = k + 1; i < laplacian.length; i++) {
      const factor = laplacian[i]![k]! / row[k]!;
      for (let j = k; j < row.length; j++) laplacian[i]![j]! -= factor * row[j]!;
    }
  }
  return determinant;
}

test("no method reports less than the certified optimum, in any family, and the same seed repeats", () => {
  for (const family of FAMILIES) {
    for (const seed of [1, 2]) {
      const { grid, broken } = scenarioOf(SMALL, family, seed);
      assert.deepEqual(scenarioOf(SMALL, family, seed), { family, seed, grid, broken });
      const problem = new FeederProblem(grid, { riskWeight: 1 }, broken);
      const optimum = exact(problem)!;
      const start = problem.graph.nearest(SMALL.branches.map(({ closed }) => closed));
      const chance = randomSearch(problem, 20, seed);
      assert.deepEqual(randomSearch(problem, 20, seed), chance);
      for (const answer of [fixed(problem, start), branchExchange(problem, start), chance]) {
        assert.ok(answer.cost >= optimum.cost * (1 - 1e-9), `${family} ${seed}: ${answer.cost} < ${optimum.cost}`);
        assert.deepEqual(topologyOf(withSwitches(problem.grid, answer.closed)).radial, true);
      }
    }
  }
});

test("violation is 0 exactly where the grid's own limits are kept, and losses are those of the power flow", () => {
  const { grid, broken } = scenarioOf(SMALL, "faults", 5);
  const problem = new FeederProblem(grid, {}, broken);
  let kept = 0;
  let count = 0;
  for (const closed of allTrees(problem.graph)) {
    if (count++ % 7 !== 0) continue;
    const { violation, lossKw } = problem.evaluate(closed);
    const switched = withSwitches(problem.grid, closed);
    const result = powerFlow(switched);
    const { voltages, overloads } = violationsOf(switched, result);
    assert.equal(violation === 0, voltages.length + overloads.length === 0);
    kept += Number(violation === 0);
    const input = result.fromMw.reduce((sum, mw, i) => sum + mw + result.toMw[i]!, 0) * 1_000;
    assert.ok(Math.abs(input - lossKw) < 1e-3, `${input} ${lossKw}`);
  }
  assert.ok(count > 20 && kept < count);
});

test("refuses weights and branches that cannot be, and switches that are no tree", () => {
  assert.throws(() => new FeederProblem(FEEDER, { riskWeight: -1 }), /riskWeight: expected 0 or more, got -1/);
  assert.throws(() => new FeederProblem(FEEDER, { calmLoading: 1 }), /calmLoading: expected 0 to below 1, got 1/);
  assert.throws(() => new FeederProblem(FEEDER, { vMinPu: 1.2 }), /vMinPu: expected at most 1/);
  assert.throws(() => new FeederProblem(FEEDER, {}, [99]), /broken: there is no branch 99 in case33bw/);
  const problem = new FeederProblem(FEEDER);
  assert.throws(() => problem.evaluate(new Uint8Array(37).fill(1)), /not radial, bus \d+ is in a loop/);
  assert.deepEqual(new FeederProblem(FEEDER, {}, [17]).graph.cutOff, []);
  const cut = new FeederProblem(FEEDER, {}, [17, 36]);
  assert.deepEqual(cut.graph.cutOff, [18]);
  assert.ok(Number.isFinite(fixed(cut, cut.graph.nearest(NORMAL)).lossKw));
});
