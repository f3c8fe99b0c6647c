/** Power flow against published losses, a second formulation, and Kirchhoff. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  BUNDLED,
  bundledGrid,
  type FlowResult,
  generateMeshed,
  generateRadial,
  type Grid,
  lossesOf,
  makeGrid,
  powerFlow,
  RadialSolver,
  topologyOf,
  withLoads,
  withLoadScale,
  withOpen,
  withSwitches,
} from "../index.ts";
import { denseFlow } from "./dense-reference.ts";

function furthest(one: Float64Array, other: Float64Array): number {
  return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}

/** Largest imbalance of any bus in MW or Mvar: generators, loads, shunts and branches must add up to nothing. */
function imbalance(grid: Grid, result: FlowResult): number {
  const p = grid.buses.map(({ loadMw, shuntMw }, i) => loadMw + shuntMw * result.vmPu[i]! ** 2);
  const q = grid.buses.map(({ loadMvar, shuntMvar }, i) => loadMvar - shuntMvar * result.vmPu[i]! ** 2);
  for (const [i, { from, to }] of grid.branches.entries()) {
    p[grid.indexOf.get(from)!]! += result.fromMw[i]!;
    q[grid.indexOf.get(from)!]! += result.fromMvar[i]!;
    p[grid.indexOf.get(to)!]! += result.toMw[i]!;
    q[grid.indexOf.get(to)!]! += result.toMvar[i]!;
  }
  for (const [i, { bus }] of grid.generators.entries()) {
    p[grid.indexOf.get(bus)!]! -= result.generatorMw[i]!;
    q[grid.indexOf.get(bus)!]! -= result.generatorMvar[i]!;
  }
  return Math.max(...[...p, ...q].map(Math.abs));
}

const OPTIMUM_33 = [7, 9, 14, 32, 37];

test("losses are the published ones", () => {
  const published = { case9: 4.641, case14: 13.3933, case30: 2.4438, case118: 132.863 } as const;
  for (const [name, mw] of Object.entries(published)) {
    const grid = bundledGrid(name as keyof typeof published);
    const found = lossesOf(grid, powerFlow(grid)).technicalMw;
    assert.ok(Math.abs(found - mw) < 5.1e-4, `${name}: ${found} MW`);
  }
  const feeder = bundledGrid("case33bw");
  const kw = (grid: Grid): number => 1_000 * lossesOf(grid, powerFlow(grid)).technicalMw;
  assert.equal(kw(feeder).toFixed(3), "202.677");
  assert.equal(kw(withOpen(feeder, OPTIMUM_33)).toFixed(4), "139.5513");
  // 225.0 kW in the literature, and 98.6 kW for its best configuration with these ties.
  assert.equal(kw(bundledGrid("case69")).toFixed(2), "224.99");
  assert.equal(kw(withOpen(bundledGrid("case69"), [14, 58, 61, 69, 70])).toFixed(1), "98.6");
});

test("the voltages of every case agree with a dense formulation in other coordinates", () => {
  for (const name of BUNDLED) {
    const grid = bundledGrid(name);
    const reference = denseFlow(grid);
    for (const method of ["auto", "newton"] as const) {
      const result = powerFlow(grid, { method, tolerance: 1e-10 });
      assert.ok(furthest(result.vmPu, reference.vmPu) < 1e-8, `${name} by ${result.method}: magnitudes`);
      assert.ok(furthest(result.vaRad, reference.vaRad) < 1e-8, `${name} by ${result.method}: angles`);
    }
  }
});

test("the archive's own solutions come out, those of 118 buses with reactive limits", () => {
  for (const name of ["case14", "case118"] as const) {
    const grid = bundledGrid(name);
    const { vmPu, vaRad, limited } = powerFlow(grid, { reactiveLimits: name === "case118" });
    for (const [i, { id, vmPu: vm, vaDeg }] of grid.buses.entries()) {
      // Bus 30 of 118 does not fit its own data in the archive, and angles around it are a little off.
      if (name === "case118" && id === 30) continue;
      assert.ok(Math.abs(vmPu[i]! - vm) < 1.4e-3, `${name}, bus ${id}: ${vmPu[i]!} for ${vm}`);
      assert.ok(
        Math.abs((vaRad[i]! * 180) / Math.PI - vaDeg) < (name === "case14" ? 0.02 : 0.32),
        `${name}, bus ${id}`,
      );
    }
    if (name === "case118") assert.deepEqual(limited, [19, 32, 34, 92, 103, 105]);
  }
});

