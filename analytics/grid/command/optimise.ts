/** `grid optimise`, `grid train` and `grid evaluate`: the switches of a radial feeder. */
import { writeFileSync } from "node:fs";
import { EXIT, type RoleContext, UsageError } from "../../../config/runtime/role-command.ts";
import { type Cell, createProgress, type Progress, renderTable } from "../../../config/runtime/terminal.ts";
import { openBackend } from "../../../learning/index.ts";
import {
  type Answer,
  branchAndBound,
  branchExchange,
  compare,
  comparePaths,
  decide,
  exact,
  FAMILIES,
  FeederProblem,
  fixed,
  gapOf,
  type Grid,
  MOST_FLOWS,
  randomSearch,
  readWeights,
  type Reference,
  referenceOf,
  SHIPPED_PATH_WEIGHTS,
  shippedWeights,
  weightsText,
} from "../index.ts";
import { trainPaths } from "../optimise/routing/train.ts";
import { train } from "../optimise/train.ts";
import type { Task } from "../optimise/weights-file.ts";
import { chosenGrid, fixedOf, goalOf, listOf } from "./goal.ts";
import { countOf, numberOf, wordOf } from "./request.ts";

type Options = RoleContext["options"];
const METHODS = ["policy", "exchange", "random", "exact", "bound"] as const;
/** Seeds of `grid evaluate`. */
const SEEDS = [1, 2, 3, 4, 5];
/** Trees that `grid evaluate` enumerates for a scenario: some seconds. */
const MOST_TREES = 100_000;
/** Flags that make other weights: they belong to the command that trains them again. */
const TOLD = ["task", "load-scale", "assumed-ratings", "risk-weight", "violation-weight", "v-min", "v-max"];

function weightsOf(options: Options, { name }: Grid) {
  const task = taskOf(options);
  const shipped = task === "paths" ? SHIPPED_PATH_WEIGHTS : shippedWeights(name);
  return readWeights((options["weights"] as string | undefined) ?? shipped, task).weights;
}

function taskOf(options: Options): Task {
  return wordOf(options, "task", ["switches", "paths"], "switches");
}

export function runOptimise({ options, json }: RoleContext, [name]: readonly string[]): number {
  const grid = chosenGrid(name, options);
  const switches = fixedOf(options);
  const open = listOf(options, "open");
  const method = wordOf(options, "method", METHODS, "policy");
  const problem = new FeederProblem(grid, goalOf(options), switches);
  const opened = new Set(open);
  const start = problem.graph.nearest(grid.branches.map(({ id, closed }) => (open ? !opened.has(id) : closed)));
  const flows = countOf(options, "flows", MOST_FLOWS);
  const before = fixed(problem, start);
  const weights = method === "policy" ? weightsOf(options, grid) : undefined;
  let progress: Progress | undefined;
  const onTrees = (done: number, total: number): void => {
    progress ??= createProgress({ label: "trees", total, silent: json });
    progress.update(done);
  };
  const from = performance.now();
  const find: Readonly<Record<(typeof METHODS)[number], () => Answer | undefined>> = {
    policy: () => decide(problem, start, weights!, { mostFlows: flows }),
    exchange: () => branchExchange(problem, start),
    random: () => randomSearch(problem, flows, numberOf(options, "seed", 1)),
    exact: () => exact(problem, undefined, onTrees),
    bound: () => branchAndBound(problem, start),
  };
  const answer = find[method]();
  if (answer === undefined)
    throw new UsageError(
      `--method: ${grid.name} has too many trees, or for bound generation, for ${method} to prove the best (exchange)`,
    );
  const milliseconds = performance.now() - from;
  const proved: Reference["proof"] | undefined =
    method === "exact" ? "enumeration" : method === "bound" ? "bound" : undefined;
  const known =
    proved === undefined ? referenceOf(problem, [start, answer.closed], { onTrees }) : { ...answer, proof: proved };
  progress?.stop();
  const { best, gapPercent } = gapOf(answer.cost, known);
  // Beside what is open now: what is to be done.
  const now = grid.branches.map(({ id, closed }) => (open ? !opened.has(id) : closed));
  const changed = (from: boolean, to: 0 | 1): number[] =>
    grid.branches.flatMap(({ id }, i) => (now[i] === from && answer.closed[i] === to ? [id] : []));
  const report = {
    ...{ grid: grid.name, method, flows: answer.flows, milliseconds },
    open: [...problem.graph.openOf(answer.closed).map((i) => grid.branches[i]!.id), ...(switches.keepOpen ?? [])].sort(
      (a, b) => a - b,
    ),
    ...{ toOpen: changed(true, 0), toClose: changed(false, 1) },
    ...{ broken: switches.broken ?? [], cutOff: problem.graph.cutOff },
    before: figuresOf(before),
    after: figuresOf(answer),
    reference: {
      kind: known.proof === "best known" ? "best known" : "certified",
      ...{ proof: known.proof, cost: best, gapPercent, flows: known.flows },
    },
  };
  process.stdout.write(json ? `${JSON.stringify(report)}\n` : `${shown(report)}\n`);
  return Number.isFinite(answer.cost) ? EXIT.ok : EXIT.failed;
}

function figuresOf({ cost, lossKw, risk, violation, leastVoltagePu }: Answer) {
  return { cost, lossKw, risk, violation, leastVoltagePu };
}

