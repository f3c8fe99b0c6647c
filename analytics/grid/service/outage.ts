/** What an outage leaves behind: the branches that opened in it, and what buses without supply would take if they had some. */
import type { BusLoad, Grid } from "../model/grid.ts";

/**
 * Positions of branches that are out of order as far as anybody can tell: they opened, and a bus at them was left without supply.
 * Nobody switches so on purpose. They stay what they are when others give the supply back, and until they close again.
 */
export function faultedAfter(
  before: ReadonlySet<number>,
  { branches, buses, indexOf }: Grid,
  closedBefore: Uint8Array,
  vmPu: Float64Array,
): ReadonlySet<number> {
  const isDark = (id: number): boolean => {
    const bus = indexOf.get(id)!;
    return vmPu[bus] === 0 && buses[bus]!.kind !== "isolated";
  };
  return new Set(
    [...branches.keys()].filter((i) => {
      const { from, to, closed } = branches[i]!;
      return !closed && (before.has(i) || (closedBefore[i] === 1 && (isDark(from) || isDark(to))));
    }),
  );
}

export interface Wanting {
  readonly grid: Grid;
  /** By position of the bus: those without supply have the last value that was known, or the case's. */
  readonly loadMw: Float64Array;
  readonly loadMvar: Float64Array;
  readonly vmPu: Float64Array;
  /** By bus id, what released loads make of their buses now. */
  readonly released: ReadonlyMap<number, BusLoad>;
  /** Whether released loads go on in the dark: simulated homes know nothing of the outage, real meters are in it. */
  readonly goesOn: boolean;
  /** 1 for buses that had supply since the start. */
  readonly seen: Uint8Array;
}

/** Writes into `loadMw` and `loadMvar` what buses without supply would take at this moment. */
export function fillDark({ grid, loadMw, loadMvar, vmPu, released, goesOn, seen }: Wanting): void {
  let [now, planned] = [0, 0];
  for (const [bus, { loadMw: own }] of grid.buses.entries()) {
    if (!(vmPu[bus]! > 0)) continue;
    now += loadMw[bus]!;
    planned += own;
  }
  // Of buses that nothing else is known of: the case's loads are those of its peak, and these share the others' moment.
  const share = planned > 0 ? Math.max(0, now / planned) : 1;
  for (const [bus, { id, loadMw: mw, loadMvar: mvar, kind }] of grid.buses.entries()) {
    if (vmPu[bus]! !== 0 || kind === "isolated") continue;
    const told = released.get(id);
    if (told !== undefined && (goesOn || seen[bus] === 0)) {
      loadMw[bus] = told.mw;
      loadMvar[bus] = told.mvar;
    } else if (seen[bus] === 0) {
      loadMw[bus] = mw * share;
      loadMvar[bus] = mvar * share;
    }
  }
}
