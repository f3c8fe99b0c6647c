/** How loads move over a day, and by how much a case has to be eased so that its voltages stay within 5 %. */
import { powerFlow } from "../flow/power-flow.ts";
import { type Grid, withLoadScale } from "../model/grid.ts";
import type { SeededRandom } from "../random.ts";

/** Share of the day's peak at a time of day: low at night, a shoulder in the morning, the peak in the evening. */
export function dayShape(secondsOfDay: number): number {
  const hour = secondsOfDay / 3_600;
  const bump = (at: number, width: number): number => {
    // Around the clock: 23:30 is half an hour from midnight.
    const away = Math.abs(((hour - at + 36) % 24) - 12);
    return Math.exp(-0.5 * (away / width) ** 2);
  };
  return 0.5 + 0.22 * bump(8, 1.6) + 0.18 * bump(13, 2.5) + 0.48 * bump(19, 2.2);
}

const MEMORY = 0.9;
const SPREAD = 0.04;

/** Each bus's own factor around 1, with a memory from scan to scan. */
export class LoadNoise {
  readonly factors: Float64Array;
  readonly #random: SeededRandom;

  constructor(buses: number, random: SeededRandom) {
    this.#random = random;
    this.factors = Float64Array.from({ length: buses }, () => 1 + SPREAD * random.normal());
  }

  step(): void {
    const fresh = SPREAD * Math.sqrt(1 - MEMORY * MEMORY);
    for (const [bus, factor] of this.factors.entries()) {
      this.factors[bus] = 1 + MEMORY * (factor - 1) + fresh * this.#random.normal();
    }
  }
}

/** The band of normal operation, with room for noise of loads and sensors. */
const LEAST_PU = 0.958;
const MOST_PU = 1.04;

/**
 * The case with less load and output, and held voltages within the band, so that its day stays within 5 % of the base
 * voltage. Throws RangeError for a case that has no power flow.
 */
export function easedToBand(grid: Grid): Grid {
  const generators = grid.generators.map((one) => ({
    ...one,
    vSetPu: Math.min(Math.max(one.vSetPu, LEAST_PU + 0.01), MOST_PU),
  }));
  for (let factor = 1; factor > 0.02; factor *= 0.93) {
    const eased = {
      ...withLoadScale(grid, factor),
      generators: generators.map((one) => ({ ...one, pMw: one.pMw * factor })),
    };
    const result = powerFlow(eased, { dead: "shed" });
    if (result.converged && result.vmPu.every((v, bus) => result.energised[bus] === 0 || v >= LEAST_PU)) return eased;
  }
  throw new RangeError(`grid: no load of ${grid.name} keeps its voltages within 5 % of their base`);
}
