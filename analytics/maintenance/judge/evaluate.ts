/** How good chances are, held against what happened: ranking (AUC), calibration, Brier score and its skill. */
import { type Example, type HazardModel, probabilityBy } from "../model/hazard-model.ts";
import { fitLogistic, logit } from "../model/logistic.ts";
import { type Auc, aucOf, rocOf } from "./auc.ts";

export interface CalibrationBin {
  readonly examples: number;
  readonly predicted: number;
  readonly observed: number;
  /** Wilson's 95 % interval of what was observed. */
  readonly low: number;
  readonly high: number;
}

export interface Judgement extends Auc {
  readonly model: string;
  readonly examples: number;
  readonly failures: number;
  /** Mean chance that was told, and share that failed. */
  readonly predicted: number;
  readonly observed: number;
  readonly brier: number;
  /** 1 - Brier / Brier of always telling the observed share. */
  readonly brierSkill: number;
  /** Of a logistic regression of outcomes on the log-odds told: 1 and 0 are perfect. Absent where chances are all alike. */
  readonly slope?: number;
  readonly shift?: number;
  /** Mean distance of predicted and observed over the bins, by their size. */
  readonly calibrationError: number;
  readonly bins: readonly CalibrationBin[];
  readonly roc: ReturnType<typeof rocOf>;
}

const BINS = 10;
const Z95 = 1.959964;

export function judge(model: HazardModel, examples: readonly Example[]): Judgement {
  const chances = examples.map((example) => probabilityBy(model, example));
  return judgeChances(
    model.name,
    chances,
    examples.map(({ failed }) => failed),
  );
}

/** Throws RangeError where all or none failed. */
export function judgeChances(model: string, chances: readonly number[], hits: readonly boolean[]): Judgement {
  const examples = chances.length;
  const failures = hits.filter(Boolean).length;
  const auc = aucOf(chances, hits);
  const observed = failures / examples;
  const brier = chances.reduce((sum, chance, i) => sum + (chance - Number(hits[i])) ** 2, 0) / examples;
  const bins = binsOf(chances, hits);
  const off = bins.reduce((sum, bin) => sum + bin.examples * Math.abs(bin.predicted - bin.observed), 0);
  return {
    model,
    examples,
    failures,
    ...auc,
    predicted: chances.reduce((sum, chance) => sum + chance, 0) / examples,
    observed,
    brier,
    brierSkill: 1 - brier / (observed * (1 - observed)),
    ...recalibration(chances, hits),
    calibrationError: off / examples,
    bins,
    roc: rocOf(chances, hits),
  };
}

function recalibration(chances: readonly number[], hits: readonly boolean[]): { slope?: number; shift?: number } {
  const odds = chances.map((chance) => Float64Array.of(logit(Math.min(1 - 1e-12, Math.max(1e-12, chance)))));
  if (odds.every(([one]) => Math.abs(one! - odds[0]![0]!) < 1e-9)) return {};
  const { weights } = fitLogistic(odds, hits, 0);
  return { slope: weights[0]!, shift: weights[1]! };
}

/** Bins of equal numbers of examples, by the chance that was told. */
function binsOf(chances: readonly number[], hits: readonly boolean[]): CalibrationBin[] {
  const order = chances.map((_, i) => i).sort((a, b) => chances[a]! - chances[b]!);
  const bins = Math.min(BINS, order.length);
  return Array.from({ length: bins }, (_, bin) => {
    const part = order.slice(Math.floor((bin * order.length) / bins), Math.floor(((bin + 1) * order.length) / bins));
    const n = part.length;
    const observed = part.filter((i) => hits[i]).length / n;
    const predicted = part.reduce((sum, i) => sum + chances[i]!, 0) / n;
    const middle = (observed + Z95 ** 2 / (2 * n)) / (1 + Z95 ** 2 / n);
    const half = (Z95 / (1 + Z95 ** 2 / n)) * Math.sqrt((observed * (1 - observed)) / n + Z95 ** 2 / (4 * n * n));
    return { examples: n, predicted, observed, low: Math.max(0, middle - half), high: Math.min(1, middle + half) };
  });
}
