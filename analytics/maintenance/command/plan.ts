/** `schedule` and `compare`. */
import { EXIT, type RoleContext } from "../../../config/runtime/role-command.ts";
import { createProgress, renderTable } from "../../../config/runtime/terminal.ts";
import {
  efficiencyTrend,
  everyYears,
  HORIZON,
  jobOf,
  LEAST_WEEKS,
  type Outcome,
  PERIOD_WEEKS,
  planned,
  readHistories,
  remainingLife,
  RUN_TO_FAILURE,
  runPolicy,
  schedule,
  situationAt,
  weekCount,
  WEEKS_PER_YEAR,
} from "../index.ts";
import { probabilityBy } from "../model/hazard-model.ts";
import { trainedOf } from "./learn.ts";
import { countWithin, fileOf, seedsOf, within } from "./request.ts";

const SHOWN = 25;
const FIXED_YEARS = [2, 4, 8];

export async function runSchedule(context: RoleContext): Promise<number> {
  const { options, json } = context;
  const file = fileOf(options, "histories", "schedule");
  const weeks = countWithin(options, "weeks", 1, PERIOD_WEEKS, PERIOD_WEEKS);
  const hoursPerWeek = within(options, "hours", 0, 100_000, 40);
  const trained = await trainedOf(context, "schedule");
  const inService = readHistories(file).filter(({ failed }) => !failed);
  const known = inService.filter((history) => weekCount(history) >= LEAST_WEEKS);
  const situations = known.map((history) => situationAt(history, weekCount(history)));
  const jobs = known.map(({ asset }, i) => jobOf(asset, situations[i]!, trained, undefined, { ...HORIZON, weeks }));
  const plan = schedule(jobs, { weeks, hoursPerWeek });
  const assets = known.map((history, i) => {
    const option = jobs[i]!.options[plan.chosen[i]!]!;
    const situation = situations[i]!;
    return {
      asset: history.asset,
      kind: history.kind,
      simulated: history.simulated,
      chance: probabilityBy(trained.model, situation),
      remainingYears: remainingLife(trained.model, trained.drift, situation),
      losses: efficiencyTrend(history),
      action: option.action,
      week: option.action === undefined ? undefined : option.week + 1,
      saves: jobs[i]!.options[0]!.cost - option.cost,
    };
  });
  const undone = jobs.reduce((sum, job) => sum + job.options[0]!.cost, 0);
  const unjudged = inService.length - known.length;
  const { chosen: _, ...figures } = plan;
  if (json) {
    process.stdout.write(
      `${JSON.stringify({ ...figures, hoursPerWeek, horizonYears: HORIZON.periods / 2, nothingDone: undone, unjudged, assets })}\n`,
    );
    return EXIT.ok;
  }
  const due = assets
    .filter(({ action }) => action !== undefined)
    .sort((a, b) => a.week! - b.week! || b.saves - a.saves);
  const years = (value: number | undefined): string => (value === undefined ? "over 60" : value.toFixed(1));
  const rows = due
    .slice(0, SHOWN)
    .map(({ asset, action, week, chance, remainingYears, losses, saves }) => [
      week,
      asset,
      action,
      `${(100 * chance).toFixed(1)} %`,
      `${years(remainingYears.median)} (${years(remainingYears.tenth)} to ${years(remainingYears.nineTenths)})`,
      `${losses.lossRatio.toFixed(2)} (${(losses.perYear >= 0 ? "+" : "") + losses.perYear.toFixed(3)})`,
      Math.round(saves),
    ]);
  const head = ["week", "asset", "work", "fails in 26 weeks", "years left (80 %)", "losses (a year)", "saves EUR"];
  const more = due.length > SHOWN ? `${due.length - SHOWN} more; --json lists all.\n` : "";
  const proved = plan.optimal ? "proved to be the least" : `at most ${(100 * plan.gap).toFixed(2)} % above the least`;
  process.stdout.write(
    `${renderTable(head, rows)}\n${more}` +
      `Expected over ${HORIZON.periods / 2} years: ${Math.round(plan.cost)} EUR (${proved}); nothing done: ${Math.round(undone)} EUR.\n` +
      `${due.length} of ${known.length} assets are due, ${Math.round(plan.hours.reduce((a, b) => a + b, 0))} crew hours.` +
      (unjudged > 0 ? ` ${unjudged} have fewer than ${LEAST_WEEKS} weeks of history and are not judged.` : "") +
      `${known.some(({ simulated }) => simulated) ? " Histories are simulated." : ""}\n`,
  );
  return EXIT.ok;
}

export async function runCompare(context: RoleContext): Promise<number> {
  const { options, json, signal } = context;
  const trained = await trainedOf(context, "compare");
  const [transformers, lines] = [
    countWithin(options, "transformers", 0, 10_000, 200),
    countWithin(options, "lines", 0, 10_000, 100),
  ];
  const weeks = Math.round(within(options, "years", 0.5, 30, 3) * WEEKS_PER_YEAR);
  const hoursPerWeek = within(options, "hours", 0, 100_000, 40);
  const seeds = seedsOf(options, [11, 12, 13]);
  const policies = [
    () => RUN_TO_FAILURE,
    ...FIXED_YEARS.map((years) => () => everyYears(years)),
    () => planned(trained, hoursPerWeek),
  ];
  const bar = createProgress({ label: "fleets", total: seeds.length * policies.length, silent: json });
  const outcomes: (Outcome & { readonly seed: number })[] = [];
  for (const seed of seeds) {
    for (const policy of policies) {
      if (signal.aborted) return EXIT.interrupted;
      const plan = { seed, transformers, lines };
      outcomes.push({ seed, ...runPolicy({ plan, weeks, hoursPerWeek }, policy()) });
      bar.update(outcomes.length);
    }
  }
  bar.stop();
  if (json) {
    process.stdout.write(`${JSON.stringify({ simulated: true, seeds, weeks, hoursPerWeek, outcomes })}\n`);
    return EXIT.ok;
  }
  const rows = outcomes.slice(0, policies.length).map(({ policy }) => {
    const own = outcomes.filter((one) => one.policy === policy);
    const sum = (read: (one: Outcome) => number): number =>
      Math.round(own.reduce((total, one) => total + read(one), 0));
    return [
      policy,
      sum((one) => one.cost),
      ...[...own.map((one) => one.cost)].map(Math.round),
      sum((one) => one.failures),
      sum((one) => one.services),
      sum((one) => one.replacements),
      sum((one) => one.crewHours),
    ];
  });
  const head = ["policy", "EUR", ...seeds.map((seed) => `seed ${seed}`), "failures", "services", "replaced", "hours"];
  process.stdout.write(
    `${renderTable(head, rows)}\n` +
      `${transformers} transformers and ${lines} lines a fleet, ${weeks} weeks, ${hoursPerWeek} crew hours a week. All of it is simulated.\n`,
  );
  return EXIT.ok;
}
