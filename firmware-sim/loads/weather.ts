/**
 * Weather of a region, one day at a time, from the seed alone: clear-sky irradiance thinned by the day's clouds, and
 * outdoor temperature. Days are correlated with their neighbours by a moving average over per-day draws, so that any
 * day can be computed without the days before it.
 */
import { QUARTERS_PER_DAY } from "./h0.ts";
import type { LoadModelOptions } from "./model-options.ts";
import { type Name, nameOf, PURPOSES, type Purpose, RandomStream } from "./random.ts";

/** Weather of one UTC day by quarter hour. */
export interface WeatherDay {
  /** Global horizontal irradiance in W/m2, mean over the quarter hour; zero while the sun is down throughout. */
  readonly irradiance: Float64Array;
  readonly temperatureC: Float64Array;
  /** Share of the sky covered, 0 to 1, over the day. */
  readonly cloudCover: number;
}

const RADIANS = Math.PI / 180;
const WEIGHTS = [0.25, 0.5, 1, 0.5, 0.25];
const WEIGHTS_NORM = Math.sqrt(WEIGHTS.reduce((sum, w) => sum + w * w, 0));

/**
 * Cosine of the sun's zenith angle at a time (Unix seconds) and place (degrees). Declination and equation of time by
 * Spencer's series (1971), good to a fraction of a degree.
 */
export function cosZenith(time: number, latitude: number, longitude: number): number {
  const startOfYear = Date.UTC(new Date(time * 1000).getUTCFullYear(), 0, 1) / 1000;
  const angle = (2 * Math.PI * (time - startOfYear)) / (365.2422 * 86_400);
  const declination =
    0.006918 -
    0.399912 * Math.cos(angle) +
    0.070257 * Math.sin(angle) -
    0.006758 * Math.cos(2 * angle) +
    0.000907 * Math.sin(2 * angle) -
    0.002697 * Math.cos(3 * angle) +
    0.00148 * Math.sin(3 * angle);
  const equationMinutes =
    229.18 *
    (0.000075 +
      0.001868 * Math.cos(angle) -
      0.032077 * Math.sin(angle) -
      0.014615 * Math.cos(2 * angle) -
      0.040849 * Math.sin(2 * angle));
  const solarMinutes = (time % 86_400) / 60 + 4 * longitude + equationMinutes;
  const hourAngle = (solarMinutes / 4 - 180) * RADIANS;
  const phi = latitude * RADIANS;
  return Math.sin(phi) * Math.sin(declination) + Math.cos(phi) * Math.cos(declination) * Math.cos(hourAngle);
}

/** Clear-sky global horizontal irradiance in W/m2 by Haurwitz (1945), from the cosine of the zenith angle. */
export function clearSkyIrradiance(cosine: number): number {
  return cosine <= 0 ? 0 : 1098 * cosine * Math.exp(-0.059 / cosine);
}

/** What clouds leave of the irradiance: Kasten and Czeplak (1980), cover from 0 to 1. */
export function cloudFactor(cover: number): number {
  return 1 - 0.75 * cover ** 3.4;
}

/** The weather of one region; `day` is the number of days since 1970-01-01, UTC. */
export class RegionWeather {
  private readonly seed: Name;
  private readonly region: Name;
  private readonly options: LoadModelOptions;
  private readonly stream = new RandomStream();

  constructor(seed: Name, region: number, options: LoadModelOptions) {
    this.seed = seed;
    this.region = nameOf(`region ${region}`);
    this.options = options;
  }

  day(day: number): WeatherDay {
    const { latitude, longitude, temperatureMeanC, temperatureSeasonC, temperatureDayC, temperatureWeatherC } =
      this.options;
    // A logistic curve of a wide normal: many grey and some clear days, fewer between; 70 % covered on average.
    const cloudCover = 1 / (1 + Math.exp(-(1.2 + 1.8 * this.smoothNormal(day, PURPOSES.cloud))));
    const weatherC = temperatureWeatherC * this.smoothNormal(day, PURPOSES.temperature);
    const stream = this.stream.enter(this.seed, this.region, day, PURPOSES.cloudInDay);
    const irradiance = new Float64Array(QUARTERS_PER_DAY);
    const temperatureC = new Float64Array(QUARTERS_PER_DAY);
    const dayOfYear = (day * 86_400 - Date.UTC(new Date(day * 86_400_000).getUTCFullYear(), 0, 1) / 1000) / 86_400;
    // The coldest day is around 20 January in the north, half a year later in the south.
    const seasonC = -Math.sign(latitude) * temperatureSeasonC * Math.cos((2 * Math.PI * (dayOfYear - 20)) / 365.25);
    for (let quarter = 0; quarter < QUARTERS_PER_DAY; quarter += 1) {
      const time = day * 86_400 + quarter * 900;
      let clear = 0;
      for (const offset of [150, 450, 750]) clear += clearSkyIrradiance(cosZenith(time + offset, latitude, longitude));
      // Broken skies change quickly; a clear or a closed one hardly.
      const wobble = 1.2 * cloudCover * (1 - cloudCover) * stream.between(-1, 1);
      irradiance[quarter] = (clear / 3) * cloudFactor(Math.min(1, Math.max(0, cloudCover + wobble)));
      const solarHour = ((time + 450) / 3600 + longitude / 15) % 24;
      temperatureC[quarter] =
        temperatureMeanC + seasonC + weatherC + temperatureDayC * Math.cos((2 * Math.PI * (solarHour - 15)) / 24);
    }
    return { irradiance, temperatureC, cloudCover };
  }

  /** A standard normal of the day, correlated with the two days before and after. */
  private smoothNormal(day: number, purpose: Purpose): number {
    let sum = 0;
    for (const [k, weight] of WEIGHTS.entries()) {
      sum += weight * this.stream.enter(this.seed, this.region, day + k - 2, purpose).normal();
    }
    return sum / WEIGHTS_NORM;
  }
}
