/**
 * The models that come with the project: a discrete-time logistic hazard per kind of asset, calibrated on a fleet of its
 * own; Weibull by age alone; and one with weights drawn at random, which has learned nothing.
 */
import { SeededRandom } from "../../grid/random.ts";
import { type Kind, KINDS } from "../history/history.ts";
import { type Example, type Feature, FEATURES, type HazardModel, type Situation } from "./hazard-model.ts";
import { fitLogistic, logit, score, sigmoid } from "./logistic.ts";

/** What is fitted for one kind of asset; plain data, as it lies in a file. */
export interface KindFit {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  /** Of each column of `columnsOf`, and the bias. */
  readonly weights: readonly number[];
  /** Log-odds are multiplied by the first and moved by the second (Platt). */
  readonly calibration: readonly [slope: number, shift: number];
  readonly examples: number;
  readonly failures: number;
}

/** Features whose high end matters more than their low one get a second slope beyond one deviation. */
const BENT = FEATURES.map((name, i) => ({ name, i })).filter(({ name }) => !["age", "load"].includes(name));

/** Chances are never told closer to 0 or 1 than this. */
const LEAST_CHANCE = 1e-6;

function columnsOf({ features }: Situation, { mean, deviation }: Pick<KindFit, "mean" | "deviation">): Float64Array {
  const row = new Float64Array(FEATURES.length + BENT.length);
  for (const [i, name] of FEATURES.entries()) row[i] = (features[name] - mean[i]!) / deviation[i]!;
  for (const [k, { i }] of BENT.entries()) row[FEATURES.length + k] = Math.max(0, row[i]! - 1);
  return row;
}

export class LogisticHazard implements HazardModel {
  readonly name: string = "logistic";
  readonly #fits: Map<Kind, KindFit>;
  readonly #ridge: number;

  constructor({ fits, ridge = 20 }: { fits?: Iterable<readonly [Kind, KindFit]>; ridge?: number } = {}) {
    this.#fits = new Map(fits);
    this.#ridge = ridge;
  }

  get fits(): ReadonlyMap<Kind, KindFit> {
    return this.#fits;
  }

  /** Weights of one kind, with the bias. */
  get parameters(): number {
    return FEATURES.length + BENT.length + 1;
  }

  fit(examples: readonly Example[]): void {
    for (const kind of KINDS) {
      const own = examples.filter((example) => example.kind === kind);
      if (own.length === 0) continue;
      const scale = scaleOf(own);
      const { weights } = fitLogistic(
        own.map((example) => columnsOf(example, scale)),
        own.map(({ failed }) => failed),
        this.#ridge,
      );
      const failures = own.filter(({ failed }) => failed).length;
      this.#fits.set(kind, { ...scale, weights: [...weights], calibration: [1, 0], examples: own.length, failures });
    }
  }

  /** Platt's scaling on examples that were not learned from. A kind without failures among them stays as it is. */
  calibrate(examples: readonly Example[]): void {
    for (const [kind, fit] of this.#fits) {
      const own = examples.filter((example) => example.kind === kind);
      if (!own.some(({ failed }) => failed)) continue;
      const plain = own.map((one) => Float64Array.of(score(Float64Array.from(fit.weights), columnsOf(one, fit))));
      const { weights } = fitLogistic(
        plain,
        own.map(({ failed }) => failed),
        0,
      );
      this.#fits.set(kind, { ...fit, calibration: [weights[0]!, weights[1]!] });
    }
  }

  probability(situation: Situation): number {
    const fit = this.#fits.get(situation.kind);
    if (fit === undefined) throw new RangeError(`model logistic: has not learned from a ${situation.kind}`);
    const [slope, shift] = fit.calibration;
    const chance = sigmoid(slope * score(Float64Array.from(fit.weights), columnsOf(situation, fit)) + shift);
    return Math.min(1 - LEAST_CHANCE, Math.max(LEAST_CHANCE, chance));
  }
}

function scaleOf(examples: readonly Example[]): { mean: number[]; deviation: number[] } {
  const mean = FEATURES.map(
    (name) => examples.reduce((sum, { features }) => sum + features[name], 0) / examples.length,
  );
  const deviation = FEATURES.map((name, i) => {
    const squares = examples.reduce((sum, { features }) => sum + (features[name] - mean[i]!) ** 2, 0);
    return Math.sqrt(squares / examples.length) || 1;
  });
  return { mean, deviation };
}

/** As it is before it learns: weights drawn at random, the chance of a half year set to `typical`. */
export function untrained(seed: number, typical = 0.02): LogisticHazard {
  const random = new SeededRandom(seed);
  // The scale that features have in simulated fleets; without one the largest would decide alone.
  const usual: Partial<Record<Feature, readonly [mean: number, deviation: number]>> = {
    age: [3, 0.7],
    life: [-4, 3],
    load: [0.75, 0.25],
    vibration: [0.3, 0.4],
    vibration_growth: [0, 0.3],
    temperature: [0, 0.1],
    temperature_growth: [0, 0.1],
  };
  const mean = FEATURES.map((name) => usual[name]?.[0] ?? 0);
  const deviation = FEATURES.map((name) => usual[name]?.[1] ?? 2);
  const weights = [
    ...Array.from({ length: FEATURES.length + BENT.length }, () => 0.3 * random.normal()),
    logit(typical),
  ];
  const fit: KindFit = { mean, deviation, weights, calibration: [1, 0], examples: 0, failures: 0 };
  return new LogisticHazard({ fits: KINDS.map((kind) => [kind, fit] as const) });
}
