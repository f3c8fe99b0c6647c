/** Maintenance: a model trained on simulated fleets, judged on fleets of other seeds, and what its plans cost there. */
import {
  everyYears,
  type Example,
  examplesOf,
  judge,
  judgeChances,
  type Judgement,
  KINDS,
  type Outcome,
  planned,
  RUN_TO_FAILURE,
  runPolicy,
  SimulatedFleet,
  train,
  untrained,
  WeibullAge,
} from "../analytics/maintenance/index.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

const LEARNED = [1, 4];
const CALIBRATED = [2, 5];
const UNSEEN = [11, 12, 13, 14, 15];
const DRAWS = 20;
const WEEKS = 260;
const HOURS_PER_WEEK = 40;

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const [transformers, lines] = quick ? [150, 75] : [400, 200];
  const seeds = quick ? UNSEEN.slice(0, 2) : UNSEEN;
  const policies = 5;
  const bar = createProgress({
    label: "fleets",
    total: LEARNED.length + CALIBRATED.length + seeds.length * (1 + policies),
    silent: json,
  });
  let done = 0;
  const watch = (seed: number) => {
    const fleet = new SimulatedFleet({ seed, transformers, lines });
    while (fleet.week < WEEKS) fleet.live();
    bar.update(++done);
    return examplesOf(fleet.watched());
  };
  const learned = LEARNED.flatMap(watch);
  const trained = train(learned, CALIBRATED.flatMap(watch));
  const age = new WeibullAge();
  age.fit(learned);
  const examples = seeds.flatMap(watch);
  const best = (name: string, of: readonly Example[]): Judgement =>
    judgeChances(
      name,
      of.map(({ truth }) => truth!),
      of.map((one) => one.failed),
    );
  const byKind = KINDS.flatMap((kind) => {
    const own = examples.filter((one) => one.kind === kind);
    const named = { ...judge(trained.model, own), model: `${trained.model.name}, ${kind}s alone` };
    return [named, best(`true hazard, ${kind}s alone`, own)];
  });
  const judged = [judge(trained.model, examples), judge(age, examples), best("true hazard", examples), ...byKind];
  const draws = Array.from({ length: DRAWS }, (_, i) => judge(untrained(i + 1), examples).auc);
  const chance = draws.reduce((sum, auc) => sum + auc, 0) / DRAWS;
  const outcomes: (Outcome & { seed: number })[] = [];
  for (const seed of seeds) {
    const comparison = {
      plan: { seed: seed + 10, transformers: transformers / 2, lines: lines / 2 },
      weeks: 156,
      hoursPerWeek: HOURS_PER_WEEK,
    };
    for (const policy of [
      RUN_TO_FAILURE,
      everyYears(2),
      everyYears(4),
      everyYears(8),
      planned(trained, HOURS_PER_WEEK),
    ]) {
      outcomes.push({ seed: seed + 10, ...runPolicy(comparison, policy) });
      bar.update(++done);
    }
  }
  bar.stop();
  if (!json) print(judged, chance, outcomes);
  return {
    simulated: true,
    learned: LEARNED,
    calibrated: CALIBRATED,
    unseen: seeds,
    judged,
    untrainedAuc: chance,
    outcomes,
  };
}

function print(judged: readonly Judgement[], chance: number, outcomes: readonly Outcome[]): void {
  const rows = judged.map((one) => [
    one.model,
    `${one.auc.toFixed(3)} (${one.low.toFixed(3)} to ${one.high.toFixed(3)})`,
    one.brierSkill.toFixed(3),
    one.slope?.toFixed(2),
    one.calibrationError.toFixed(4),
  ]);
  rows.push(["untrained, mean", chance.toFixed(3), undefined, undefined, undefined]);
  process.stdout.write(`${figuresTable(["model", "AUC (95 %)", "Brier skill", "slope", "calibration error"], rows)}\n`);
  const names = [...new Set(outcomes.map(({ policy }) => policy))];
  const costs = names.map((name) => {
    const own = outcomes.filter(({ policy }) => policy === name);
    const mean = (read: (one: Outcome) => number): string =>
      figure(own.reduce((sum, one) => sum + read(one), 0) / own.length);
    return [name, mean(({ cost }) => cost), mean(({ failures }) => failures), mean(({ crewHours }) => crewHours)];
  });
  process.stdout.write(`${figuresTable(["policy, means of fleets", "EUR", "failures", "crew hours"], costs)}\n`);
}
