/**
 * Which switches to believe. A breaker's report can be wrong, and one wrong switch makes good measurements look bad; so a
 * report that has changed is held against currents and voltages first.
 */
import { energised } from "../flow/ybus.ts";
import type { Grid } from "../model/grid.ts";
import { perUnit } from "../model/per-unit.ts";
import type { PointKind } from "../scada/scan.ts";

export type ValueOf = (kind: PointKind, element: number) => number | undefined;
export type Deviation = (kind: PointKind, element: number) => number;

/** In standard deviations: more current than this is no noise, less than the other is none. */
const CARRIES = 6;
const IDLE = 3;
/** p.u.: a bus that shows more has supply. */
const SUPPLIED = 0.5;

export interface Switches {
  /** In the order of the branches. */
  readonly closed: Uint8Array;
  /** Ids of branches whose report was not believed. */
  readonly contradicted: readonly number[];
}

/** `grid` has the switches as they were last known; a branch without a report keeps them. */
export function believedSwitches(grid: Grid, valueOf: ValueOf, deviation: Deviation): Switches {
  const pu = perUnit(grid);
  const known = pu.closed.slice();
  const closed = pu.closed;
  const contradicted = new Set<number>();
  const supplied = (id: number): boolean => (valueOf("voltage", id) ?? 1) > SUPPLIED;
  /** Of the current and, where it is measured, the flow: in standard deviations, the smaller and the larger. */
  const carried = (id: number): readonly [number, number] => {
    const all = (["current", "flow"] as const).flatMap((kind) => {
      const value = valueOf(kind, id);
      return value === undefined ? [] : [Math.abs(value) / deviation(kind, id)];
    });
    return all.length === 0 ? [0, Number.POSITIVE_INFINITY] : [Math.min(...all), Math.max(...all)];
  };
  for (const [i, { id, from, to }] of grid.branches.entries()) {
    const reported = valueOf("breaker", id) ?? known[i]!;
    closed[i] = reported;
    if (reported === 0 && carried(id)[0] > CARRIES && supplied(from) && supplied(to)) {
      closed[i] = 1;
      contradicted.add(id);
    }
  }
  // Closed without current: the same as open, as long as nothing hangs on it.
  for (const [i, { id }] of grid.branches.entries()) {
    if (closed[i] === 0 || known[i] === 1 || carried(id)[1] > IDLE) continue;
    closed[i] = 0;
    const alive = energised(pu);
    if (alive[pu.from[i]!] === 1 && alive[pu.to[i]!] === 1) contradicted.add(id);
    else closed[i] = 1;
  }
  // Open, and yet there is a voltage behind it that no other way explains.
  for (let alive = energised(pu); ; alive = energised(pu)) {
    const i = grid.branches.findIndex(({ from, to }, at) => {
      const [a, b] = [alive[pu.from[at]!]!, alive[pu.to[at]!]!];
      if (closed[at] === 1 || known[at] === 0 || a === b) return false;
      return valueOf("voltage", a === 1 ? to : from) !== undefined && supplied(a === 1 ? to : from);
    });
    if (i < 0) return { closed, contradicted: [...contradicted].sort((a, b) => a - b) };
    closed[i] = 1;
    contradicted.add(grid.branches[i]!.id);
  }
}
