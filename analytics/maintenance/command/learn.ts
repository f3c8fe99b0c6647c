/** `simulate`, `fit` and `evaluate`. */
import { writeFileSync } from "node:fs";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { createProgress, renderTable } from "../../../config/runtime/terminal.ts";
import {
  type AssetHistory,
  type Example,
  examplesOf,
  historiesCsv,
  importModel,
  judge,
  judgeChances,
  type Judgement,
  loadTrained,
  readHistories,
  saveTrained,
  SimulatedFleet,
  train,
  type Trained,
  untrained,
  WEEKS_PER_YEAR,
} from "../index.ts";
import { countWithin, fileOf, seedsOf, within } from "./request.ts";

const UNTRAINED_DRAWS = 20;
const UNSEEN = [11, 12, 13];
type Watched = readonly { readonly history: AssetHistory; readonly hazards?: readonly number[] }[];

/** A fleet of the flags' size and years, lived through. */
function lived({ options, json, signal }: RoleContext, seed: number): Watched {
  const fleet = new SimulatedFleet({
    seed,
    transformers: countWithin(options, "transformers", 0, 10_000, 400),
    lines: countWithin(options, "lines", 0, 10_000, 200),
  });
  const weeks = Math.round(within(options, "years", 1.5, 30, 5) * WEEKS_PER_YEAR);
  const bar = createProgress({ label: `weeks of seed ${seed}`, total: weeks, silent: json });
  while (fleet.week < weeks && !signal.aborted) {
    fleet.live();
    bar.update(fleet.week);
  }
  bar.stop();
  return fleet.watched();
}

export function runSimulate(context: RoleContext): number {
  const { options, json } = context;
  const out = fileOf(options, "out", "simulate");
  const seed = countWithin(options, "seed", 0, 2 ** 31, 1);
  const histories = lived(context, seed).map(({ history }) => history);
  if (context.signal.aborted) return EXIT.interrupted;
  writeFileSync(out, historiesCsv(histories));
  const failures = histories.filter(({ failed }) => failed).length;
  const summary = { file: out, seed, histories: histories.length, failures, simulated: true };
  process.stdout.write(
    json
      ? `${JSON.stringify(summary)}\n`
      : `${out}: ${histories.length} assets, of which ${failures} failed. All of it is simulated (seed ${seed}).\n`,
  );
  return EXIT.ok;
}

/** Ten for each of the few features that matter, which is what the field asks for at least (Peduzzi et al. 1996). */
const TELLING_FAILURES = 40;

export function runFit({ options, json }: RoleContext): number {
  const [file, other] = [fileOf(options, "histories", "fit"), fileOf(options, "calibration", "fit")];
  const out = fileOf(options, "out", "fit");
  if (file === other) throw new UsageError("--calibration: expected another fleet than --histories");
  const [learned, calibration] = [readHistories(file), readHistories(other)];
  const asWatched = (histories: readonly AssetHistory[]): Watched => histories.map((history) => ({ history }));
  const trained = train(examplesOf(asWatched(learned)), examplesOf(asWatched(calibration)));
  const simulated = [...learned, ...calibration].some((history) => history.simulated);
  saveTrained(out, trained, simulated);
  const kinds = [...trained.model.fits].map(([kind, fit]) => ({ kind, ...fit }));
  if (json) process.stdout.write(`${JSON.stringify({ file: out, trainedOnSimulated: simulated, kinds })}\n`);
  else {
    const told = kinds.map(({ kind, examples, failures }) => `${kind}s: ${examples} half years, ${failures} failures`);
    process.stdout.write(`${out}: ${told.join("; ")}${simulated ? "; from simulated histories" : ""}.\n`);
    const poor = kinds.filter(({ failures }) => failures < TELLING_FAILURES).map(({ kind }) => `${kind}s`);
    if (poor.length > 0) {
      process.stdout.write(
        `Fewer than ${TELLING_FAILURES} failures tell little: more histories would help ${poor.join(" and ")}.\n`,
      );
    }
  }
  return EXIT.ok;
}

/** The model that the flags name; `--own` takes the place of the hazard, the drift stays that of `--model`. */
export async function trainedOf({ options }: RoleContext, verb: string): Promise<Trained> {
  const trained = loadTrained(fileOf(options, "model", verb));
  const own = options["own"] as string | undefined;
  return own === undefined ? trained : { ...trained, model: await importModel(own) };
}

export async function runEvaluate(context: RoleContext): Promise<number> {
  const { options, json } = context;
  const own = options["own"] as string | undefined;
  if (own !== undefined && options["model"] !== undefined) throw new UsageError("evaluate: --model or --own, not both");
  const model = own === undefined ? loadTrained(fileOf(options, "model", "evaluate")).model : await importModel(own);
  const file = options["histories"] as string | undefined;
  const watched: Watched =
    file === undefined
      ? seedsOf(options, UNSEEN).flatMap((seed) => lived(context, seed))
      : readHistories(file).map((history) => ({ history }));
  if (context.signal.aborted) return EXIT.interrupted;
  const examples = examplesOf(watched);
  const judged = judge(model, examples);
  const truth = truthOf(examples);
  const draws = Array.from({ length: UNTRAINED_DRAWS }, (_, i) => judge(untrained(i + 1), examples).auc);
  const chance = { draws: UNTRAINED_DRAWS, ...spread(draws) };
  const simulated = watched.some(({ history }) => history.simulated);
  if (json) {
    process.stdout.write(`${JSON.stringify({ simulated, model: judged, untrained: chance, bestPossible: truth })}\n`);
    return EXIT.ok;
  }
  const row = (one: Judgement): string[] => [
    one.model,
    `${one.auc.toFixed(3)} (${one.low.toFixed(3)} to ${one.high.toFixed(3)})`,
    one.brierSkill.toFixed(3),
    one.slope?.toFixed(2) ?? "",
    one.calibrationError.toFixed(4),
  ];
  const { mean, least, most } = chance;
  const rows = [
    row(judged),
    [`untrained, ${UNTRAINED_DRAWS} draws`, `${mean.toFixed(3)} (${least.toFixed(3)} to ${most.toFixed(3)})`],
    ...(truth === undefined ? [] : [row(truth)]),
  ];
  const curve = judged.bins.map((bin) => [
    percent(bin.predicted),
    percent(bin.observed),
    `${percent(bin.low)} to ${percent(bin.high)}`,
    bin.examples,
  ]);
  const origin = simulated ? "simulated" : "watched";
  process.stdout.write(
    `${examples.length} half years of ${origin} assets, ${judged.failures} ended in a failure.\n` +
      `${renderTable(["model", "AUC (95 %)", "Brier skill", "slope", "calibration error"], rows)}\n` +
      `${renderTable(["told", "failed", "95 %", "half years"], curve)}\n`,
  );
  return EXIT.ok;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

function truthOf(examples: readonly Example[]): Judgement | undefined {
  const truths = examples.flatMap(({ truth }) => (truth === undefined ? [] : [truth]));
  if (truths.length < examples.length) return undefined;
  return judgeChances(
    "the true hazard",
    truths,
    examples.map(({ failed }) => failed),
  );
}

function spread(values: readonly number[]): { mean: number; least: number; most: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, least: Math.min(...values), most: Math.max(...values) };
}
