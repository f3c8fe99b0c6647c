/** Feeder by feeder, what the state says that its buses take beside what its meters counted. */
import type { Grid } from "../model/grid.ts";
import { deviations } from "../scada/accuracy.ts";
import { FeederBalance, type Missing, SlotMeans } from "./balance.ts";
import type { OperationPlan } from "./plan.ts";
import type { FeederLoad } from "./plant.ts";

/** What a released load and the mean of samples of its slot may differ by, as a share: scans see moments. */
const SLOT_TOLERANCE = 0.02;

interface Part {
  readonly feeder: string;
  /** Of the feeder, all together 1. */
  readonly weight: number;
}

export class FeederWatch {
  readonly #balance = new FeederBalance();
  readonly #slots = new SlotMeans();
  readonly #slotSeconds: number;
  /** By position of the bus. */
  readonly #parts: readonly (readonly Part[])[];
  readonly #sigmaMw: Float64Array;

  constructor({ grid, shares, slotSeconds }: OperationPlan) {
    const whole = new Map<string, number>();
    for (const { feeder, weight } of shares) whole.set(feeder, (whole.get(feeder) ?? 0) + weight);
    this.#slotSeconds = slotSeconds;
    this.#parts = grid.buses.map(({ id }) =>
      shares.flatMap(({ feeder, bus, weight }) =>
        bus === id ? [{ feeder, weight: weight / whole.get(feeder)! }] : [],
      ),
    );
    const deviation = deviations(grid);
    this.#sigmaMw = Float64Array.from(grid.buses, ({ id }) => deviation("demand", id));
  }

  missing(): Missing[] {
    return this.#balance.missing();
  }

  /** `metered` is by bus id, of this very moment; `grid` has the loads of the state. */
  compareNow(grid: Grid, loads: readonly FeederLoad[], metered: ReadonlyMap<number, number>): void {
    const counted = this.#sums(loads, (bus) => metered.get(grid.buses[bus]!.id) ?? 0);
    for (const [feeder, { mw, sigmaMw }] of this.#sums(loads, (bus) => grid.buses[bus]!.loadMw)) {
      this.#balance.observe(feeder, mw, counted.get(feeder)!.mw, sigmaMw);
    }
  }

  /** Slot by slot, as loads are released. */
  compareSlots(time: number, grid: Grid, loads: readonly FeederLoad[], released: readonly FeederLoad[]): void {
    const slotStart = Math.floor(time / this.#slotSeconds) * this.#slotSeconds;
    for (const [feeder, { mw, sigmaMw }] of this.#sums(loads, (bus) => grid.buses[bus]!.loadMw)) {
      this.#slots.add(feeder, slotStart, mw, sigmaMw);
    }
    for (const { feeder, slotStart: slot, mw } of released) {
      const seen = this.#slots.take(feeder, slot);
      if (seen === undefined) continue;
      this.#balance.observe(feeder, seen.meanMw, mw, Math.hypot(seen.sigmaMw, SLOT_TOLERANCE * mw));
    }
  }

  /** What feeders with a load take together at their buses; a bus of two is divided as their metered loads are. */
  #sums(
    loads: readonly FeederLoad[],
    loadOf: (bus: number) => number,
  ): ReadonlyMap<string, { readonly mw: number; readonly sigmaMw: number }> {
    const released = new Map(loads.map(({ feeder, mw }) => [feeder, Math.abs(mw)]));
    const sums = new Map<string, { mw: number; square: number }>();
    for (const [bus, parts] of this.#parts.entries()) {
      const own = parts.map(({ feeder, weight }) => ({ feeder, mw: weight * (released.get(feeder) ?? 0) }));
      const whole = own.reduce((sum, { mw }) => sum + mw, 0);
      for (const { feeder, mw } of own) {
        if (mw === 0) continue;
        const share = mw / whole;
        const { mw: before, square } = sums.get(feeder) ?? { mw: 0, square: 0 };
        sums.set(feeder, { mw: before + share * loadOf(bus), square: square + (share * this.#sigmaMw[bus]!) ** 2 });
      }
    }
    return new Map([...sums].map(([feeder, { mw, square }]) => [feeder, { mw, sigmaMw: Math.sqrt(square) }]));
  }
}
