/**
 * Theft at a feeder: what the state says that its buses take, less what its meters counted. One difference is below the noise
 * of sensors; a lasting one is not, so that differences are added up (CUSUM) and told once chance does not explain them.
 */

export interface Missing {
  readonly feeder: string;
  /** Mean MW that are taken and not metered. */
  readonly missingMw: number;
  /** Mean MW over as many scans that chance explains. */
  readonly limitMw: number;
}

interface Course {
  sum: number;
  /** Since the sum left 0. */
  scans: number;
  missing: number;
}

/** In standard deviations: a lasting difference below the first is put up with; the second is when it is told. */
const ALLOWANCE = 0.4;
/** With it and normal noise a false alarm in millions of scans; noise of states is below that of their sensors. */
const LIMIT = 20;

export class FeederBalance {
  readonly #courses = new Map<string, Course & { sigma: number }>();

  /** `sigmaMw` is the standard deviation of what the state says. Throws RangeError where it is not above 0. */
  observe(feeder: string, estimatedMw: number, meteredMw: number, sigmaMw: number): void {
    if (!(sigmaMw > 0)) throw new RangeError(`sigmaMw: expected more than 0, got ${sigmaMw}`);
    const difference = estimatedMw - meteredMw;
    const before = this.#courses.get(feeder) ?? { sum: 0, scans: 0, missing: 0 };
    // Held at twice the limit, so that it ends soon after the theft does.
    const sum = Math.min(before.sum + difference / sigmaMw - ALLOWANCE, 2 * LIMIT);
    this.#courses.set(
      feeder,
      sum <= 0
        ? { sum: 0, scans: 0, missing: 0, sigma: sigmaMw }
        : { sum, scans: before.scans + 1, missing: before.missing + difference, sigma: sigmaMw },
    );
  }

  /** Feeders at which more is missing than chance explains. */
  missing(): Missing[] {
    return [...this.#courses].flatMap(([feeder, { sum, scans, missing, sigma }]) =>
      sum <= LIMIT
        ? []
        : [
            {
              feeder,
              missingMw: missing / scans,
              limitMw: Math.min((ALLOWANCE + LIMIT / scans) * sigma, missing / scans),
            },
          ],
    );
  }
}

interface Slot {
  sum: number;
  squares: number;
  scans: number;
}

/** Slots that are over and whose load is not released yet. */
const KEPT_SLOTS = 96;

/** What states said of feeders, slot by slot, until the load of the slot is released. */
export class SlotMeans {
  readonly #slots = new Map<string, Map<number, Slot>>();

  add(feeder: string, slot: number, estimatedMw: number, sigmaMw: number): void {
    const own = this.#slots.get(feeder) ?? new Map<number, Slot>();
    this.#slots.set(feeder, own);
    const { sum, squares, scans } = own.get(slot) ?? { sum: 0, squares: 0, scans: 0 };
    own.set(slot, { sum: sum + estimatedMw, squares: squares + sigmaMw ** 2, scans: scans + 1 });
    const [oldest] = own.keys();
    if (own.size > KEPT_SLOTS && oldest !== undefined) own.delete(oldest);
  }

  /** The mean of a slot and its standard deviation, once: undefined where nothing was seen of it. */
  take(feeder: string, slot: number): { readonly meanMw: number; readonly sigmaMw: number } | undefined {
    const own = this.#slots.get(feeder);
    const found = own?.get(slot);
    if (found === undefined) return undefined;
    own!.delete(slot);
    const { sum, squares, scans } = found;
    return { meanMw: sum / scans, sigmaMw: Math.sqrt(squares) / scans };
  }
}
