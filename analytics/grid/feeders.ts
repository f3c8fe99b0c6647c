/**
 * Loads of buses from totals of feeders: the private rounds release one number per feeder and slot, and known shares
 * (connected capacity, customers, contracts) say how it spreads over the buses. No meter's reading is involved.
 */
import type { BusLoad, Grid } from "./model/grid.ts";

/** A released total; below 0 where the feeder gives back. */
export interface FeederTotal {
  readonly feeder: string;
  readonly slot: number;
  readonly energyWh: number;
}

/** What a bus has of its feeder. */
export interface BusShare {
  readonly feeder: string;
  readonly bus: number;
  /** Above 0, in any unit: only the ratio to the feeder's other weights counts. */
  readonly weight: number;
  /** Lagging, above 0 to 1; default 0.95. */
  readonly powerFactor?: number;
}

const POWER_FACTOR = 0.95;

/**
 * Mean loads of each slot, by slot and bus id: a feeder's total in MW, split by weight, sums up to the total again. Slots in
 * order; a slot lacks the buses of feeders without a total in it. Throws RangeError for shares or totals that do not fit
 * the grid or each other.
 */
export function loadsFromFeeders(
  grid: Grid,
  totals: readonly FeederTotal[],
  shares: readonly BusShare[],
  slotSeconds: number,
): ReadonlyMap<number, ReadonlyMap<number, BusLoad>> {
  if (!(slotSeconds > 0)) throw new RangeError(`slotSeconds: expected more than 0, got ${slotSeconds}`);
  const byFeeder = sharesByFeeder(grid, shares);
  const slots = new Map<number, Map<number, BusLoad>>();
  const seen = new Set<string>();
  for (const { feeder, slot, energyWh } of [...totals].sort((a, b) => a.slot - b.slot)) {
    const own = byFeeder.get(feeder);
    if (own === undefined) throw new RangeError(`shares: no bus has a share of feeder ${feeder}`);
    if (!Number.isSafeInteger(slot)) throw new RangeError(`totals: slot: expected an integer, got ${slot}`);
    if (!Number.isFinite(energyWh)) throw new RangeError(`totals: energyWh: expected a number, got ${energyWh}`);
    if (seen.has(`${slot} ${feeder}`)) throw new RangeError(`totals: feeder ${feeder} is there twice in slot ${slot}`);
    seen.add(`${slot} ${feeder}`);
    const megawatts = (energyWh * 3_600) / slotSeconds / 1e6;
    const whole = own.reduce((sum, { weight }) => sum + weight, 0);
    const loads = slots.get(slot) ?? new Map<number, BusLoad>();
    slots.set(slot, loads);
    for (const { bus, weight, powerFactor = POWER_FACTOR } of own) {
      const mw = (megawatts * weight) / whole;
      const before = loads.get(bus) ?? { mw: 0, mvar: 0 };
      // Reactive power goes with what appliances take, whichever way the sum flows.
      const mvar = Math.abs(mw) * Math.tan(Math.acos(powerFactor));
      loads.set(bus, { mw: before.mw + mw, mvar: before.mvar + mvar });
    }
  }
  return slots;
}

function sharesByFeeder(grid: Grid, shares: readonly BusShare[]): Map<string, BusShare[]> {
  const byFeeder = new Map<string, BusShare[]>();
  for (const share of shares) {
    const { feeder, bus, weight, powerFactor = POWER_FACTOR } = share;
    if (!grid.indexOf.has(bus)) throw new RangeError(`shares: there is no bus ${bus} in ${grid.name}`);
    if (!(weight > 0 && Number.isFinite(weight))) {
      throw new RangeError(`shares: weight of bus ${bus}: expected more than 0, got ${weight}`);
    }
    if (!(powerFactor > 0 && powerFactor <= 1)) {
      throw new RangeError(`shares: powerFactor of bus ${bus}: expected above 0 to 1, got ${powerFactor}`);
    }
    const own = byFeeder.get(feeder) ?? [];
    if (own.some((other) => other.bus === bus))
      throw new RangeError(`shares: bus ${bus} is there twice in feeder ${feeder}`);
    byFeeder.set(feeder, [...own, share]);
  }
  return byFeeder;
}
