/** Paths from generators to loads: every load has exactly one, figures are those of the power flow, the policy is near the best. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openBackend } from "../../../../learning/index.ts";
import { bundledGrid } from "../../bundled.ts";
import { powerFlow } from "../../flow/power-flow.ts";
import { withOpen } from "../../model/grid.ts";
import { lossesOf } from "../../physics/losses.ts";
import { SeededRandom } from "../../random.ts";
import { untrained } from "../network.ts";
import { FAMILIES, scenarioOf } from "../scenarios.ts";
import { allTrees } from "../trees.ts";
import { readWeights, SHIPPED_PATH_WEIGHTS, SHIPPED_WEIGHTS } from "../weights-file.ts";
import { comparePaths } from "./compare.ts";
import { grow } from "./policy.ts";
import { RoutingProblem } from "./problem.ts";
import { routePaths, ROUTING_METHODS } from "./routes.ts";
import { trainPaths } from "./train.ts";
import { PATH_FEATURES } from "./ways.ts";

const DEMO = bundledGrid("demo8");

test("each load has one path of closed lines from a generator, by every method, whatever is broken or fixed", () => {
  const cases = [
    {},
    { broken: [1] },
    { broken: [2, 9] },
    { keepOpen: [5] },
    { keepClosed: [4, 10] },
    { broken: [5, 8, 10] },
  ];
  for (const fixed of cases) {
    for (const method of ROUTING_METHODS) {
      const routed = routePaths(DEMO, { ...fixed, method });
      const { broken = [], keepOpen = [], keepClosed = [] } = fixed as Record<string, number[] | undefined>;
      const loads = DEMO.buses.filter(({ id, loadMw }) => loadMw > 0 && !routed.cutOff.includes(id));
      assert.deepEqual(routed.paths.map(({ bus }) => bus).sort(), loads.map(({ id }) => id).sort());
      for (const { bus, generator, buses, branches, shares } of routed.paths) {
        assert.ok(buses[0] === generator && buses.at(-1) === bus && [1, 2].includes(generator));
        assert.equal(branches.length, buses.length - 1);
        for (const [k, id] of branches.entries()) {
          const { from, to } = DEMO.branches[id - 1]!;
          assert.deepEqual([from, to].sort(), [buses[k]!, buses[k + 1]!].sort());
          assert.ok(!routed.open.includes(id));
        }
        assert.ok(Math.abs(shares.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
      }
      for (const id of [...broken, ...keepOpen]) assert.ok(routed.open.includes(id));
      for (const id of keepClosed) assert.ok(!routed.open.includes(id));
      const parts = routed.paths.reduce((sum, { lossKw }) => sum + lossKw, routed.trunkLossKw);
      assert.ok(Math.abs(parts - routed.lossKw) < 1e-9);
      assert.ok(routed.reference.kind === "certified" && routed.reference.gapPercent >= 0);
      assert.ok(routed.cost >= routed.reference.cost);
    }
  }
});

test("losses and shares are those of the grid with these lines open; without the trunk each generator feeds its own", () => {
  const routed = routePaths(DEMO, { method: "exact" });
  assert.equal(routed.reference.trees, 41);
  const opened = withOpen(DEMO, routed.open);
  const result = powerFlow(opened);
  assert.ok(Math.abs(lossesOf(opened, result).technicalMw * 1_000 - routed.lossKw) < 1e-6);
  const mw = (generator: number): number =>
    routed.paths.reduce(
      (sum, { shares, loadMw, lossKw }) =>
        sum + (shares.find((one) => one.generator === generator)?.share ?? 0) * (loadMw + lossKw / 1_000),
      0,
    );
  // What loads and their losses take from each generator is what it gives, up to how losses are divided.
  for (const { bus, mw: given } of routed.generators)
    assert.ok(Math.abs(mw(bus) - given) < 0.005, `${mw(bus)} ${given}`);
  const apart = routePaths(DEMO, { method: "exact", broken: [1] });
  for (const { generator, shares } of apart.paths) assert.deepEqual(shares, [{ generator, share: 1 }]);
});

test("no forest is cheaper than the certified one, and forests come from growing as well as from counting", () => {
  const { grid, broken } = scenarioOf(DEMO, "loads", 3);
  const problem = new RoutingProblem(grid, { riskWeight: 2 }, { broken });
  const all = new Map<string, number>();
  for (const closed of allTrees(problem.graph)) all.set(closed.join(""), problem.evaluate(closed).cost);
  const exact = routePaths(grid, { method: "exact", goal: { riskWeight: 2 } });
  assert.equal(exact.cost, Math.min(...all.values()));
  const random = new SeededRandom(5);
  const grown = new Set<string>();
  for (let draw = 0; draw < 150; draw++) {
    const { closed } = grow(problem, untrained(1, PATH_FEATURES.length), { random, warmth: 50 });
    assert.ok(all.has(closed.join("")));
    grown.add(closed.join(""));
  }
  assert.ok(grown.size > 30, `${grown.size} of ${all.size}`);
});

test("the shipped paths are within 1 % of the optimum on unseen scenarios, and better than the shortest and the static", () => {
  const { weights, card } = readWeights(SHIPPED_PATH_WEIGHTS, "paths");
  assert.match(card.command, /--task paths/);
  const { reference, rows } = comparePaths({ grid: DEMO, weights, seeds: [11, 12], scenarios: 4 });
  assert.equal(reference, "certified");
  const mean = (method: string): number =>
    rows.filter((row) => row.method === method).reduce((sum, row) => sum + row.meanGapPercent / FAMILIES.length, 0);
  assert.ok(mean("policy") < 1, `${mean("policy")}`);
  for (const peer of ["untrained", "shortest", "static", "random"]) assert.ok(mean(peer) > mean("policy"), peer);
  for (const { meanGapPercent, meanFlows } of rows) assert.ok(meanGapPercent >= 0 && meanFlows <= 8);
});

test("training repeats by its seed; what does not fit is refused by name", async () => {
  const backend = await openBackend({ only: "wasm" });
  const plan = { grid: DEMO, seed: 4, updates: 2, scenarios: 4, ways: 3 };
  const first = await trainPaths(backend, plan);
  assert.deepEqual(await trainPaths(backend, plan), first);
  assert.notDeepEqual(first, untrained(4, PATH_FEATURES.length));
  await assert.rejects(trainPaths(backend, { ...plan, ways: 1 }), /ways: expected at least 1, got 0/);
  assert.throws(() => readWeights(SHIPPED_WEIGHTS, "paths"), /task: expected paths, got switches/);
  assert.throws(() => routePaths(DEMO, { broken: [99] }), /broken: there is no branch 99 in demo8/);
  assert.throws(() => routePaths(DEMO, { broken: [2, 3] }), /demo8 has no load that a generator could supply/);
  assert.throws(
    () => routePaths(DEMO, { keepClosed: [5], broken: [5] }),
    /keepClosed: branch 5 is broken, or kept open/,
  );
  assert.throws(() => routePaths(DEMO, { mostFlows: 0 }), /mostFlows: expected 1 or more, got 0/);
});
