/** What a question may cost, and what an answer may not leave out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { optimiseOptions, pathOptions } from "../../../../protocol/grid/index.ts";
import { bundledGrid } from "../../index.ts";
import type { Snapshot } from "../operation.ts";
import { optimise, switchingOf } from "./optimise.ts";
import { paths } from "./paths.ts";

const AT = { time: 1, simulated: true };
const SETTINGS = { riskWeight: 0, violationWeight: 1_000, mostTrees: 100_000, requestSeconds: 20 };

/** As the case has it. */
function snapshotOf(name: "demo8" | "case33bw", load = 1): Snapshot {
  const { buses, branches } = bundledGrid(name);
  const zero = buses.map(() => 0);
  return {
    closed: Uint8Array.from(branches, ({ closed }) => Number(closed)),
    loadMw: buses.map(({ loadMw }) => load * loadMw),
    loadMvar: buses.map(({ loadMvar }) => load * loadMvar),
    ...{ generationMw: zero, generationMvar: zero, faulted: [] },
  } as unknown as Snapshot;
}

test("where every branch is broken nothing is free: all of the load is missing, and has its price", () => {
  const grid = bundledGrid("case33bw");
  const broken = grid.branches.map(({ id }) => id);
  const all = optimise(grid, snapshotOf("case33bw"), optimiseOptions.parse({ broken }), { settings: SETTINGS, at: AT });
  assert.equal(all.cutOff.length, 32);
  assert.ok(Math.abs(all.unservedMw - 3.715) < 1e-9, `${all.unservedMw} MW`);
  assert.deepEqual([all.after.violation, all.after.cost, all.reference.cost], [32, 32_000, 32_000]);
  assert.equal(all.reference.gapPercent, 0);
});

test("a load that only a broken branch feeds is counted, and what is left is decided as before", () => {
  const grid = bundledGrid("case33bw");
  const ask = (settings: typeof SETTINGS) =>
    optimise(grid, snapshotOf("case33bw"), optimiseOptions.parse({ broken: [17, 36] }), { settings, at: AT });
  const [counted, uncounted] = [ask(SETTINGS), ask({ ...SETTINGS, violationWeight: 0 })];
  assert.deepEqual(counted.cutOff, [18]);
  assert.ok(Math.abs(counted.unservedMw - 0.09) < 1e-9);
  assert.ok(Math.abs(counted.after.cost - counted.after.lossKw - 1_000 * counted.after.violation) < 1e-6);
  assert.ok(counted.after.violation >= 1);
  assert.ok(counted.reference.gapPercent! >= 0 && counted.after.cost >= counted.reference.cost);
  assert.equal(uncounted.unservedMw, counted.unservedMw);
  const none = optimise(grid, snapshotOf("case33bw"), optimiseOptions.parse({}), { settings: SETTINGS, at: AT });
  assert.deepEqual([none.unservedMw, none.cutOff], [0, []]);
});

test("in an outage the figures of now are those of the dark grid, and the line that failed is not closed again", () => {
  const grid = bundledGrid("case33bw");
  const { closed, ...rest } = snapshotOf("case33bw");
  const failed = grid.branches.findIndex(({ id }) => id === 7);
  const dark: Snapshot = { ...rest, closed: closed.map((one, i) => (i === failed ? 0 : one)), faulted: [7] };
  const ask = (options: object) =>
    optimise(grid, dark, optimiseOptions.parse({ method: "exact", ...options }), { settings: SETTINGS, at: AT });
  const found = ask({});
  assert.deepEqual(found.cutOffBefore, [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  const lacking = grid.buses.filter(({ id }) => found.cutOffBefore.includes(id));
  assert.ok(Math.abs(found.unservedBeforeMw - lacking.reduce((sum, { loadMw }) => sum + loadMw, 0)) < 1e-9);
  // Eleven loads in the dark: less is lost than with all of them, and it costs far more.
  assert.ok(found.before.lossKw < found.after.lossKw && found.before.cost > 11_000);
  assert.deepEqual([found.unservedMw, found.cutOff, found.broken], [0, [], [7]]);
  assert.ok(found.open.includes(7) && !found.toClose.includes(7) && found.toClose.length > 0);
  const switching = switchingOf(found);
  assert.deepEqual([switching.unservedMw, switching.presentUnservedMw], [0, found.unservedBeforeMw]);
  const mended = ask({ repaired: [7] });
  assert.deepEqual([mended.broken, mended.cutOffBefore], [[], found.cutOffBefore]);
  const paths7 = paths(grid, dark, pathOptions.parse({ method: "shortest" }), { settings: SETTINGS, at: AT });
  assert.ok(paths7.open.includes(7) && paths7.paths.length === 32);
});

test("paths say what they leave without supply", () => {
  const grid = bundledGrid("demo8");
  const { loadMw } = snapshotOf("demo8");
  const at = grid.buses.findIndex(({ kind, loadMw: load }) => kind === "pq" && load > 0);
  const { id } = grid.buses[at]!;
  const broken = grid.branches.filter(({ from, to }) => from === id || to === id).map((branch) => branch.id);
  const found = paths(grid, snapshotOf("demo8"), pathOptions.parse({ broken }), { settings: SETTINGS, at: AT });
  assert.deepEqual(found.cutOff, [id]);
  assert.equal(found.unservedMw, loadMw[at]);
  assert.ok(found.cost >= 1_000 && found.violation >= 1 && found.reference.cost >= 1_000);
  assert.ok(found.reference.gapPercent >= 0);
});

test("no more configurations are tried than grid.mostTrees allows, of forests a tenth", () => {
  const grid = bundledGrid("case33bw");
  const exact = { settings: { ...SETTINGS, mostTrees: 1_000 }, at: AT };
  // Where loads give, branch and bound does not hold: every tree would have to be tried.
  const sunny = snapshotOf("case33bw", -1);
  assert.throws(
    () => optimise(grid, sunny, optimiseOptions.parse({ method: "exact" }), exact),
    /method: case33bw has more configurations than 1000 \(grid.mostTrees\): take exchange/,
  );
  const from = performance.now();
  assert.throws(
    () => paths(grid, snapshotOf("case33bw"), pathOptions.parse({ method: "exact" }), { settings: SETTINGS, at: AT }),
    /method: case33bw has more than the 10000 forests that are tried: take policy/,
  );
  assert.ok(performance.now() - from < 5_000, "told before anything is tried");
});

test("paths are looked for only for so long: the best so far is the answer, and what it was held against is said", () => {
  const grid = bundledGrid("case33bw");
  const settings = { ...SETTINGS, requestSeconds: 0.001 };
  const hurried = paths(grid, snapshotOf("case33bw"), pathOptions.parse({ mostFlows: 100 }), { settings, at: AT });
  assert.deepEqual([hurried.flows, hurried.reference.flows, hurried.reference.kind], [1, 1, "best known"]);
  assert.equal(hurried.paths.length, 32);
});

test("limits of voltage change what is answered, and those that cannot be are refused", () => {
  const grid = bundledGrid("demo8");
  const ask = (options: object) =>
    paths(grid, snapshotOf("demo8"), pathOptions.parse(options), { settings: SETTINGS, at: AT });
  assert.ok(ask({ vMinPu: 1.1, vMaxPu: 1.2 }).violation > ask({}).violation);
  assert.throws(() => ask({ vMinPu: 1.2, vMaxPu: 1.1 }), /vMinPu: expected at most 1.1/);
});
