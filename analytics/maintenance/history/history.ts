/** What is known of an asset: one row a week, from sensors and from the thermal model. Nothing hidden is in it. */

export const KINDS = ["transformer", "line"] as const;
export type Kind = (typeof KINDS)[number];

/** The columns of a week that are numbers; NaN where a sensor said nothing. */
export const MEASURES = [
  "load_mean",
  "load_peak",
  "ambient_c",
  "temperature_c",
  "expected_c",
  "vibration_mm_s",
  "loss_ratio",
  "life_used",
] as const;
export type Measure = (typeof MEASURES)[number];

/** Least and largest value of each, and whether a week may be without it. */
export const RANGES: Readonly<Record<Measure, { min: number; max: number; optional: boolean }>> = {
  load_mean: { min: 0, max: 5, optional: false },
  load_peak: { min: 0, max: 5, optional: false },
  ambient_c: { min: -60, max: 70, optional: false },
  temperature_c: { min: -60, max: 400, optional: true },
  expected_c: { min: -60, max: 400, optional: false },
  vibration_mm_s: { min: 1e-6, max: 1_000, optional: true },
  loss_ratio: { min: 0.01, max: 100, optional: true },
  life_used: { min: 0, max: 10, optional: false },
};

/** The life of one asset as far as it was watched. Its weeks follow one another without a gap. */
export interface AssetHistory {
  readonly asset: string;
  readonly kind: Kind;
  /** Age when the first week began. */
  readonly ageYears: number;
  /** Monday of the first week: days since 1970-01-01. */
  readonly firstDay: number;
  /** By measure, a value for each week. */
  readonly weeks: Readonly<Record<Measure, number[]>>;
  /** Whether it failed in its last week; otherwise it was still in service. */
  failed: boolean;
  readonly simulated: boolean;
}

export const WEEKS_PER_YEAR = 365.25 / 7;

export function weekCount({ weeks }: AssetHistory): number {
  return weeks.load_mean.length;
}

export function emptyWeeks(): Record<Measure, number[]> {
  return Object.fromEntries(MEASURES.map((measure) => [measure, [] as number[]])) as Record<Measure, number[]>;
}
