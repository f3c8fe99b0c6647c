/**
 * `npm run learn`: a campaign of federated learning on this machine, every party a process. `npm run learn -- tradeoff`,
 * `-- coordinate` and `-- ask` are programs of analytics, which are started as such: this one imports nothing of them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { EnrolmentError } from "../config/enrolment/index.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { makeFolder } from "../config/runtime/folders.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { lockFleet } from "./fleet/fleet-lock.ts";
import { LearnRun } from "./learn/learn-run.ts";
import { describeBound, describeRounds, describeVerdict, readReport } from "./learn/learn-report.ts";
import { describeRelease } from "./learn/release-report.ts";
import { learnRequest, type LearnRequest } from "./learn/request.ts";
import { WeatherError } from "../learning/index.ts";
import { ReplayError } from "./loads/index.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** By the first operand: who does it, and what is handed on before the rest of the command line. */
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  tradeoff: ["analytics/learn-main.ts", "tradeoff"],
  coordinate: ["analytics/learn-coordinator-main.ts"],
  ask: ["analytics/releases-main.ts", "ask"],
  releases: ["analytics/releases-main.ts", "releases"],
  release: ["analytics/releases-main.ts", "release"],
};
/** The user's faults: explained without a stack, exit code 2. */
const EXPLAINED = [ReplayError, EnrolmentError, WeatherError];

