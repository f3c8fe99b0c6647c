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

/** In standard deviations: more current than this is no noise, in years of scans. */
const CARRIES = 6;
/** p.u.: a bus that shows more has supply. */
export const SUPPLIED = 0.5;

export interface Switches {
  /** In the order of the branches. */
  readonly closed: Uint8Array;
  /** Ids of branches whose report was not believed. */
  readonly contradicted: readonly number[];
}

export interface Reports {
  /** Samples of the scan before; none in the first one, which is believed. */
  readonly before?: ValueOf | undefined;
  /** Whether a branch's breaker has said the same in an earlier interval, by a report of its own. */
  readonly isRepeated?: (branch: number) => boolean;
}

/**
 * `grid` has the switches as they were last known; a branch without a report keeps them. A changed report is believed at once where
 * currents or voltages confirm it, never while they contradict it, and where they tell nothing when it is repeated.
 */
export function believedSwitches(
  grid: Grid,
  valueOf: ValueOf,
  deviation: Deviation,
  { before, isRepeated = () => false }: Reports = {},
): Switches {
  const pu = perUnit(grid);
  const known = pu.closed.slice();
  const closed = pu.closed;
  const contradicted = new Set<number>();
  const supplied = energised(pu);
  for (const [i, { id }] of grid.branches.entries()) {
    const reported = valueOf("breaker", id) ?? known[i]!;
    if (reported === known[i]) continue;
    const isRepeatedOrFirst = before === undefined || isRepeated(id);
    const ends = [pu.from[i]!, pu.to[i]!].map((bus) => supplied[bus] === 1);
    const evidence = { valueOf, deviation, before, joins: ends[0] !== ends[1] };
    if (isBelieved(grid.branches[i]!, reported, evidence, isRepeatedOrFirst)) closed[i] = reported;
    else contradicted.add(id);
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
  /** One of its ends has supply by the switches as they were known, the other has none. */
  readonly joins: boolean;
}

/** Whether a changed report fits what the branch carries and what its ends show. */
function isBelieved({ id, from, to }: Branch, reported: number, evidence: Evidence, repeated: boolean): boolean {
  const { valueOf, deviation, before, joins } = evidence;
  const carried = carriedBy(id, valueOf, deviation);
  const ends = [from, to].map((end) => valueOf("voltage", end));
  const dark = ends.some((vm) => vm !== undefined && vm <= SUPPLIED);
  if (reported === 1) {
    // Supply behind it that was not there, or a current: it is closed. Whoever lies about it can say so as often as they like.
    if (joins && ends.every((vm) => vm !== undefined && vm > SUPPLIED)) return true;
    if (carried !== undefined && carried.least > CARRIES) return true;
    return repeated && (carried === undefined ? !(joins && dark) : carried.most > CARRIES);
  }
  if (carried !== undefined && carried.least > CARRIES) return dark && repeated;
  const carriedBefore = before === undefined ? undefined : carriedBy(id, before, deviation);
  const dropped = (carried?.most ?? 0) < CARRIES && (carriedBefore?.least ?? 0) > CARRIES;
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
