/**
 * Temperatures and ageing of an oil-immersed transformer after IEC 60076-7: the difference equations of top oil and hot
 * spot, the relative ageing rate of the paper, and the loss of life. Load in p.u. of the rated current, degrees Celsius.
 */

/** Parameters of IEC 60076-7 (clause 8.2 and its table of thermal characteristics). */
export interface TransformerThermal {
  /** Top oil above ambient at rated losses, in K. */
  readonly oilRiseK: number;
  /** Hot spot above top oil at rated current, in K. */
  readonly hotSpotGradientK: number;
  /** Load losses at rated current over no-load losses. */
  readonly lossRatio: number;
  readonly oilExponent: number;
  readonly windingExponent: number;
  readonly oilMinutes: number;
  readonly windingMinutes: number;
  readonly k11: number;
  readonly k21: number;
  readonly k22: number;
}

/** Small distribution transformers, cooled by nature: 98 degC at rated load and 20 degC, where the standard's rate is 1. */
export const DISTRIBUTION: TransformerThermal = {
  oilRiseK: 55,
  hotSpotGradientK: 23,
  lossRatio: 5,
  oilExponent: 0.8,
  windingExponent: 1.6,
  oilMinutes: 180,
  windingMinutes: 4,
  k11: 1,
  k21: 1,
  k22: 2,
};

/** Medium and large power transformers, cooled by nature (ONAN). */
export const POWER_ONAN: TransformerThermal = {
  oilRiseK: 52,
  hotSpotGradientK: 26,
  lossRatio: 6,
  oilExponent: 0.8,
  windingExponent: 1.3,
  oilMinutes: 210,
  windingMinutes: 10,
  k11: 0.5,
  k21: 2,
  k22: 2,
};

export type Paper = "ordinary" | "upgraded";

/** Hours of normal ageing until paper reaches a degree of polymerisation of 200 (the standard's 150,000 h). */
export const NORMAL_LIFE_HOURS = 150_000;

/** Ageing relative to normal: doubles with each 6 K and is 1 at 98 degC; for upgraded paper Arrhenius, 1 at 110 degC. */
export function ageingRate(hotSpotC: number, paper: Paper = "ordinary"): number {
  if (paper === "ordinary") return 2 ** ((hotSpotC - 98) / 6);
  return Math.exp(15_000 / (110 + 273) - 15_000 / (hotSpotC + 273));
}

export interface Temperatures {
  readonly oilC: number;
  readonly hotSpotC: number;
}

/** Where a constant load settles. Throws RangeError for a load below 0. */
export function settled(thermal: TransformerThermal, load: number, ambientC: number): Temperatures {
  if (!(load >= 0)) throw new RangeError(`load: expected 0 or more, got ${load}`);
  const oilC = ambientC + oilRise(thermal, load);
  return { oilC, hotSpotC: oilC + gradient(thermal, load) };
}

function oilRise({ oilRiseK, lossRatio, oilExponent }: TransformerThermal, load: number): number {
  return oilRiseK * ((1 + load * load * lossRatio) / (1 + lossRatio)) ** oilExponent;
}

function gradient({ hotSpotGradientK, windingExponent }: TransformerThermal, load: number): number {
  return hotSpotGradientK * load ** windingExponent;
}

/**
 * The transformer's temperatures as time passes. Each step solves the standard's three first-order equations exactly for
 * a load and an ambient that are constant in it, so that steps may be longer than half of the shortest time constant.
 */
export class TransformerTemperatures {
  readonly #thermal: TransformerThermal;
  #oilC: number;
  #fastK: number;
  #slowK: number;
  #hours = Number.NaN;
  #oilLeft = 0;
  #fastLeft = 0;
  #slowLeft = 0;

  /** Starts settled at `load` and `ambientC`. */
  constructor(thermal: TransformerThermal, load: number, ambientC: number) {
    this.#thermal = thermal;
    this.#oilC = settled(thermal, load, ambientC).oilC;
    const rise = gradient(thermal, load);
    this.#fastK = thermal.k21 * rise;
    this.#slowK = (thermal.k21 - 1) * rise;
  }

  get oilC(): number {
    return this.#oilC;
  }

  get hotSpotC(): number {
    return this.#oilC + this.#fastK - this.#slowK;
  }

  /** Throws RangeError for a load or time below 0. */
  step(load: number, ambientC: number, hours: number): void {
    if (!(load >= 0)) throw new RangeError(`load: expected 0 or more, got ${load}`);
    if (!(hours >= 0)) throw new RangeError(`hours: expected 0 or more, got ${hours}`);
    const { oilMinutes, windingMinutes, k11, k21, k22 } = this.#thermal;
    if (hours !== this.#hours) {
      this.#hours = hours;
      const left = (minutes: number): number => Math.exp((-60 * hours) / minutes);
      this.#oilLeft = left(k11 * oilMinutes);
      this.#fastLeft = left(k22 * windingMinutes);
      this.#slowLeft = left(oilMinutes / k22);
    }
    const rise = gradient(this.#thermal, load);
    const oil = ambientC + oilRise(this.#thermal, load);
    this.#oilC = oil + (this.#oilC - oil) * this.#oilLeft;
    this.#fastK = k21 * rise + (this.#fastK - k21 * rise) * this.#fastLeft;
    this.#slowK = (k21 - 1) * rise + (this.#slowK - (k21 - 1) * rise) * this.#slowLeft;
  }
}

/** Share of the normal life that hours at these hot spots cost. */
export function lossOfLife(hotSpotsC: readonly number[], hoursEach: number, paper: Paper = "ordinary"): number {
  return (hotSpotsC.reduce((sum, hotSpotC) => sum + ageingRate(hotSpotC, paper), 0) * hoursEach) / NORMAL_LIFE_HOURS;
}
