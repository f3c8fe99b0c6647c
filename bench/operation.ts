/**
 * A grid in operation, without the wires: from samples to the state that is published, how large that is, and how long the
 * policy takes to decide on the switches for its loads. All samples are simulated.
 */
import { loadavg } from "node:os";
import {
  bundledGrid,
  decide,
  FeederProblem,
  generateRadial,
  type Grid,
  readWeights,
  SHIPPED_WEIGHTS,
  withAssumedRatings,
} from "../analytics/grid/index.ts";
import { GridOperation } from "../analytics/grid/service/operation.ts";
import { stateOf } from "../analytics/grid/service/state.ts";
import { gridAt } from "../analytics/grid/service/tasks/optimise.ts";
import { topologyMessage } from "../analytics/grid/service/topology.ts";
import { configSchema } from "../config/schema.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

interface Times {
  readonly count: number;
  readonly median: number;
  readonly p99: number;
  readonly most: number;
}

interface Row {
  readonly grid: string;
  readonly badRate: number;
  /** Milliseconds: from samples to state; to lay out the problem of its loads and switches; to decide it. */
  readonly states: Times;
  readonly problems: Times;
  readonly decisions: Times;
  /** Of the largest state, as it is published. */
  readonly bytes: number;
  /** Scans by what is thought of their state. */
  readonly byStatus: Readonly<Record<string, number>>;
}

const SECONDS = 5;
const START = 1_736_899_200;
/** The first ones are compiled while they run, as those of a process that has just started. */
const WARMING = 5;
const BAD_RATE = 0.005;

export function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const loadBefore = loadavg();
  const cases: readonly (readonly [Grid, number, number])[] = [
    [bundledGrid("case33bw"), quick ? 50 : 500, 0],
    [bundledGrid("case33bw"), quick ? 50 : 500, BAD_RATE],
    [generateRadial({ nodes: 1_000, seed: 1 }), quick ? 5 : 100, 0],
    [generateRadial({ nodes: 1_000, seed: 1 }), quick ? 5 : 100, BAD_RATE],
  ];
  const bar = createProgress({ label: "scans", total: cases.reduce((sum, [, scans]) => sum + scans, 0), silent: json });
  let done = 0;
  const rows = cases.map(([grid, scans, badRate]) => operated(grid, scans, badRate, () => bar.update(++done)));
  bar.stop();
  const load = { before: loadBefore, after: loadavg() };
  if (!json) print(rows, load);
  return Promise.resolve({ badRate: BAD_RATE, secondsBetweenScans: SECONDS, rows, loadAverage: load });
}

function operated(grid: Grid, scans: number, badRate: number, onScan: () => void): Row {
  const settings = { ...configSchema.parse({}).grid, badRate };
  const plan = { grid: withAssumedRatings(grid), assumedRatings: true, shares: [], settings, slotSeconds: 900 };
  const operation = new GridOperation(plan);
  const topology = topologyMessage(plan);
  const { weights } = readWeights(SHIPPED_WEIGHTS);
  const [states, problems, decisions]: [number[], number[], number[]] = [[], [], []];
  const byStatus: Record<string, number> = {};
  let bytes = 0;
  for (let k = -WARMING; k < scans; k++) {
    const time = START + SECONDS * (k + WARMING);
    const outcome = operation.scan({ time, seconds: SECONDS, loads: [], released: [], faults: [] });
    const { believed, snapshot, milliseconds } = outcome;
    if (believed === undefined) throw new Error(`${grid.name}: a scan has no state`);
    const begun = performance.now();
    const problem = new FeederProblem(gridAt(plan.grid, snapshot), settings);
    const start = problem.graph.nearest(snapshot.closed);
    const laidOut = performance.now();
    decide(problem, start, weights);
    const decided = performance.now() - laidOut;
    if (k < 0) continue;
    problems.push(laidOut - begun);
    onScan();
    states.push(milliseconds);
    decisions.push(decided);
    byStatus[believed.status] = (byStatus[believed.status] ?? 0) + 1;
    const circumstances = { plan, topology, sequence: k + 1, slotStart: null, feeders: 0, switching: null };
    const state = stateOf(believed, outcome, { ...circumstances, publishedAt: time + milliseconds / 1_000 });
    bytes = Math.max(bytes, Buffer.byteLength(JSON.stringify(state)));
  }
  return {
    ...{ grid: grid.name, badRate, bytes, byStatus },
    ...{ states: timesOf(states), problems: timesOf(problems), decisions: timesOf(decisions) },
  };
}

function timesOf(values: readonly number[]): Times {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  return { count: sorted.length, median: at(0.5), p99: at(0.99), most: sorted.at(-1)! };
}

function print(rows: readonly Row[], { before, after }: Record<"before" | "after", readonly number[]>): void {
  const ms = (value: number): string => figure(value, value < 100 ? 1 : 0);
  const told = ({ median, p99, most }: Times): string[] => [ms(median), ms(p99), ms(most)];
  const lines = rows.map(({ grid, badRate, states, problems, decisions, bytes }) => [
    ...[`${grid}, ${badRate === 0 ? "good samples" : `one sample in ${1 / badRate} wrong`}`, figure(states.count)],
    ...[...told(states), ms(problems.median), ...told(decisions), figure(bytes / 1_024, 1)],
  ]);
  const head = ["grid", "scans", "state ms", "p99", "max", "problem ms", "decision ms", "p99", "max", "KiB of a state"];
  const load = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(", ");
  process.stdout.write(
    `${figuresTable(head, lines)}\nMedians, 99 % and the largest. Load average of 1, 5 and 15 minutes before: ${load(before)}; ` +
      `after: ${load(after)}.\n`,
  );
}