test("sweep and Newton agree on the 33-bus feeder, with its planned and its best switches", () => {
  for (const grid of [bundledGrid("case33bw"), withOpen(bundledGrid("case33bw"), OPTIMUM_33)]) {
    const [sweep, newton] = (["sweep", "newton"] as const).map((method) =>
      powerFlow(grid, { method, tolerance: 1e-11 }),
    );
    assert.equal(sweep!.method, "sweep");
    assert.ok(furthest(sweep!.vmPu, newton!.vmPu) < 1e-10 && furthest(sweep!.vaRad, newton!.vaRad) < 1e-10);
    assert.ok(furthest(sweep!.currentPu, newton!.currentPu) < 1e-9);
  }
});

test("at every bus of every grid power adds up, and what goes in is what comes out and what is lost", () => {
  const check = (grid: Grid): void => {
    const result = powerFlow(grid);
    assert.ok(result.converged, result.failure?.message);
    assert.ok(imbalance(grid, result) < 1e-6 * grid.baseMva, `${grid.name}: ${imbalance(grid, result)}`);
    const { inputMw, deliveredMw, technicalMw } = lossesOf(grid, result);
    assert.ok(Math.abs(inputMw - deliveredMw - technicalMw) < 1e-6 * grid.baseMva);
  };
  for (const name of BUNDLED) check(bundledGrid(name));
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 120 }),
      fc.nat(),
      fc.double({ min: 0, max: 1.1, noNaN: true }),
      (nodes, seed, scale) => {
        const radial = generateRadial({ nodes, seed });
        assert.ok(topologyOf(radial).radial && radial.buses.length === nodes);
        check(withLoadScale(radial, scale));
        if (nodes >= 3) check(generateMeshed({ nodes, seed }));
      },
    ),
    { numRuns: 12, seed: 1 },
  );
});

/** Taps, shifts, charging and shunts in all directions, and a bus that gives power. */
function branchy(): Grid {
  const bus = (id: number, loadMw: number, extra: object = {}) => ({
    ...{ id, kind: id === 30 ? ("slack" as const) : ("pq" as const), baseKv: 20, loadMw, loadMvar: loadMw / 3 },
    ...{ shuntMw: 0, shuntMvar: 0, vMinPu: 0.9, vMaxPu: 1.1, vmPu: 1, vaDeg: id === 30 ? 5 : 0, ...extra },
  });
  const branch = (id: number, from: number, to: number, extra: object = {}) => ({
    ...{ id, kind: "line" as const, from, to, rPu: 0.01 * id, xPu: 0.02, bPu: 0.03, ratio: 1, shiftDeg: 0 },
    ...{ rateMva: Number.POSITIVE_INFINITY, closed: true, ...extra },
  });
  return makeGrid({
    name: "branchy",
    baseMva: 10,
    buses: [bus(10, 1, { shuntMw: 0.2, shuntMvar: 0.5 }), bus(20, -2), bus(30, 0), bus(40, 0.7), bus(50, 0.4)],
    branches: [
      branch(1, 30, 10, { ratio: 0.97, shiftDeg: 12, kind: "transformer" }),
      branch(2, 20, 10, { ratio: 1.04, shiftDeg: -30, kind: "transformer" }),
      branch(3, 40, 20),
      branch(4, 50, 10),
      branch(5, 50, 40, { closed: false }),
    ],
    generators: [
      { bus: 30, pMw: 0, qMvar: 0, vSetPu: 1.02, inService: true, qMinMvar: -9, qMaxMvar: 9, pMinMw: 0, pMaxMw: 9 },
    ],
  });
}

