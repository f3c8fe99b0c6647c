/** Losses against the nameplate over the years: a straight line through the weeks, and the efficiency it means. */
import { type AssetHistory, type Kind, WEEKS_PER_YEAR } from "../history/history.ts";

/** Losses on the nameplate, as shares of the rating: without load, and what rated load adds. Typical figures. */
const NAMEPLATE: Readonly<Record<Kind, { readonly idle: number; readonly loaded: number }>> = {
  transformer: { idle: 0.0015, loaded: 0.0115 },
  line: { idle: 0, loaded: 0.03 },
};

export interface EfficiencyTrend {
  /** Losses over those of the nameplate at the same load, at the end of the line. */
  readonly lossRatio: number;
  /** Change of that per year, and its 95 % interval. */
  readonly perYear: number;
  readonly low: number;
  readonly high: number;
  /** At the mean load of the record: delivered over taken in, by the nameplate and now. */
  readonly nameplateEfficiency: number;
  readonly efficiency: number;
}

const Z95 = 1.959964;

/** Throws RangeError for fewer than three weeks with losses. */
export function efficiencyTrend({ asset, kind, weeks }: AssetHistory): EfficiencyTrend {
  const points = weeks.loss_ratio.flatMap((ratio, week) =>
    Number.isNaN(ratio) ? [] : [{ x: week / WEEKS_PER_YEAR, ratio }],
  );
  const n = points.length;
  if (n < 3) throw new RangeError(`${asset}: expected three weeks with losses or more, got ${n}`);
  const x = points.reduce((sum, point) => sum + point.x, 0) / n;
  const y = points.reduce((sum, point) => sum + point.ratio, 0) / n;
  const spread = points.reduce((sum, point) => sum + (point.x - x) ** 2, 0);
  const perYear = points.reduce((sum, point) => sum + (point.x - x) * (point.ratio - y), 0) / spread;
  const left = points.reduce((sum, point) => sum + (point.ratio - y - perYear * (point.x - x)) ** 2, 0) / (n - 2);
  const half = Z95 * Math.sqrt(left / spread);
  const lossRatio = y + perYear * (points.at(-1)!.x - x);
  const load = weeks.load_mean.reduce((sum, value) => sum + value, 0) / weeks.load_mean.length;
  const { idle, loaded } = NAMEPLATE[kind];
  const losses = idle + loaded * load * load;
  const efficiency = (ratio: number): number => load / (load + ratio * losses);
  return {
    ...{ lossRatio, perYear, low: perYear - half, high: perYear + half },
    ...{ nameplateEfficiency: efficiency(1), efficiency: efficiency(lossRatio) },
  };
}
