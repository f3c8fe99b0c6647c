/** Breakers' reports: a forged one moves no switch, a true one does, and how many scans it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bundledGrid,
  type Grid,
  type PointKind,
  pointName,
  type Sample,
  type Scan,
  SimulatedScada,
  StateTracker,
  withSwitches,
} from "../index.ts";
import { HeldSamples } from "../service/scada-feed.ts";

const SECONDS = 5;
const TIE = 35;

/** Scans of a room whose breakers speak only when they change; what is said besides is the test's. */
function room(grid: Grid = bundledGrid("case33bw"), hears: (kind: PointKind) => boolean = () => true) {
  const held = new HeldSamples(3 * SECONDS);
  const tracker = new StateTracker(grid);
  const plants = new Map<Grid, SimulatedScada>();
  let scans = 0;
  /** `real` has the switches as they are. `sameInterval`: one more scan of it. */
  const scan = (real: Grid, said: readonly Omit<Sample, "simulated">[] = [], sameInterval = false) => {
    const plant = plants.get(real) ?? new SimulatedScada({ grid: real, seed: 7, steady: true });
    plants.set(real, plant);
    const first = scans === 0;
    if (!sameInterval) scans += 1;
    const own = plant.next().scan.samples.filter(({ kind }) => hears(kind) && (kind !== "breaker" || first));
    const forged = said.map((one) => ({ ...one, simulated: true }));
    const names = new Set(forged.map(pointName));
    const samples = [...own.filter((one) => !names.has(pointName(one))), ...forged];
    const scan: Scan = { time: SECONDS * scans, source: "room", samples };
    const state = tracker.update(held.with(scan));
    return {
      status: state.estimate.status,
      closed: state.grid.branches.filter(({ closed }) => closed).map(({ id }) => id),
      contradicted: state.contradictedBreakers,
      bad: state.bad,
    };
  };
  return { grid, scan };
}

const says = (element: number, value: 0 | 1) => ({ kind: "breaker", element, value }) as const;
const closing = (grid: Grid, ...ids: number[]): Grid =>
  withSwitches(
    grid,
    grid.branches.map(({ id, closed }) => Number(closed || ids.includes(id)) === 1),
  );
const opening = (grid: Grid, id: number): Grid =>
  withSwitches(
    grid,
    grid.branches.map((branch) => branch.closed && branch.id !== id),
  );

test("a forged report of a closed tie moves no switch and blames no sensor, told once or in every scan", () => {
  for (const times of [1, 8]) {
    const { grid, scan } = room();
    for (let i = 0; i < 3; i++) scan(grid);
    for (let i = 0; i < 10; i++) {
      const { status, closed, contradicted, bad } = scan(grid, i < times ? [says(TIE, 1)] : []);
      assert.ok(!closed.includes(TIE), `scan ${i} after ${times} reports`);
      assert.deepEqual([status, bad], ["trusted", []], `scan ${i} after ${times} reports`);
      // One report is remembered for three intervals, and told for as long.
      assert.deepEqual(contradicted, i < times + 3 ? [TIE] : [], `scan ${i} after ${times} reports`);
    }
  }
});

test("a forged report of an open line that carries moves no switch, told once or in every scan", () => {
  const { grid, scan } = room();
  for (let i = 0; i < 3; i++) scan(grid);
  for (let i = 0; i < 6; i++) {
    const { status, closed, contradicted } = scan(grid, [says(6, 0)]);
    assert.ok(closed.includes(6) && status === "trusted");
    assert.deepEqual(contradicted, [6]);
  }
});

test("a switch that is closed or opened is believed in the scan that says so: currents confirm it", () => {
  const { grid, scan } = room();
  const looped = closing(grid, TIE);
  for (let i = 0; i < 3; i++) scan(grid);
  const closed = scan(looped, [says(TIE, 1)]);
  assert.ok(closed.closed.includes(TIE) && closed.contradicted.length === 0);
  for (let i = 0; i < 5; i++) assert.ok(scan(looped).closed.includes(TIE), "it stays believed");
  const cut = opening(looped, 29);
  const opened = scan(cut, [says(29, 0)]);
  assert.ok(!opened.closed.includes(29) && opened.contradicted.length === 0);
  assert.equal(scan(cut).status, "trusted");
  const again = scan(looped, [says(29, 1)]);
  assert.ok(again.closed.includes(29) && again.contradicted.length === 0);
});

test("where no current is measured it takes a report of another interval, and remembered ones are none", () => {
  const { grid, scan } = room(undefined, (kind) => kind !== "current" && kind !== "flow" && kind !== "reactive_flow");
  const looped = closing(grid, TIE);
  for (let i = 0; i < 3; i++) scan(grid);
  assert.ok(!scan(looped, [says(TIE, 1)]).closed.includes(TIE));
  for (let i = 0; i < 20; i++) assert.ok(!scan(looped, [says(TIE, 1)], true).closed.includes(TIE), "the same interval");
  assert.ok(!scan(looped).closed.includes(TIE), "remembered");
  assert.ok(scan(looped, [says(TIE, 1)]).closed.includes(TIE), "the second report");
});

test("what brings supply to a dark part is believed at once, though it carries next to nothing", () => {
  const whole = bundledGrid("case33bw");
  const { scan, grid } = room(opening(whole, 17));
  const dark = scan(grid);
  assert.ok(!dark.closed.includes(17));
  scan(grid);
  const supplied = scan(whole, [says(17, 1)]);
  assert.ok(supplied.closed.includes(17));
});
