/** How far forecasts are from what came: sums that are added to slot by slot, and the figures that follow from them. */

export interface PointMetrics {
  readonly slots: number;
  /** Mean absolute and root mean square error in Wh per slot. */
  readonly maeWh: number;
  readonly rmseWh: number;
  /** Mean absolute error by the mean load. */
  readonly relative: number;
  /** Mean absolute error by the load itself; undefined where a part of the loads is near zero and it means nothing. */
  readonly mape: number | undefined;
}

export interface QuantileMetrics {
  /** Mean over slots and quantiles, in Wh per slot. */
  readonly pinballWh: number;
  /** Per quantile: the share of slots at or below it. */
  readonly coverage: readonly number[];
  /** The share between the outermost two. */
  readonly inside: number;
}

/** Loads below this part of the mean are near zero: dividing by them measures nothing. */
const NEAR_ZERO = 0.1;
/** With a larger share of such slots than this no MAPE is given. */
const FEW = 0.005;

/** Errors of point forecasts. */
export class PointErrors {
  private slots = 0;
  private absolute = 0;
  private squares = 0;
  private load = 0;
  private readonly pairs: { actual: number; error: number }[] = [];

  add(actualWh: number, forecastWh: number): void {
    const error = Math.abs(actualWh - forecastWh);
    this.slots += 1;
    this.absolute += error;
    this.squares += error * error;
    this.load += actualWh;
    this.pairs.push({ actual: actualWh, error });
  }

  metrics(): PointMetrics {
    const { slots, absolute, squares, load } = this;
    const least = (NEAR_ZERO * load) / slots;
    const small = this.pairs.filter(({ actual }) => actual < least).length;
    const mape = this.pairs.reduce((sum, { actual, error }) => sum + (actual < least ? 0 : error / actual), 0);
    return {
      slots,
      maeWh: absolute / slots,
      rmseWh: Math.sqrt(squares / slots),
      relative: absolute / load,
      mape: small > FEW * slots || load === 0 ? undefined : mape / (slots - small),
    };
  }
}

/** Errors of probabilistic forecasts. */
export class QuantileErrors {
  private readonly quantiles: readonly number[];
  private slots = 0;
  private pinball = 0;
  private insideCount = 0;
  private readonly below: number[];

  constructor(quantiles: readonly number[]) {
    this.quantiles = quantiles;
    this.below = quantiles.map(() => 0);
  }

  /** `forecastWh`: one value per quantile, ascending. */
  add(actualWh: number, forecastWh: ArrayLike<number>): void {
    this.slots += 1;
    for (const [q, quantile] of this.quantiles.entries()) {
      const error = actualWh - forecastWh[q]!;
      this.pinball += Math.max(quantile * error, (quantile - 1) * error);
      if (error <= 0) this.below[q]! += 1;
    }
    if (actualWh >= forecastWh[0]! && actualWh <= forecastWh[this.quantiles.length - 1]!) this.insideCount += 1;
  }

  metrics(): QuantileMetrics {
    const { slots, pinball, below, insideCount, quantiles } = this;
    return {
      pinballWh: pinball / (slots * quantiles.length),
      coverage: below.map((count) => count / slots),
      inside: insideCount / slots,
    };
  }
}

/** What a forecast gains on another: 1 is perfect, 0 is no better, below 0 is worse. */
export function skill(maeWh: number, referenceWh: number): number {
  return 1 - maeWh / referenceWh;
}
