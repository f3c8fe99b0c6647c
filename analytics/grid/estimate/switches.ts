/**
 * Which switches to believe. A breaker's report can be wrong, and one wrong switch makes good measurements look bad; so a
 * report that has changed is held against currents and voltages first.
 */
import { energised } from "../flow/ybus.ts";
import type { Branch, Grid } from "../model/grid.ts";
import { perUnit } from "../model/per-unit.ts";
import type { PointKind } from "../scada/scan.ts";

export type ValueOf = (kind: PointKind, element: number) => number | undefined;
export type Deviation = (kind: PointKind, element: number) => number;

/** In standard deviations: more current than this is no noise, less than the other is none. */
const CARRIES = 6;
const IDLE = 3;
/** p.u.: a bus that shows more has supply. */
export const SUPPLIED = 0.5;

export interface Switches {
  /** In the order of the branches. */
  readonly closed: Uint8Array;
  /** Ids of branches whose report was not believed. */
  readonly contradicted: readonly number[];
}

/**
 * `grid` has the switches as they were last known; a branch without a report keeps them. `before` gives the samples of the
 * scan before: a changed report that nothing confirms is believed when it is repeated, and at once where there is none.
 */
export function believedSwitches(grid: Grid, valueOf: ValueOf, deviation: Deviation, before?: ValueOf): Switches {
  const pu = perUnit(grid);
  const known = pu.closed.slice();
  const closed = pu.closed;
  const contradicted = new Set<number>();
  for (const [i, { id }] of grid.branches.entries()) {
    const reported = valueOf("breaker", id) ?? known[i]!;
    if (reported === known[i]) continue;
    closed[i] = reported;
    const repeated = before === undefined || before("breaker", id) === reported;
    if (isBelieved(grid.branches[i]!, reported, { valueOf, deviation, before }, repeated)) continue;
    closed[i] = known[i]!;
    contradicted.add(id);
  }
  // Open, and yet there is a voltage behind it that no other way explains.
  for (let alive = energised(pu); ; alive = energised(pu)) {
    const i = grid.branches.findIndex(({ from, to }, at) => {
      const [a, b] = [alive[pu.from[at]!]!, alive[pu.to[at]!]!];
      return (
        closed[at] === 0 && known[at] === 1 && a !== b && (valueOf("voltage", a === 1 ? to : from) ?? 0) > SUPPLIED
      );
    });
    if (i < 0) return { closed, contradicted: [...contradicted].sort((a, b) => a - b) };
    closed[i] = 1;
    contradicted.add(grid.branches[i]!.id);
  }
}

interface Evidence {
  readonly valueOf: ValueOf;
  readonly deviation: Deviation;
  readonly before: ValueOf | undefined;
}

/** Whether a changed report fits what the branch carries and what its ends show. */
function isBelieved({ id, from, to }: Branch, reported: number, evidence: Evidence, repeated: boolean): boolean {
  const { valueOf, deviation, before } = evidence;
  const carried = carriedBy(id, valueOf, deviation);
  const dark = [from, to].some((end) => (valueOf("voltage", end) ?? 1) <= SUPPLIED);
  if (reported === 1) return repeated || (carried !== undefined && carried.least > IDLE);
  if (carried !== undefined && carried.least > CARRIES && !dark) return false;
  const carriedBefore = before === undefined ? undefined : carriedBy(id, before, deviation);
  const dropped = (carried?.most ?? 0) < IDLE && (carriedBefore?.least ?? 0) > CARRIES;
  return repeated || dark || dropped;
}

/** What the branch's sensors show, in standard deviations; undefined where it has none. */
function carriedBy(id: number, valueOf: ValueOf, deviation: Deviation): { least: number; most: number } | undefined {
  const all = (["current", "flow"] as const).flatMap((kind) => {
    const value = valueOf(kind, id);
    return value === undefined ? [] : [Math.abs(value) / deviation(kind, id)];
  });
  return all.length === 0 ? undefined : { least: Math.min(...all), most: Math.max(...all) };
}
