/**
 * Every number of the household model that somebody may want to change, with its default. Figures are typical values
 * of central European homes, chosen by us; where one follows a source the comment says so.
 */

export interface LoadModelOptions {
  /** Yearly consumption of a home without heat pump and car: log-normal with this mean and sigma of the logarithm. */
  readonly annualKwhMean: number;
  readonly annualKwhSigma: number;
  /** Fridge and freezer, uniform between the two, and never more than `fridgeMaxShare` of the home. */
  readonly fridgeKwhRange: readonly [number, number];
  readonly fridgeMaxShare: number;
  /** Share of days on which nobody is at home, and what remains of the other loads then. */
  readonly awayShare: number;
  readonly awayLevel: number;
  /** Sigma of the logarithm of a home's level from day to day and from quarter hour to quarter hour. */
  readonly dayLevelSigma: number;
  readonly quarterNoiseSigma: number;
  /** Up to this much (relative) a home leans to evenings or to mornings. */
  readonly eveningTilt: number;
  readonly heatPumpShare: number;
  /** Heat loss in W per kelvin below the heating limit, and heat for hot water in W. */
  readonly heatLossWPerKRange: readonly [number, number];
  readonly heatingLimitC: number;
  readonly hotWaterW: number;
  readonly evShare: number;
  readonly evSessionsPerDay: number;
  readonly evSessionKwhMean: number;
  readonly evSessionKwhSigma: number;
  readonly evChargerW: readonly number[];
  readonly pvShare: number;
  readonly pvPeakWRange: readonly [number, number];
  /** Electricity per horizontal irradiation, for tilt, temperature and inverter together. */
  readonly pvYieldRange: readonly [number, number];
  /** The place: for the sun and the temperature. Degrees north and east. */
  readonly latitude: number;
  readonly longitude: number;
  /** Yearly mean of the outdoor temperature, seasonal and daily swing (amplitudes), spread of the daily weather. */
  readonly temperatureMeanC: number;
  readonly temperatureSeasonC: number;
  readonly temperatureDayC: number;
  readonly temperatureWeatherC: number;
  /** Feeders are spread over this many regions; homes of one region share the weather. */
  readonly regions: number;
}

const DEFAULT_LOAD_MODEL: LoadModelOptions = {
  annualKwhMean: 3500,
  annualKwhSigma: 0.45,
  fridgeKwhRange: [150, 400],
  fridgeMaxShare: 0.13,
  awayShare: 0.05,
  awayLevel: 0.4,
  dayLevelSigma: 0.2,
  quarterNoiseSigma: 0.35,
  eveningTilt: 0.3,
  heatPumpShare: 0.12,
  heatLossWPerKRange: [120, 260],
  heatingLimitC: 15,
  hotWaterW: 250,
  evShare: 0.15,
  evSessionsPerDay: 0.45,
  evSessionKwhMean: 13,
  evSessionKwhSigma: 0.5,
  evChargerW: [3700, 7400, 11_000],
  pvShare: 0.2,
  pvPeakWRange: [3000, 10_000],
  pvYieldRange: [0.78, 1.02],
  latitude: 51.5,
  longitude: 9.9,
  temperatureMeanC: 10,
  temperatureSeasonC: 9.5,
  temperatureDayC: 4,
  temperatureWeatherC: 3.5,
  regions: 1,
};

type Check = readonly [name: keyof LoadModelOptions, low: number, high: number];

const SHARES = ["fridgeMaxShare", "awayShare", "awayLevel", "heatPumpShare", "evShare", "pvShare"] as const;
// A larger fridge share or tilt could push the remaining load below zero in the small hours.
const CHECKS: readonly Check[] = [
  ...SHARES.map((name): Check => [name, 0, name === "fridgeMaxShare" ? 0.15 : 1]),
  ["annualKwhMean", 100, 100_000],
  ["annualKwhSigma", 0, 2],
  ["dayLevelSigma", 0, 2],
  ["quarterNoiseSigma", 0, 2],
  ["eveningTilt", 0, 1],
  ["hotWaterW", 0, 10_000],
  ["evSessionsPerDay", 0, 1],
  ["evSessionKwhMean", 2, 50],
  ["evSessionKwhSigma", 0, 2],
  ["latitude", -90, 90],
  ["longitude", -180, 180],
  ["regions", 1, 10_000],
];

/** Fills in the defaults; throws RangeError naming the option that is out of its range. */
export function loadModel(overrides: Partial<LoadModelOptions> = {}): LoadModelOptions {
  const options = { ...DEFAULT_LOAD_MODEL, ...overrides };
  for (const [name, low, high] of CHECKS) {
    const value = options[name] as number;
    if (!(value >= low && value <= high)) throw new RangeError(`${name}: expected ${low} to ${high}, got ${value}`);
  }
  if (options.awayShare > 0.5) throw new RangeError(`awayShare: expected at most 0.5, got ${options.awayShare}`);
  if (!options.evChargerW.every((watts) => watts >= 3600)) {
    // A session must be over before the car comes home again.
    throw new RangeError(`evChargerW: expected at least 3600 each, got ${options.evChargerW.join(", ")}`);
  }
  if (options.evChargerW.length === 0) throw new RangeError("evChargerW: expected at least one charger, got none");
  return options;
}
