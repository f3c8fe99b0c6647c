/**
 * A privacy loss distribution on a grid: how likely the loss ln(P(x) / Q(x)) is j * step when x comes from P. It is built so
 * that it never tells less than the mechanism does: whatever is rounded is rounded to the worse.
 *
 * A loss between two grid points is divided between them so that both its mass under P and its mass under Q stay: of mass
 * with loss l, a part (1 - exp(j step - l)) / (1 - exp(-step)) goes up. The likelihood ratio Q/P is spread out, its mean kept,
 * so that every delta(epsilon) grows or stays, and at grid points a single release's stays exactly: V. Doroshenko, B.
 * Ghazi, P. Kamath, R. Kumar, P. Manurangsi, "Connect the Dots: Tighter Discrete Approximations of Privacy Loss
 * Distributions", 2022. The error is of second order in the step; rounding all losses up would be of first order.
 */

export interface LossDistribution {
  readonly step: number;
  /** `masses[i]` is the mass of the loss (first + i) * step. */
  readonly first: number;
  readonly masses: Float64Array;
  /** Mass of losses beyond every bound. */
  readonly infinite: number;
}

/** `spread` as above. `down`: all losses to the grid point below, for a lower bound on epsilon. */
export type Rounding = "spread" | "down";

/** What counts as nothing: its mass goes to infinity above, to the lowest loss below. */
export const TAIL = 1e-18;

/** Collects mass at losses. */
export class LossBuilder {
  readonly #step: number;
  readonly #rounding: Rounding;
  readonly #first: number;
  readonly #masses: Float64Array;
  #infinite = 0;

  /** For losses from `least` to `most`; those below count as `least`, those above as infinite. */
  constructor(step: number, least: number, most: number, rounding: Rounding) {
    this.#step = step;
    this.#rounding = rounding;
    this.#first = Math.floor(least / step);
    this.#masses = new Float64Array(Math.ceil(most / step) - this.#first + 2);
  }

  add(mass: number, loss: number): void {
    const at = Math.max(loss / this.#step, this.#first);
    const index = Math.floor(at);
    const place = index - this.#first;
    if (place + 1 >= this.#masses.length) {
      this.#infinite += mass;
      return;
    }
    const up = this.#rounding === "down" ? 0 : Math.expm1((index - at) * this.#step) / Math.expm1(-this.#step);
    this.#masses[place]! += mass * (1 - up);
    this.#masses[place + 1]! += mass * up;
  }

  addInfinite(mass: number): void {
    this.#infinite += mass;
  }

  build(): LossDistribution {
    return { step: this.#step, first: this.#first, masses: this.#masses, infinite: this.#infinite };
  }
}

/** delta at epsilon: the mass of infinite losses, and of each loss l above epsilon the part 1 - exp(epsilon - l). */
export function lossDelta({ step, first, masses, infinite }: LossDistribution, epsilon: number): number {
  let delta = 0;
  // Smallest masses first.
  for (let i = masses.length - 1; i >= 0; i--) {
    const loss = (first + i) * step;
    if (loss <= epsilon) break;
    delta += masses[i]! * -Math.expm1(epsilon - loss);
  }
  return Math.min(1, delta + infinite);
}

/** The least epsilon from 0 on with lossDelta at most `delta`; Infinity when infinite losses are likelier than that. */
export function lossEpsilon({ step, first, masses, infinite }: LossDistribution, delta: number): number {
  if (infinite > delta) return Number.POSITIVE_INFINITY;
  // Between two losses delta(epsilon) is mass - exp(epsilon) * scaled, of the losses above.
  let [mass, scaled] = [infinite, 0];
  for (let i = masses.length - 1; i >= 0; i--) {
    const loss = (first + i) * step;
    if (loss <= 0 || mass - scaled * Math.exp(loss) > delta) break;
    mass += masses[i]!;
    scaled += masses[i]! * Math.exp(-loss);
  }
  return mass <= delta ? 0 : Math.max(0, Math.log((mass - delta) / scaled));
}
