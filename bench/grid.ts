/**
 * The grid: power flows against a dense Newton, the solver of searches, the state estimator, and how many bad samples it
 * finds and good scans it suspects, on seeds that nothing else uses.
 */
import {
  type BundledName,
  bundledGrid,
  EVENT_TYPES,
  type EventType,
  generateMeshed,
  generateRadial,
  type Grid,
  pointName,
  powerFlow,
  RadialSolver,
  SimulatedScada,
  StateTracker,
} from "../analytics/grid/index.ts";
import { denseFlow } from "../analytics/grid/flow/dense-reference.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { figure, figuresTable } from "./words.ts";

interface Timing {
  readonly what: string;
  /** Medians over the rounds. */
  readonly milliseconds: number;
  /** Of the dense Newton on the same grid. */
  readonly denseMilliseconds: number | undefined;
  readonly targetMilliseconds: number | undefined;
}

interface Finding {
  readonly grid: string;
  readonly what: string;
  readonly scans: number;
  /** Samples that were wrong, or scans with the event. */
  readonly wrong: number;
  /** Of them, named by the estimator. */
  readonly named: number;
  /** Good samples that were taken out. */
  readonly falselyNamed: number;
  /** Scans without anything wrong, and those of them that were not passed as they were. */
  readonly clean: number;
  readonly suspected: number;
}

const CASES: readonly BundledName[] = ["demo8", "case14", "case33bw", "case69", "case118"];
/** Bad data at one sample in two hundred. */
const BAD_RATE = 0.005;
const SEEDS = [7_001, 7_002, 7_003, 7_004, 7_005];

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const timings = timingsOf(quick ? 10 : 60);
  const scans = quick ? 12 : 96;
  const studies = CASES.length * 2 + 2;
  const bar = createProgress({ label: "studies", total: studies, silent: json });
  const findings: Finding[] = [];
  const study = (...args: Parameters<typeof findingOf>): void => {
    findings.push(findingOf(...args));
    bar.update(findings.length);
  };
  for (const name of CASES) {
    const few = name === "case118" ? Math.ceil(scans / 8) : scans;
    study(name, "good samples", few, {});
    study(name, "bad samples", few, { badRate: BAD_RATE });
  }
  for (const type of ["theft", "dead-sensor"] as const) study("case33bw", type, scans, { type });
  bar.stop();
  if (!json) print(timings, findings);
  return { badRate: BAD_RATE, seeds: SEEDS, timings, findings };
}

function median(rounds: number, work: () => unknown): number {
  const times: number[] = [];
  // The first rounds are compiled while they run.
  for (let round = 0; round < rounds + 5; round++) {
    const from = performance.now();
    work();
    if (round >= 5) times.push(performance.now() - from);
  }
  return times.sort((a, b) => a - b)[times.length >> 1]!;
}

function timingsOf(rounds: number): Timing[] {
  const against = (what: string, grid: Grid, targetMilliseconds?: number): Timing => ({
    what,
    milliseconds: median(rounds, () => powerFlow(grid)),
    denseMilliseconds:
      grid.buses.length > 300 ? undefined : median(Math.max(3, rounds / 10), () => denseFlow(grid, 1e-8)),
    targetMilliseconds,
  });
  const radial = generateRadial({ nodes: 1_000, seed: 1 });
  const feeder = bundledGrid("case33bw");
  const searched = (what: string, grid: Grid): Timing => {
    const solver = new RadialSolver(grid);
    const closed = Uint8Array.from(grid.branches, (branch) => Number(branch.closed));
    const milliseconds = median(rounds, () => {
      for (let i = 0; i < 20; i++)
        if (solver.solve(closed) !== "converged") throw new Error(`${grid.name} is not radial`);
    });
    return { what, milliseconds: milliseconds / 20, denseMilliseconds: undefined, targetMilliseconds: undefined };
  };
  const scada = new SimulatedScada({ grid: bundledGrid("case118"), seed: 1 });
  const tracker = new StateTracker(scada.planned);
  const scans = Array.from({ length: 10 }, () => scada.next().scan);
  return [
    against("case118, Newton", bundledGrid("case118"), 10),
    against("1,000 nodes radial, sweep", radial, 20),
    against("1,000 nodes meshed, Newton", generateMeshed({ nodes: 1_000, seed: 1 })),
    against("case33bw, sweep", feeder),
    searched("case33bw, solver of searches", feeder),
    searched("1,000 nodes radial, solver of searches", radial),
    {
      what: "case118, state of a scan",
      milliseconds: median(10, () => tracker.update(scans[0]!)),
      denseMilliseconds: undefined,
      targetMilliseconds: undefined,
    },
  ];
}

