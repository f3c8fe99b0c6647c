/**
 * Failures by age alone: Weibull's distribution for each kind, by maximum likelihood on half years that were survived or
 * not (left-truncated, interval-censored), which is what a record without sensors allows.
 */
import { type Kind, KINDS } from "../history/history.ts";
import { type Example, type HazardModel, PERIODS_PER_YEAR, type Situation } from "./hazard-model.ts";
import { solveSymmetric } from "./logistic.ts";

export interface WeibullFit {
  readonly shape: number;
  readonly scaleYears: number;
}

const STEP_YEARS = 1 / PERIODS_PER_YEAR;
const MOST_STEPS = 200;

/** Cumulative hazard that half a year adds at an age. */
function added({ shape, scaleYears }: WeibullFit, age: number): number {
  return ((age + STEP_YEARS) / scaleYears) ** shape - (age / scaleYears) ** shape;
}

/** Throws RangeError where none failed. */
export function fitWeibull(ages: readonly number[], failed: readonly boolean[]): WeibullFit {
  if (!failed.some(Boolean)) throw new RangeError(`examples: expected some that failed, got none of ${ages.length}`);
  const loss = ([lnShape, lnScale]: readonly [number, number]): number => {
    const fit = { shape: Math.exp(lnShape), scaleYears: Math.exp(lnScale) };
    let sum = 0;
    for (const [i, age] of ages.entries()) {
      const hazard = added(fit, age);
      sum -= failed[i] ? Math.log(Math.max(-Math.expm1(-hazard), 1e-300)) : -hazard;
    }
    return sum;
  };
  let at: [number, number] = [Math.log(1.5), Math.log(50)];
  let best = loss(at);
  let damping = 1;
  for (let step = 0; step < MOST_STEPS && damping < 1e12; step++) {
    const { gradient, curvature } = derivatives(loss, at);
    curvature[0]![0]! += damping;
    curvature[1]![1]! += damping;
    let move: Float64Array;
    try {
      move = solveSymmetric(curvature, gradient);
    } catch {
      damping *= 10; // not convex there: a shorter step
      continue;
    }
    const next: [number, number] = [at[0] - move[0]!, at[1] - move[1]!];
    const reached = loss(next);
    if (!(reached < best)) {
      if (Math.hypot(move[0]!, move[1]!) < 1e-8) break;
      damping *= 10;
      continue;
    }
    [at, best, damping] = [next, reached, damping / 5];
  }
  return { shape: Math.exp(at[0]), scaleYears: Math.exp(at[1]) };
}

function derivatives(loss: (at: readonly [number, number]) => number, [x, y]: readonly [number, number]) {
  const h = 1e-4;
  const middle = loss([x, y]);
  const [right, left, up, down] = [loss([x + h, y]), loss([x - h, y]), loss([x, y + h]), loss([x, y - h])];
  const mixed = loss([x + h, y + h]) - right - up + middle;
  return {
    gradient: Float64Array.of((right - left) / (2 * h), (up - down) / (2 * h)),
    curvature: [
      Float64Array.of((right - 2 * middle + left) / h ** 2, 0),
      Float64Array.of(mixed / h ** 2, (up - 2 * middle + down) / h ** 2),
    ],
  };
}

export class WeibullAge implements HazardModel {
  readonly name = "age only (Weibull)";
  readonly fits = new Map<Kind, WeibullFit>();

  fit(examples: readonly Example[]): void {
    for (const kind of KINDS) {
      const own = examples.filter((example) => example.kind === kind);
      if (own.length === 0) continue;
      const fit = fitWeibull(
        own.map(({ ageYears }) => ageYears),
        own.map(({ failed }) => failed),
      );
      this.fits.set(kind, fit);
    }
  }

  probability({ kind, ageYears }: Situation): number {
    const fit = this.fits.get(kind);
    if (fit === undefined) throw new RangeError(`model ${this.name}: has not learned from a ${kind}`);
    return -Math.expm1(-added(fit, ageYears));
  }
}
