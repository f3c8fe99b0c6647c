/** Buses in the dark: what they would take, and which branch is to blame. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bundledGrid } from "../index.ts";
import { withSwitches } from "../model/grid.ts";
import { faultedAfter, fillDark } from "./outage.ts";

const GRID = bundledGrid("case33bw");
const at = (branch: number): number => GRID.branches.findIndex(({ id }) => id === branch);
const opened = (...branches: number[]): Uint8Array =>
  Uint8Array.from(GRID.branches, ({ closed, id }) => Number(closed && !branches.includes(id)));
const CASE = opened();
const lit = Float64Array.from(GRID.buses, () => 1);
/** Without buses 8 to 18. */
const dark = Float64Array.from(GRID.buses, ({ id }) => (id >= 8 && id <= 18 ? 0 : 1));

test("a branch that opens and darkens is faulted until it closes, also when others supply its buses again", () => {
  const out = withSwitches(GRID, opened(7));
  const first = faultedAfter(new Set(), out, CASE, dark);
  assert.deepEqual([...first], [at(7)]);
  assert.deepEqual([...faultedAfter(first, out, opened(7), lit)], [at(7)]);
  assert.deepEqual([...faultedAfter(first, GRID, opened(7), lit)], []);
  // Who opens a line and leaves nobody in the dark has switched; ties that were open are as they were.
  assert.deepEqual([...faultedAfter(new Set(), out, CASE, lit)], []);
});

test("real meters in the dark say nothing: their last load counts; of buses never seen, what is released, or the others' share", () => {
  const wanting = (more: object) => {
    const loadMw = Float64Array.from(GRID.buses, ({ id, loadMw: own }) => (id >= 8 && id <= 18 ? own : 0.5 * own));
    const loadMvar = Float64Array.from(GRID.buses, ({ loadMvar: own }) => own);
    const seen = Uint8Array.from(dark, (v) => Number(v > 0));
    fillDark({
      ...{ grid: GRID, loadMw, loadMvar, vmPu: dark, seen, goesOn: false },
      released: new Map([[8, { mw: 0.03, mvar: 0.01 }]]),
      ...more,
    });
    return (id: number) => loadMw[GRID.buses.findIndex((bus) => bus.id === id)]!;
  };
  const unseen = wanting({});
  assert.equal(unseen(8), 0.03);
  assert.ok(Math.abs(unseen(9) - 0.03) < 1e-12, `half of 0.06: ${unseen(9)}`);
  const all = Uint8Array.from(dark, () => 1);
  assert.equal(wanting({ seen: all })(8), 0.2);
  assert.equal(wanting({ seen: all, goesOn: true })(8), 0.03);
});
