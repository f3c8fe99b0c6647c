/**
 * The hidden truth of simulated assets: faults that begin at a random age, grow exponentially and show in sensors. The
 * figures are assumptions, set for plausible failure rates (a few per cent a year without maintenance), not measured ones.
 */
import type { Kind } from "../history/history.ts";
import type { SeededRandom } from "../../grid/random.ts";

export interface Mode {
  readonly name: string;
  /** Mean age at which it begins. */
  readonly onsetYears: number;
  /** Median growth per year, as an exponent. */
  readonly growth: number;
  /** Failures per year at severity 1; grows with the square of the severity. */
  readonly hazard: number;
  /** At severity 1: share added to vibration, to the rise of temperature, and to the losses. */
  readonly vibration: number;
  readonly rise: number;
  readonly losses: number;
}

export const MODES: Readonly<Record<Kind, readonly Mode[]>> = {
  transformer: [
    { name: "loose core or winding", onsetYears: 60, growth: 0.7, hazard: 0.5, vibration: 1.5, rise: 0, losses: 0.02 },
    { name: "clogged cooling", onsetYears: 60, growth: 0.5, hazard: 0.15, vibration: 0, rise: 0.35, losses: 0 },
    { name: "worn contact", onsetYears: 60, growth: 0.8, hazard: 0.4, vibration: 0.1, rise: 0.1, losses: 0.12 },
  ],
  line: [
    { name: "lost damper", onsetYears: 50, growth: 0.6, hazard: 0.5, vibration: 1.5, rise: 0, losses: 0 },
    { name: "bad joint", onsetYears: 50, growth: 0.7, hazard: 0.5, vibration: 0, rise: 0.5, losses: 0.08 },
  ],
};

/** Failures per year that nothing announces: lightning, excavators, trees. */
export const UNANNOUNCED: Readonly<Record<Kind, number>> = { transformer: 0.005, line: 0.01 };

const FIRST = 0.1;
const WORST = 1.5;

/** One fault of one asset. */
export class Fault {
  readonly mode: Mode;
  readonly #growth: number;
  #onset: number;

  constructor(mode: Mode, random: SeededRandom) {
    this.mode = mode;
    this.#growth = mode.growth * Math.exp(0.4 * random.normal());
    this.#onset = this.#drawn(random);
  }

  /** In 0 to 1.5. */
  severity(age: number): number {
    return age < this.#onset ? 0 : Math.min(WORST, FIRST * Math.exp(this.#growth * (age - this.#onset)));
  }

  /** Cumulative hazard from the beginning to an age. */
  hazardUntil(age: number): number {
    const years = age - this.#onset;
    if (years <= 0) return 0;
    const growing = Math.min(years, Math.log(WORST / FIRST) / this.#growth);
    const grown = (FIRST ** 2 * (Math.exp(2 * this.#growth * growing) - 1)) / (2 * this.#growth);
    return this.mode.hazard * (grown + WORST ** 2 * (years - growing));
  }

  /** It is gone, and begins again some time after `age`. */
  repair(age: number, random: SeededRandom): void {
    this.#onset = age + this.#drawn(random);
  }

  #drawn(random: SeededRandom): number {
    return -this.mode.onsetYears * Math.log(1 - random.uniform());
  }
}
