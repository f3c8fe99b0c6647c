/** A simulated grid and its sensors, fed by released loads: what stands in for a SCADA system until there is a real one. */
import { loadsFromFeeders } from "../feeders.ts";
import type { BusLoad } from "../model/grid.ts";
import type { GridEvent } from "../scada/disturbances.ts";
import type { Scan } from "../scada/scan.ts";
import { SimulatedScada } from "../scada/simulate.ts";
import type { OperationPlan } from "./plan.ts";

/** Of what a bus takes: nobody takes all of it unmetered where a meter counts at all. */
const MOST_STOLEN = 0.95;

/** What a feeder took in a slot on average, as it was released (times `grid.loadFactor`). */
export interface FeederLoad {
  readonly feeder: string;
  /** Unix seconds. */
  readonly slotStart: number;
  readonly mw: number;
}

export interface PlantScan {
  readonly scan: Scan;
  /** By bus id, MW that its meters count; of buses that feeders have a share of. */
  readonly metered: ReadonlyMap<number, number>;
}

/** Loads of buses from the newest load of each feeder, in MW by bus id. */
export function loadsOf(
  { grid, shares, slotSeconds }: OperationPlan,
  loads: readonly FeederLoad[],
): ReadonlyMap<number, BusLoad> {
  const energy = loads.map(({ feeder, mw }) => ({ feeder, slot: 0, energyWh: (mw * 1e6 * slotSeconds) / 3_600 }));
  return loadsFromFeeders(grid, energy, shares, slotSeconds).get(0) ?? new Map<number, BusLoad>();
}

export class SimulatedPlant {
  readonly #plan: OperationPlan;
  readonly #scada: SimulatedScada;
  readonly #events: readonly GridEvent[];
  #scan = 0;

  /** Throws RangeError for a grid without a power flow. */
  constructor(plan: OperationPlan) {
    const { seed, badRate, lostRate, ambientC, events } = plan.settings;
    this.#plan = plan;
    this.#events = events.map(({ element, ...event }) => ({ ...event, element }));
    this.#scada = new SimulatedScada({ grid: plan.grid, schedule: this.#events, seed, badRate, lostRate, ambientC });
  }

  /** `seconds` since the scan before. */
  scan(time: number, seconds: number, loads: readonly FeederLoad[]): PlantScan {
    const theft = new Map(
      this.#events
        .filter(
          ({ type, fromScan, scans }) => type === "theft" && this.#scan >= fromScan && this.#scan < fromScan + scans,
        )
        .map(({ element, size }) => [element, Math.min(size, MOST_STOLEN)]),
    );
    // What a thief takes comes on top of what the meters count.
    const taken = new Map(
      [...loadsOf(this.#plan, loads)].map(([bus, { mw, mvar }]) => {
        const metered = 1 - (theft.get(bus) ?? 0);
        return [bus, { mw: mw / metered, mvar: mvar / metered }];
      }),
    );
    const { scan, truth } = this.#scada.next({ time, seconds, loads: taken });
    this.#scan += 1;
    const metered = truth.grid.buses.flatMap(({ id, loadMw }, bus): [number, number][] =>
      taken.has(id) ? [[id, truth.result.energised[bus] === 1 ? loadMw * (1 - (theft.get(id) ?? 0)) : 0]] : [],
    );
    return { scan, metered: new Map(metered) };
  }
}