function shown(report: {
  grid: string;
  method: string;
  flows: number;
  milliseconds: number;
  open: number[];
  toOpen: number[];
  toClose: number[];
  cutOff: readonly number[];
  before: ReturnType<typeof figuresOf>;
  after: ReturnType<typeof figuresOf>;
  reference: { kind: string; proof: string; cost: number; gapPercent: number; flows: number };
}): string {
  const { before, after, reference } = report;
  const change = (of: keyof typeof before, digits: number): string =>
    `${before[of].toFixed(digits)} -> ${after[of].toFixed(digits)}`;
  return renderTable(
    ["what", "result"],
    [
      ["grid", report.grid],
      ["to be opened", report.toOpen.join(", ") || "none"],
      ["to be closed", report.toClose.join(", ") || "none"],
      ["open then", report.open.join(", ")],
      ["losses kW", change("lossKw", 4)],
      ["risk", change("risk", 3)],
      ["violation", change("violation", 3)],
      ["least voltage p.u.", change("leastVoltagePu", 4)],
      ["cost kW", change("cost", 4)],
      [`${reference.kind} optimum`, `${reference.cost.toFixed(4)} kW, gap ${reference.gapPercent.toFixed(3)} %`],
      ["spent", `${report.method}: ${report.flows} power flows, ${report.milliseconds.toFixed(1)} ms`],
      ["the optimum spent", `${reference.proof}: ${reference.flows} power flows`],
      ...(report.cutOff.length > 0 ? [["cut off", `buses ${report.cutOff.join(", ")}`]] : []),
    ],
  );
}

export async function runTrain({ options, json, signal }: RoleContext, [name]: readonly string[]): Promise<number> {
  const out = options["out"] as string | undefined;
  if (out === undefined) throw new UsageError("train: expected --out with the file of the weights");
  const grid = chosenGrid(name, options);
  const task = taskOf(options);
  const [updates, seed] = [countOf(options, "updates", 150), numberOf(options, "seed", 1)];
  const backend = await openBackend({ only: "wasm" });
  const progress = createProgress({ label: "updates", total: updates, silent: json });
  let last = Number.NaN;
  const plan = {
    ...{ grid, seed, updates, signal, goal: goalOf(options), learningRate: 0.01 },
    onUpdate: (update: number, share: number) => {
      last = share;
      progress.update(
        update,
        `cost ${(100 * share).toFixed(1)} % of the ${task === "paths" ? "best way's" : "start's"}`,
      );
    },
  };
  const weights = await (task === "paths"
    ? trainPaths(backend, plan)
    : train(backend, { ...plan, starts: startsOf(grid) }));
  progress.stop();
  const told = TOLD.map((flag) => {
    const value = options[flag.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
    return value === true ? ` --${flag}` : typeof value === "string" ? ` --${flag} ${value}` : "";
  }).join("");
  const command = `npm run grid -- train ${name ?? ""}${told} --updates ${updates} --seed ${seed} --out ${out}`;
  writeFileSync(out, weightsText(weights, { task, grid: grid.name, command, seed, updates }));
  if (json) process.stdout.write(`${JSON.stringify({ file: out, grid: grid.name, seed, updates, costShare: last })}\n`);
  return EXIT.ok;
}

/** From its own switches, and from the best ones: a policy must know when little is left to do. */
function startsOf(grid: Grid): Uint8Array[] {
  const problem = new FeederProblem(grid);
  const own = problem.graph.nearest(grid.branches.map(({ closed }) => closed));
  return [own, own, branchExchange(problem, own).closed];
}

export function runEvaluate({ options, json }: RoleContext, [name]: readonly string[]): number {
  const scenarios = countOf(options, "scenarios", 5);
  const grid = chosenGrid(name, options);
  const progress = createProgress({
    label: "scenarios",
    total: SEEDS.length * FAMILIES.length * scenarios,
    silent: json,
  });
  const compared = (taskOf(options) === "paths" ? comparePaths : compare)({
    ...{
      grid,
      weights: weightsOf(options, grid),
      goal: goalOf(options),
      seeds: SEEDS,
      scenarios,
      mostTrees: MOST_TREES,
    },
    onScenario: (done) => progress.update(done),
  });
  progress.stop();
  if (json) {
    process.stdout.write(`${JSON.stringify({ seeds: SEEDS, scenarios, ...compared })}\n`);
    return EXIT.ok;
  }
  const rows = compared.rows.map((row): Cell[] => [
    ...[row.family, row.reference, row.method, row.meanGapPercent.toFixed(2), row.maxGapPercent.toFixed(2)],
    row.seedGapPercent.map((gap) => gap.toFixed(2)).join(" to "),
    ...[row.meanFlows.toFixed(0), row.medianMilliseconds.toFixed(1), row.maxMilliseconds.toFixed(1)],
  ]);
  const head = [
    "family",
    "optimum",
    "method",
    "mean gap %",
    "max gap %",
    "of seeds",
    "power flows",
    "median ms",
    "max ms",
  ];
  const about = `Gaps in percent of the optimum's cost; ${scenarios} scenarios of each family and of seeds ${SEEDS.join(", ")}.`;
  process.stdout.write(`${renderTable(head, rows)}\n${about}\n`);
  return EXIT.ok;
}
