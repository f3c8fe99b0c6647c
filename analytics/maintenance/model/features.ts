/** From the weeks of an asset to what a model looks at, and to examples with what came after. */
import { type AssetHistory, type Measure, weekCount, WEEKS_PER_YEAR } from "../history/history.ts";
import { type Example, type Features, PERIOD_WEEKS, type Situation } from "./hazard-model.ts";

/** Levels are means over so many weeks. */
const LEVEL_WEEKS = 12;
/** Weeks of history without which nothing is said: all seasons, and a level. */
export const LEAST_WEEKS = 52 + LEVEL_WEEKS;
/** Weeks in which a fault doubles, as a rule: the shape that is looked for in a record. */
const DOUBLING_WEEKS = 52;
const LEAST_LIFE = 1e-5;

/** What is known when `at` weeks have passed. Throws RangeError for fewer than 64, or more than there are. */
export function situationAt(history: AssetHistory, at: number): Situation {
  if (!(at >= LEAST_WEEKS && at <= weekCount(history))) {
    throw new RangeError(`at: expected ${LEAST_WEEKS} to ${weekCount(history)} weeks of ${history.asset}, got ${at}`);
  }
  const { weeks, kind } = history;
  const ageYears = history.ageYears + at / WEEKS_PER_YEAR;
  const now = (value: OfWeek): number => meanOver(at - LEVEL_WEEKS, at, value);
  // 1 now, a half a year ago: what a fault that began in the record has added, whatever the sensor's own offset.
  const grown = (week: number): number => 2 ** ((week + 0.5 - at) / DOUBLING_WEEKS);
  const read =
    (measure: Measure) =>
    (week: number): number =>
      weeks[measure][week]!;
  const excess = (week: number): number => weeks.temperature_c[week]! - weeks.expected_c[week]!;
  // A bad joint and a clogged cooler heat with the load as the conductor does: by a share of its rise.
  const rise = (week: number): number => weeks.expected_c[week]! - weeks.ambient_c[week]!;
  // A core hums at any load and a winding with the square of the current; wind does not ask for the load of a line.
  const excited = (week: number): number => (kind === "transformer" ? 1 + weeks.load_mean[week]! ** 2 : 1);
  const shaken = (week: number): number => Math.log(weeks.vibration_mm_s[week]! / excited(week));
  const lost = (week: number): number => 100 * Math.log(weeks.loss_ratio[week]!);
  const watched = weeks.life_used.slice(0, at).reduce((sum, used) => sum + used, 0);
  // What was consumed before it was watched is taken to have gone at the same pace.
  const life = (watched * ageYears) / (at / WEEKS_PER_YEAR);
  const features: Features = {
    age: Math.log(1 + ageYears),
    life: Math.log(LEAST_LIFE + life),
    load: meanOver(0, at, read("load_peak")),
    temperature: shareOver(at - LEVEL_WEEKS, at, rise, excess),
    temperature_growth: slopeOver(at, (week) => rise(week) * grown(week), excess),
    vibration: now(shaken),
    vibration_growth: slopeOver(at, grown, shaken),
    losses: now(lost),
    losses_growth: slopeOver(at, grown, lost),
  };
  return { kind, ageYears, features: finite(features) };
}

/** A sensor that was silent for weeks tells nothing: its features are those of an asset without a fault. */
function finite(features: Features): Features {
  return Object.fromEntries(
    Object.entries(features).map(([name, value]) => [name, Number.isFinite(value) ? value : 0]),
  ) as Features;
}

function meanOver(from: number, to: number, value: OfWeek): number {
  let [sum, count] = [0, 0];
  for (let week = from; week < to; week++) {
    const one = value(week);
    if (Number.isNaN(one)) continue;
    sum += one;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
}

type OfWeek = (week: number) => number;

/** Least squares of `value` = share x `base`: weeks in which the base is large count most. */
function shareOver(from: number, to: number, base: OfWeek, value: OfWeek): number {
  let [products, squares] = [0, 0];
  for (let week = from; week < to; week++) {
    const [x, y] = [base(week), value(week)];
    if (Number.isNaN(y)) continue;
    products += x * y;
    squares += x * x;
  }
  return products / squares;
}

/** Least squares of `value` = constant + slope x `shape` over all weeks before `to`. */
function slopeOver(to: number, shape: OfWeek, value: OfWeek): number {
  let [count, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (let week = 0; week < to; week++) {
    const [one, seen] = [shape(week), value(week)];
    if (Number.isNaN(seen)) continue;
    count += 1;
    x += one;
    y += seen;
    xx += one * one;
    xy += one * seen;
  }
  return (xy - (x * y) / count) / (xx - (x * x) / count);
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