test("sweeps pass taps and phase shifters in both directions as Newton does", () => {
  const [sweep, newton] = (["sweep", "newton"] as const).map((method) =>
    powerFlow(branchy(), { method, tolerance: 1e-12 }),
  );
  assert.ok(sweep!.converged && newton!.converged);
  const reference = denseFlow(branchy());
  for (const { vmPu, vaRad } of [sweep!, newton!]) {
    assert.ok(furthest(vmPu, reference.vmPu) < 1e-10 && furthest(vaRad, reference.vaRad) < 1e-10);
  }
  assert.ok(imbalance(branchy(), sweep!) < 1e-9);
});

test("says which buses have no way to a reference, and serves the others when told to", () => {
  const cut = withOpen(bundledGrid("case33bw"), [6, 33, 34, 35, 36, 37]);
  const refused = powerFlow(cut);
  assert.equal(refused.converged, false);
  assert.deepEqual(refused.failure!.reason, "islanded");
  assert.deepEqual(refused.failure!.buses, [7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  for (const method of ["sweep", "newton"] as const) {
    const shed = powerFlow(cut, { method, dead: "shed" });
    assert.ok(shed.converged && Math.abs(shed.unservedMw - 1.075) < 1e-9);
    assert.ok(shed.vmPu[6] === 0 && shed.vmPu[5]! > 0.9 && shed.fromMw[10] === 0);
    assert.ok(imbalanceOfServed(cut, shed) < 1e-6);
  }
});

function imbalanceOfServed(grid: Grid, result: FlowResult): number {
  const dead = grid.buses.filter((_, i) => result.energised[i] === 0).map(({ id }) => id);
  return imbalance(withLoads(grid, new Map(dead.map((id) => [id, { mw: 0, mvar: 0 }]))), result);
}

test("says what diverged, what was not reached in time, and where", () => {
  const heavy = withLoadScale(bundledGrid("case33bw"), 8);
  const sweep = powerFlow(heavy, { method: "sweep" });
  assert.equal(sweep.failure?.reason, "diverged");
  assert.match(sweep.failure.message, /^the voltage collapsed at bus \d+ in sweep \d+/);
  const newton = powerFlow(heavy, { method: "newton" });
  assert.ok(newton.failure?.reason === "diverged" || newton.failure?.reason === "iterations");
  assert.match(newton.failure.message, /bus \d+ misses [\d.e+]+ p\.u\. of (re)?active power/);
  const hurried = powerFlow(bundledGrid("case14"), { mostIterations: 1 });
  assert.equal(hurried.failure?.reason, "iterations");
  assert.ok(hurried.mismatch.pu > 1e-8 && hurried.failure.buses[0] === hurried.mismatch.bus);
});

test("a start from an earlier result saves iterations", () => {
  const grid = bundledGrid("case118");
  const first = powerFlow(grid);
  const warm = powerFlow(withLoadScale(grid, 1.001), { start: first });
  assert.ok(warm.converged && warm.iterations < first.iterations);
  assert.throws(() => powerFlow(grid, { start: powerFlow(bundledGrid("case9")) }), {
    message: "start: expected 118 voltages, got 9",
  });
});

test("refuses a sweep where it cannot work, by what stands in its way", () => {
  const sweep = (grid: Grid) => () => powerFlow(grid, { method: "sweep" });
  assert.throws(sweep(bundledGrid("case9")), {
    message: "method: a sweep takes a radial grid; case9 has 1 loops (newton)",
  });
  const cut = withOpen(bundledGrid("case9"), [2]);
  assert.throws(sweep(cut), { message: "method: a sweep cannot hold the voltage of bus 2 (newton)" });
  assert.throws(() => new RadialSolver(bundledGrid("case9")), { message: /bus 2 holds its voltage/ });
});

test("the solver for searches keeps to its buffers and tells loops from islands", () => {
  const grid = bundledGrid("case33bw");
  const solver = new RadialSolver(grid);
  const switches = (open: readonly number[]): Uint8Array =>
    Uint8Array.from(grid.branches, ({ id }) => Number(!open.includes(id)));
  assert.equal(solver.solve(switches([33, 34, 35, 36])), "loop");
  assert.equal(solver.solve(switches([1, 34, 35, 36, 37])), "dead");
  assert.equal(grid.buses[solver.faultBus]!.id, 2);
  assert.equal(solver.solve(switches(OPTIMUM_33)), "converged");
  assert.equal((solver.lossPu * grid.baseMva * 1_000).toFixed(4), "139.5513");
  const least = Math.min(...powerFlow(withOpen(grid, OPTIMUM_33)).vmPu);
  assert.ok(Math.abs(solver.leastVoltage - least) < 1e-9);
  // Another question in between leaves no trace.
  assert.equal(solver.solve(switches([33, 34, 35, 36, 37])), "converged");
  assert.equal((solver.lossPu * grid.baseMva * 1_000).toFixed(3), "202.677");
  for (const [bus, p] of solver.loadP.entries()) solver.loadP[bus] = p / 2;
  for (const [bus, q] of solver.loadQ.entries()) solver.loadQ[bus] = q / 2;
  assert.equal(solver.solve(switches([33, 34, 35, 36, 37])), "converged");
  const half = withLoadScale(grid, 0.5);
  assert.ok(Math.abs(solver.lossPu * grid.baseMva - lossesOf(half, powerFlow(half)).technicalMw) < 1e-8);
});

test("switches are set by their order, by their numbers, and refused where there are none", () => {
  const grid = bundledGrid("case33bw");
  const bySwitch = withSwitches(
    grid,
    grid.branches.map(({ id }) => !OPTIMUM_33.includes(id)),
  );
  assert.deepEqual(bySwitch, withOpen(grid, OPTIMUM_33));
  assert.throws(() => withSwitches(grid, [true]), { message: "closed: expected 37 switches, got 1" });
  assert.throws(() => withOpen(grid, [38]), { message: "open: there is no branch 38 in case33bw" });
  assert.throws(() => withLoads(grid, new Map([[34, { mw: 1, mvar: 0 }]])), { message: /there is no bus 34/ });
});

test("a grid that cannot be is refused by element and field", () => {
  const { buses, branches, generators } = branchy();
  const made = (change: object) => () => makeGrid({ name: "g", baseMva: 10, buses, branches, generators, ...change });
  const cases: [object, string][] = [
    [{ baseMva: 0 }, "g: baseMva: expected more than 0, got 0"],
    [{ buses: [] }, "g: buses: expected at least one, got none"],
    [{ buses: [...buses, buses[0]] }, "g: bus 10 is there twice"],
    [{ buses: [{ ...buses[0]!, id: 1.5 }] }, "g: bus 1.5: expected a positive integer as its number"],
    [{ buses: [{ ...buses[0]!, loadMw: Number.NaN }] }, "g: bus 10: loadMw: expected a number, got NaN"],
    [{ branches: [{ ...branches[0]!, to: 11 }] }, "g: branch 1: to: there is no bus 11"],
    [{ branches: [{ ...branches[0]!, ratio: 0 }] }, "g: branch 1: ratio: expected more than 0, got 0"],
    [{ generators: [{ ...generators[0]!, bus: 11 }] }, "g: generator 1: bus: there is no bus 11"],
    [
      { buses: buses.filter(({ id }) => id === 10), branches: [], generators: [] },
      "g: no bus is the reference (slack, type 3)",
    ],
  ];
  for (const [change, message] of cases) assert.throws(made(change), { name: "GridError", message });
});

test("figures that no arithmetic holds have no power flow, by either method", () => {
  const grid = bundledGrid("case33bw");
  const [first] = grid.branches;
  const absurd: Grid[] = [
    { ...grid, branches: [{ ...first!, rPu: 1e308, xPu: 1e308 }, ...grid.branches.slice(1)] },
    { ...grid, branches: [{ ...first!, rPu: 0, xPu: 1e-320 }, ...grid.branches.slice(1)] },
    withLoads(grid, new Map([[18, { mw: 1e300, mvar: 0 }]])),
  ];
  for (const [i, one] of absurd.entries()) {
    for (const method of ["sweep", "newton"] as const) {
      const result = powerFlow(one, { method });
      const isFinite = result.vmPu.every((vm) => vm > 0 && vm < 10) && Number.isFinite(result.mismatch.pu);
      assert.ok(!result.converged || isFinite, `grid ${i} by ${method}`);
    }
  }
  assert.equal(powerFlow(absurd[0]!, { method: "sweep" }).converged, false);
  assert.equal(powerFlow(absurd[2]!, { method: "sweep" }).converged, false);
});