interface Wrongs {
  readonly badRate?: number;
  readonly type?: EventType;
}

function findingOf(name: BundledName, what: string, scans: number, { badRate = 0, type }: Wrongs): Finding {
  const found = { wrong: 0, named: 0, falselyNamed: 0, clean: 0, suspected: 0 };
  for (const seed of SEEDS) {
    const events = type === undefined ? {} : { eventRate: 0.2, eventTypes: EVENT_TYPES.filter((one) => one === type) };
    const scada = new SimulatedScada({ grid: bundledGrid(name), seed, badRate, ...events });
    const tracker = new StateTracker(scada.planned);
    for (let i = 0; i < scans; i++) {
      const { scan, truth } = scada.next();
      const { bad, estimate, contradictedBreakers } = tracker.update(scan);
      // What is not estimated is not judged: temperatures; and a breaker's report is held against currents instead.
      const wrong = new Set(
        truth.wrong.filter(({ kind }) => kind !== "temperature" && kind !== "breaker").map(pointName),
      );
      const counted = type === undefined ? [...wrong] : [...wrong].filter((point) => point.startsWith("demand:"));
      found.wrong += counted.length;
      found.named += counted.filter((point) => bad.includes(point)).length;
      found.falselyNamed += bad.filter((point) => !wrong.has(point)).length;
      if (truth.wrong.length > 0) continue;
      found.clean += 1;
      found.suspected += Number(bad.length > 0 || estimate.status !== "trusted" || contradictedBreakers.length > 0);
    }
  }
  return { grid: name, what, scans: scans * SEEDS.length, ...found };
}

function print(timings: readonly Timing[], findings: readonly Finding[]): void {
  const ms = (value: number | undefined): string => (value === undefined ? "" : figure(value, value < 1 ? 3 : 1));
  const times = timings.map(({ what, milliseconds, denseMilliseconds, targetMilliseconds }) => [
    ...[what, ms(milliseconds), ms(targetMilliseconds), ms(denseMilliseconds)],
    denseMilliseconds === undefined ? "" : `${figure(denseMilliseconds / milliseconds, 1)} x`,
  ]);
  const percent = (part: number, whole: number): string => (whole === 0 ? "" : `${figure((100 * part) / whole, 1)} %`);
  const rows = findings.map(({ grid, what, scans, wrong, named, falselyNamed, clean, suspected }) => [
    ...[`${grid}, ${what}`, scans, wrong, named, percent(named, wrong), falselyNamed, clean, suspected],
    percent(suspected, clean),
  ]);
  const timeHead = ["grid", "ms", "target", "dense Newton ms", "ratio"];
  const findHead = ["estimator", "scans", "wrong", "named", "rate", "good named", "good scans", "suspected", "rate"];
  process.stdout.write(`${figuresTable(timeHead, times)}\n${figuresTable(findHead, rows)}\n`);
  process.stdout.write(
    "Medians, each from the case to voltages, flows and diagnostics; the solver of searches keeps its buffers.\n" +
      `Bad samples: one in ${1 / BAD_RATE}, 10 to 40 standard deviations off. Seeds ${SEEDS[0]} to ${SEEDS.at(-1)}.\n`,
  );
}