async function handOn([entry, ...first]: readonly string[], rest: readonly string[]): Promise<never> {
  const args = ["config/runtime/start.mjs", entry!, ...first, ...rest];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
  // It is in the terminal's group, too, and stops by itself: this one only waits for it.
  for (const name of ["SIGINT", "SIGHUP"] as const) process.on(name, () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const [code] = (await once(child, "exit")) as [number | null];
  process.exit(code ?? EXIT.failed);
}

async function run(context: RoleContext): Promise<number> {
  if (context.operands.length > 0) {
    const known = Object.keys(OTHERS).join(", ");
    throw new UsageError(
      `expected no command or, as the first word, one of ${known}; got ${context.operands.join(" ")}`,
    );
  }
  try {
    const request = await learnRequest(context);
    makeFolder(request.data, { mode: 0o700 });
    const lock = lockFleet(request.data);
    try {
      return await learn(context, request);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    throw EXPLAINED.some((kind) => error instanceof kind) ? new UsageError((error as Error).message) : error;
  }
}

async function learn({ log, json, signal }: RoleContext, request: LearnRequest): Promise<number> {
  const { rounds, data, isSimulated, readings, homes, dropOut } = request;
  const say = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  const restarts: Record<string, number> = {};
  const refusals: Record<string, number> = {};
  const bar = createProgress({ label: "rounds", total: rounds, silent: json });
  say(`${homes.length} ${isSimulated ? "simulated homes (generated readings)" : "homes"} from ${readings}, in ${data}`);
  if (dropOut > 0) say(`${Math.floor(homes.length * dropOut)} of them fall silent in each round`);
  const learning = new LearnRun({
    ...{ request, log, onPhase: say },
    onRound: ({ step, homes: inSet, bound }, reason, refused) => {
      for (const [code, count] of Object.entries(refused)) refusals[code] = (refusals[code] ?? 0) + count;
      bar.update(step + 1, reason ?? `${inSet} homes in the set`);
      if (reason !== undefined) say(`round ${step + 1}: nothing was opened (${reason})`);
      if (bound !== undefined && bound.unproved + bound.leftOut > 0) {
        say(`round ${step + 1}: of the homes' updates within the bound: ${describeBound(bound)}`);
      }
    },
    onRestart: (name) => {
      restarts[name] = (restarts[name] ?? 0) + 1;
    },
  });
  const startedAt = performance.now();
  try {
    const report = readReport(await learning.run(signal));
    bar.stop();
    if (request.release !== undefined) say("asking the homes for a histogram of their day, with noise");
    const release = request.release && (await learning.ask(request.release, signal));
    const seconds = (performance.now() - startedAt) / 1_000;
    const unopened = report.history.filter((round) => round.homes === 0).length;
    const [refused, restarted] = [refusals, restarts].map((counts) =>
      Object.entries(counts).map(([name, count]) => `${name} ${count}`),
    ) as [string[], string[]];
    if (json) {
      process.stdout.write(
        `${JSON.stringify({ simulated: isSimulated, readings, data, seconds, unopened, restarts, refusals, ...report, release })}\n`,
      );
    } else {
      process.stdout.write(`${describeRounds(report.history)}\n${describeVerdict(report)}\n`);
      if (release !== undefined) process.stdout.write(`${describeRelease(request, release)}\n`);
      if (learning.history.length > 0) say(`${learning.history.length} rounds were there from runs before`);
      if (restarted.length > 0) say(`ended and started again: ${restarted.join(", ")} (times)`);
      if (refused.length > 0) say(`homes took no part: ${refused.join(", ")} (of all rounds)`);
    }
    return unopened === report.history.length ? EXIT.failed : EXIT.ok;
  } catch (error) {
    if (!signal.aborted) throw error;
    say("interrupted; the same command goes on from there");
    return EXIT.interrupted;
  } finally {
    bar.stop();
    await learning.stop();
  }
}

const [command = "", ...rest] = process.argv.slice(2);
if (Object.hasOwn(OTHERS, command)) await handOn(OTHERS[command]!, rest);

await runRole({
  name: "learn",
  description:
    "Learns a forecast together: homes train, aggregators add, only noised sums are opened; all as processes.",
  profile: "demo",
  party: () => "learn",
  operands: "[command]",
  flags: [
    { flags: "--homes <number>", description: "homes that take part (default 20)" },
    { flags: "--rounds <number>", description: "rounds of the campaign (default 30)" },
    { flags: "--epsilon <number>", description: "what all rounds may cost a home (default 8), or none: without noise" },
    { flags: "--readings <file>", description: "meter,slot_start,energy_wh ...; simulated homes when left out" },
    {
      flags: "--weather <file>",
      description: "slot_start,temperature_c that all homes have, or none; generated homes have theirs",
    },
    { flags: "--model <kind>", description: "linear (default), dense or gru" },
    { flags: "--objective <name>", description: "median (default) serves households, energy their sum (linear only)" },
    { flags: "--drop-out <part>", description: "of the homes so many fall silent in each round, such as 0.3" },
    { flags: "--bound", description: "homes prove that their updates are no longer than honest ones; many more bytes" },
    {
      flags: "--release <what>",
      description: "asked of the homes after the campaign: histogram (default; of their last day, epsilon 2) or none",
    },
    { flags: "--test-days <days>", description: "days at the end to judge by, and as many to validate on (default 7)" },
    { flags: "--seed <number>", description: "of simulated homes and of who drops out", path: "simulation.seed" },
  ],
  help: `Commands:
  (none)         runs a campaign; the same command with the same --data goes on where it was interrupted
  tradeoff       sweeps what privacy costs, in one process (npm run learn -- tradeoff --help)
  coordinate     leads a campaign of a system that runs, where npm run analytics does not (-- coordinate --help)
  ask            asks the homes of a system that runs for a noised load or histogram (npm run learn -- ask --help)
  releases       lists what was asked for; release N shows one

Without --data everything is in <paths.data>/learn. The model (tfjs format) and campaign.json are in its learning/.

Exit codes: 0 the campaign is over; 1 something failed, or no round was opened; 2 wrong usage, configuration or
readings; 130 interrupted.`,
  examples: [
    "npm run learn -- --homes 20 --rounds 30 --epsilon 8",
    "npm run learn -- --readings readings.csv --homes 20 --drop-out 0.3 --data data/learn",
    "npm run learn -- tradeoff --quick",
  ],
  run,
});
