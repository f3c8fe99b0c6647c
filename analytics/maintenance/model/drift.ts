/**
 * How an asset goes on, as assets like it went on: what sensors will show in half a year, from level and growth, by least
 * squares for each kind. With it a hazard of the next half year becomes a survival curve, and that a remaining life.
 */
import { type Kind, KINDS } from "../history/history.ts";
import { type Example, type HazardModel, PERIODS_PER_YEAR, probabilityBy, type Situation } from "./hazard-model.ts";
import { solveSymmetric } from "./logistic.ts";

const SENSED = ["temperature", "vibration", "losses"] as const;
type Sensed = (typeof SENSED)[number];

interface Course {
  /** Change in half a year: constant, per level, per growth. */
  readonly coefficients: readonly number[];
  readonly least: number;
  readonly most: number;
  /** The middle of the fleet: what a sensor shows where nothing is wrong. */
  readonly usual: number;
}

export type DriftFit = Readonly<Record<Sensed, Course>> & {
  /** Chance that faults add which nobody can see yet, by half years ahead; the last holds for all later ones. */
  readonly emerging: readonly number[];
};

const MOST_AHEAD = 6;

export class Drift {
  readonly fits: Map<Kind, DriftFit>;

  constructor(fits: Iterable<readonly [Kind, DriftFit]> = []) {
    this.fits = new Map(fits);
  }

  /** `examples` of an asset follow one another, as `examplesOf` gives them. */
  fit(examples: readonly Example[]): void {
    for (const kind of KINDS) {
      const own = examples.filter((example) => example.kind === kind);
      if (own.length === 0) continue;
      const course = (sensed: Sensed): readonly [Sensed, Course] => [sensed, courseOf(own, sensed)];
      this.fits.set(kind, { ...(Object.fromEntries(SENSED.map(course)) as Record<Sensed, Course>), emerging: [0] });
    }
  }

  /** Learns what a model's forecasts for later half years miss on average: faults that have not begun. */
  fitEmerging(model: HazardModel, examples: readonly Example[]): void {
    for (const [kind, fit] of this.fits) {
      const own = examples.filter((example) => example.kind === kind);
      const missed = Array.from({ length: MOST_AHEAD }, () => ({ sum: 0, count: 0 }));
      for (const [i, origin] of own.entries()) {
        let at: Situation = origin;
        for (let ahead = 1; ahead < MOST_AHEAD && own[i + ahead]?.asset === origin.asset; ahead++) {
          at = this.later(at);
          missed[ahead]!.sum += Number(own[i + ahead]!.failed) - probabilityBy(model, at);
          missed[ahead]!.count += 1;
        }
      }
      const seen = missed.filter(({ count }, ahead) => ahead === 0 || count > 0);
      const emerging = seen.map(({ sum, count }) => (count === 0 ? 0 : Math.max(0, sum / count)));
      this.fits.set(kind, { ...fit, emerging });
    }
  }

  /** What to add to the chance of a half year that lies `ahead` of now. */
  emerging(kind: Kind, ahead: number): number {
    const { emerging } = this.#of(kind);
    return emerging[Math.min(ahead, emerging.length - 1)]!;
  }

  /** Half a year later, if nothing is done and it does not fail. */
  later(situation: Situation): Situation {
    const { kind, features } = situation;
    const ageYears = situation.ageYears + 1 / PERIODS_PER_YEAR;
    const moved: Record<string, number> = {};
    for (const sensed of SENSED) {
      const { coefficients, least, most } = this.#of(kind)[sensed];
      const [level, growth] = [features[sensed], features[`${sensed}_growth`]];
      const [constant, perLevel, perGrowth] = coefficients;
      const reached = level + constant! + perLevel! * level + perGrowth! * growth;
      moved[sensed] = Math.min(Math.max(reached, least), Math.max(most, level));
      // What a level gains is what its fault gains: sensors keep their offsets.
      moved[`${sensed}_growth`] = moved[sensed] - level + growth;
    }
    // Life goes on at its pace so far: consumption is proportional to age.
    const life = features.life + Math.log(ageYears / Math.max(situation.ageYears, 0.25));
    return { kind, ageYears, features: { ...features, ...moved, age: Math.log(1 + ageYears), life } };
  }

