/**
 * A bare aluminium conductor: its temperature by the grid's thermal model, and the strength that heat takes from it
 * (annealing of 1350-H19 strands: J. R. Harvey, 1972, as in IEEE 1283; nothing is lost up to 95 degC).
 */
import { THERMAL, temperatureAfter } from "../../grid/index.ts";

const STRAND_INCHES = 0.12;
/** Strength lost at which a conductor is due: the usual allowance over its life. */
export const ALLOWED_LOSS = 0.1;

/** Share of the initial strength that is left after `hours` at `celsius`, given what was left before, in 0 to 1. */
export function strengthAfter(before: number, celsius: number, hours: number): number {
  const exponent = ((celsius / 1_000 - 0.095) * 0.1) / STRAND_INCHES;
  if (exponent <= 0 || hours <= 0) return before;
  const whole = Math.min(1, Math.max(0.01, (134 - 0.24 * celsius) / 100));
  // As if it had always been as hot: hours at this temperature that explain what is lost so far.
  const explained = before >= whole ? 0 : (before / whole) ** (-1 / exponent) - 1;
  return Math.min(before, whole * (1 + explained + hours) ** -exponent);
}

/** A conductor as time passes. */
export class LineTemperatures {
  #celsius: number;
  strength = 1;

  constructor(ambientC: number) {
    this.#celsius = ambientC;
  }

  get celsius(): number {
    return this.#celsius;
  }

  /** Throws RangeError for a time below 0. */
  step(load: number, ambientC: number, hours: number): void {
    const at = { fromC: this.#celsius, loading: load, ambientC, seconds: hours * 3_600 };
    this.#celsius = temperatureAfter(THERMAL.line, at);
    this.strength = strengthAfter(this.strength, this.#celsius, hours);
  }
}
