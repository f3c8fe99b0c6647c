/** What goes wrong in a simulated grid, and on the way from its sensors: events of the grid, faults of samples. */
import { powerFlow } from "../flow/power-flow.ts";
import type { FlowResult } from "../flow/result.ts";
import { type Grid, withLoads, withSwitches } from "../model/grid.ts";
import { violationsOf } from "../physics/limits.ts";
import type { SeededRandom } from "../random.ts";

/**
 * `sag`, `swell`: voltages beyond 5 %; `overload`: a branch beyond its rating; `outage`: a breaker opens; `theft`: a
 * bus's meter shows less than it takes; `dead-sensor`: a sensor shows 0.
 */
export const EVENT_TYPES = ["sag", "swell", "overload", "outage", "theft", "dead-sensor"] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface GridEvent {
  readonly type: EventType;
  /** Id of the bus or branch; undefined where it is the whole grid. */
  readonly element: number | undefined;
  /** Of the first scan that it touches, and how many. */
  readonly fromScan: number;
  readonly scans: number;
  /** Factor of loads, p.u. of the reference, or share that is not metered. */
  readonly size: number;
}

/** Below the band of 5 % by more than a sensor's noise. */
const SAG_PU = 0.945;

/** Buses of a grid with load above 0. */
function loadBuses(grid: Grid): number[] {
  return grid.buses.filter(({ loadMw, kind }) => loadMw > 0 && kind !== "isolated").map(({ id }) => id);
}

/** An event of a type that the grid can have at this moment, or undefined where it cannot. */
export function drawEvent(
  type: EventType,
  grid: Grid,
  random: SeededRandom,
  span: { readonly fromScan: number; readonly scans: number },
): GridEvent | undefined {
  const event = (element: number | undefined, size: number): GridEvent => ({ type, element, size, ...span });
  const loads = loadBuses(grid);
  switch (type) {
    case "sag":
      return smallest(1.1, 1.12, (size) => {
        const result = flowWith(grid, event(undefined, size));
        return result?.vmPu.some((v, bus) => result.energised[bus] === 1 && v < SAG_PU) === true;
      })?.map((size) => event(undefined, size))[0];
    case "swell":
      return event(undefined, random.uniform(1.06, 1.08));
    case "overload": {
      const bus = random.pick(loads);
      return smallest(1.5, 1.3, (size) => {
        const result = flowWith(grid, event(bus, size));
        return result !== undefined && violationsOf(grid, result).overloads.length > 0;
      })?.map((size) => event(bus, size))[0];
    }
    case "outage": {
      const closed = grid.branches.filter((branch) => branch.closed).map(({ id }) => id);
      const branch = random.pick(closed);
      return flowWith(grid, event(branch, 1)) === undefined ? undefined : event(branch, 1);
    }
    case "theft":
      return event(random.pick(loads), random.uniform(0.3, 0.8));
    case "dead-sensor":
      return event(random.pick(loads), 0);
  }
}

/** The first of growing sizes that does it, as a list of one; undefined when none of forty does. */
function smallest(from: number, factor: number, does: (size: number) => boolean): readonly number[] | undefined {
  for (let size = from, step = 0; step < 40; step++, size *= factor) if (does(size)) return [size];
  return undefined;
}

function flowWith(grid: Grid, event: GridEvent): FlowResult | undefined {
  const result = powerFlow(withEvent(grid, event), { dead: "shed" });
  return result.converged ? result : undefined;
}

/** The grid as the event leaves it; `theft` and `dead-sensor` change samples alone. */
export function withEvent(grid: Grid, { type, element, size }: GridEvent): Grid {
  switch (type) {
    case "sag":
    case "overload": {
      const chosen = grid.buses.filter(({ id }) => type === "sag" || id === element);
      return withLoads(
        grid,
        new Map(chosen.map(({ id, loadMw, loadMvar }) => [id, { mw: loadMw * size, mvar: loadMvar * size }])),
      );
    }
    case "swell": {
      const generators = grid.generators.map((one) => ({ ...one, vSetPu: Math.max(one.vSetPu, size) }));
      return { ...grid, generators };
    }
    case "outage":
      return withSwitches(
        grid,
        grid.branches.map(({ id, closed }) => closed && id !== element),
      );
    case "theft":
    case "dead-sensor":
      return grid;
  }
}