  /** As a service leaves it: sensors show what is usual, nothing trends; it is as old as before. */
  serviced({ kind, ageYears, features }: Situation): Situation {
    const usual = Object.fromEntries(
      SENSED.flatMap((sensed) => [
        [sensed, Math.min(features[sensed], this.#of(kind)[sensed].usual)],
        [`${sensed}_growth`, 0],
      ]),
    );
    return { kind, ageYears, features: { ...features, ...usual } };
  }

  /** As a new one of the same load, half a year old. */
  renewed(situation: Situation): Situation {
    const ageYears = 1 / PERIODS_PER_YEAR;
    const { kind, features } = this.serviced(situation);
    const life = features.life + Math.log(ageYears / Math.max(situation.ageYears, ageYears));
    return { kind, ageYears, features: { ...features, age: Math.log(1 + ageYears), life } };
  }

  #of(kind: Kind): DriftFit {
    const fit = this.fits.get(kind);
    if (fit === undefined) throw new RangeError(`drift: has not learned from a ${kind}`);
    return fit;
  }
}

function courseOf(examples: readonly Example[], sensed: Sensed): Course {
  const matrix = Array.from({ length: 3 }, () => new Float64Array(3));
  const right = new Float64Array(3);
  for (let i = 1; i < examples.length; i++) {
    const [before, after] = [examples[i - 1]!, examples[i]!];
    if (before.asset !== after.asset) continue;
    const row = [1, before.features[sensed], before.features[`${sensed}_growth`]];
    const change = after.features[sensed] - before.features[sensed];
    for (let a = 0; a < 3; a++) {
      right[a]! += row[a]! * change;
      for (let b = 0; b <= a; b++) matrix[a]![b]! += row[a]! * row[b]!;
    }
  }
  for (let a = 0; a < 3; a++) matrix[a]![a]! += 1e-6;
  const levels = examples.map(({ features }) => features[sensed]).sort((a, b) => a - b);
  return {
    coefficients: [...solveSymmetric(matrix, right)],
    least: levels[0]!,
    most: levels.at(-1)!,
    usual: levels[levels.length >> 1]!,
  };
}

/** Chance to fail in each of the next half years, given that it gets there. */
export function hazardsAhead(model: HazardModel, drift: Drift, from: Situation, periods: number): number[] {
  const chances: number[] = [];
  for (let at = from; chances.length < periods; at = drift.later(at)) {
    chances.push(Math.min(1, probabilityBy(model, at) + drift.emerging(from.kind, chances.length)));
  }
  return chances;
}

export interface RemainingLife {
  /** Years until so many of such assets have failed; undefined when beyond 60. */
  readonly tenth: number | undefined;
  readonly median: number | undefined;
  readonly nineTenths: number | undefined;
}

const MOST_YEARS = 60;

/** Remaining useful life: the middle and the 80 % interval of when it fails if nothing is done. */
export function remainingLife(model: HazardModel, drift: Drift, from: Situation): RemainingLife {
  const hazards = hazardsAhead(model, drift, from, MOST_YEARS * PERIODS_PER_YEAR);
  const until = (share: number): number | undefined => {
    let alive = 1;
    for (const [i, chance] of hazards.entries()) {
      const next = alive * (1 - chance);
      if (1 - next >= share) return (i + (alive - (1 - share)) / (alive - next)) / PERIODS_PER_YEAR;
      alive = next;
    }
    return undefined;
  };
  return { tenth: until(0.1), median: until(0.5), nineTenths: until(0.9) };
}
