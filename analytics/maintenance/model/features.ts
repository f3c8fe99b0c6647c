/** From the weeks of an asset to what a model looks at, and to examples with what came after. */
import { type AssetHistory, type Measure, weekCount, WEEKS_PER_YEAR } from "../history/history.ts";
import { type Example, type Features, PERIOD_WEEKS, type Situation } from "./hazard-model.ts";

/** Levels are means over so many weeks; trends compare them with a year earlier, so that the season is the same. */
const LEVEL_WEEKS = 12;
const TREND_WEEKS = 52;
/** Weeks of history without which nothing is said. */
export const LEAST_WEEKS = TREND_WEEKS + LEVEL_WEEKS;
const LEAST_LIFE = 1e-5;

/** What is known when `at` weeks have passed. Throws RangeError for fewer than 64, or more than there are. */
export function situationAt(history: AssetHistory, at: number): Situation {
  if (!(at >= LEAST_WEEKS && at <= weekCount(history))) {
    throw new RangeError(`at: expected ${LEAST_WEEKS} to ${weekCount(history)} weeks of ${history.asset}, got ${at}`);
  }
  const { weeks, kind } = history;
  const ageYears = history.ageYears + at / WEEKS_PER_YEAR;
  const now = (value: (week: number) => number): number => meanOver(at - LEVEL_WEEKS, at, value);
  const before = (value: (week: number) => number): number =>
    meanOver(at - TREND_WEEKS - LEVEL_WEEKS, at - TREND_WEEKS, value);
  // As far back as the record goes, in the same season.
  const years = TREND_WEEKS * Math.floor((at - LEVEL_WEEKS) / TREND_WEEKS);
  const first = (value: (week: number) => number): number => meanOver(at - years - LEVEL_WEEKS, at - years, value);
  const read =
    (measure: Measure) =>
    (week: number): number =>
      weeks[measure][week]!;
  const excess = (week: number): number => weeks.temperature_c[week]! - weeks.expected_c[week]!;
  // A core hums at any load and a winding with the square of the current; wind does not ask for the load of a line.
  const excited = (week: number): number => (kind === "transformer" ? 1 + weeks.load_mean[week]! ** 2 : 1);
  const shaken = (week: number): number => Math.log(weeks.vibration_mm_s[week]! / excited(week));
  const lost = (week: number): number => 100 * Math.log(weeks.loss_ratio[week]!);
  const levels = { temperature: now(excess), vibration: now(shaken), losses: now(lost) };
  const watched = weeks.life_used.slice(0, at).reduce((sum, used) => sum + used, 0);
  // What was consumed before it was watched is taken to have gone at the same pace.
  const life = (watched * ageYears) / (at / WEEKS_PER_YEAR);
  const features: Features = {
    age: Math.log(1 + ageYears),
    life: Math.log(LEAST_LIFE + life),
    load: meanOver(0, at, read("load_peak")),
    ...levels,
    temperature_trend: levels.temperature - before(excess),
    vibration_trend: levels.vibration - before(shaken),
    losses_trend: levels.losses - before(lost),
    temperature_since: levels.temperature - first(excess),
    vibration_since: levels.vibration - first(shaken),
    losses_since: levels.losses - first(lost),
  };
  return { kind, ageYears, features: finite(features) };
}

/** A sensor that was silent for weeks tells nothing: its features are those of an asset without a fault. */
function finite(features: Features): Features {
  return Object.fromEntries(
    Object.entries(features).map(([name, value]) => [name, Number.isFinite(value) ? value : 0]),
  ) as Features;
}

function meanOver(from: number, to: number, value: (week: number) => number): number {
  let [sum, count] = [0, 0];
  for (let week = from; week < to; week++) {
    const one = value(week);
    if (Number.isNaN(one)) continue;
    sum += one;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/**
 * An example for each half year of each history whose end was seen: failed in it, or watched through all of it.
 * `hazards`, which only a simulation has, gives each its true chance.
 */
export function examplesOf(
  watched: readonly { readonly history: AssetHistory; readonly hazards?: readonly number[] }[],
): Example[] {
  return watched.flatMap(({ history, hazards }) => {
    const found: Example[] = [];
    const weeks = weekCount(history);
    for (let at = LEAST_WEEKS; at < weeks; at += PERIOD_WEEKS) {
      const ends = at + PERIOD_WEEKS;
      const failed = history.failed && weeks <= ends;
      if (!failed && weeks < ends) break;
      const truth = hazards === undefined ? {} : { truth: trueChance(hazards.slice(at, ends), failed) };
      found.push({ asset: history.asset, ...situationAt(history, at), failed, ...truth });
    }
    return found;
  });
}

function trueChance(hazards: readonly number[], failed: boolean): number {
  const sum = hazards.reduce((total, hazard) => total + hazard, 0);
  // A failure ends the record; the rest of the half year would have gone on at the pace of its last week.
  const rest = failed ? (PERIOD_WEEKS - hazards.length) * hazards.at(-1)! : 0;
  return 1 - Math.exp(-sum - rest);
}
