/**
 * `npm run fleet`: the whole system on this machine with simulated meters, from enrolment to checked bills.
 * Exit code 0: every bill and feeder load is exact; 1: it is not, or something failed; 3: release rules withheld some.
 */
import { resolve } from "node:path";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { Fleet, readHistory } from "./fleet/fleet.ts";
import { type FleetPlan, planGenerated, planReplay } from "./fleet/fleet-plan.ts";
import { awaitOutcome, type FleetSummary, type Outcome, summarise } from "./fleet/outcome.ts";
import { expectedOf } from "./fleet/expected.ts";
import { freePorts } from "./fleet/free-ports.ts";
import { describeFleet, describeSummary } from "./fleet/report.ts";
import { writeResults } from "./fleet/results.ts";

const WITHHELD = 3;
const PATIENCE_MILLISECONDS = 120_000;

function indices(text: unknown): number[] {
  if (typeof text !== "string" || text === "") return [];
  return text.split(",").map((part) => {
    const index = Number(part);
    if (!Number.isInteger(index) || index < 1) throw new UsageError(`--without-aggregators: not an index: ${part}`);
    return index;
  });
}

async function run(context: RoleContext): Promise<number> {
  const { log, options, json, signal } = context;
  const config = await freePorts(context.config, (what) => (json ? undefined : process.stderr.write(`${what}\n`)));
  const data = resolve(config.paths.data);
  const file = options["readings"];
  const plan: FleetPlan =
    typeof file === "string" ? await planReplay(config, file) : await planGenerated(config, readHistory(data));
  const say = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  say(describeFleet(config, plan, data));
  const total = plan.range.to - plan.range.from;
  const slots = createProgress({ label: "slots", total, silent: json });
  const restarts: Record<string, number> = {};
  const fleet = new Fleet({
    config,
    plan,
    log,
    withoutAggregators: indices(options["withoutAggregators"]),
    onPhase: say,
    onSlot: (_slot, done) => slots.update(done),
    onRestart: (name) => {
      restarts[name] = (restarts[name] ?? 0) + 1;
    },
  });
  try {
    say("enrolling");
    await fleet.enrol();
    await fleet.start();
    const memory = setInterval(() => fleet.supervisor.sampleMemory(), 1_000);
    signal.addEventListener("abort", () => fleet.conductor.stop(), { once: true });
    const limit = stopAfter(options["duration"], () => fleet.conductor.stop());
    const startedAt = performance.now();
    await fleet.run();
    const seconds = (performance.now() - startedAt) / 1_000;
    clearTimeout(limit);
    slots.stop();
    if (typeof options["truth"] === "string") await fleet.writeTruth(options["truth"]);
    const outcome = await results(context, plan, data);
    clearInterval(memory);
    fleet.supervisor.sampleMemory();
    if (options["keepRunning"] === true && !signal.aborted) {
      say(`Everything keeps running; public topics are on port ${fleet.ports.public}. Ctrl-C stops it.`);
      await new Promise((wake) => signal.addEventListener("abort", wake, { once: true }));
    }
    await fleet.stop();
    const parties = ["broker", "utility", ...fleet.supervisor.names().filter((name) => name.startsWith("a-"))];
    const summary = summarise({
      data,
      plan,
      outcome,
      counters: fleet.conductor.counters(),
      seconds,
      parties,
      restarts,
      peakMemoryMiB: fleet.supervisor.memoryMiB(),
    });
    writeResults(config, summary);
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : `${describeSummary(summary, outcome)}\n`);
    return exitCode(summary, outcome);
  } finally {
    slots.stop();
    await fleet.stop();
  }
}

function stopAfter(duration: unknown, stop: () => void): NodeJS.Timeout | undefined {
  if (duration === undefined) return undefined;
  const seconds = Number(duration);
  if (!(seconds > 0)) throw new UsageError("--duration: expected a number of seconds above 0");
  return setTimeout(stop, seconds * 1_000);
}

async function results({ config, json, signal }: RoleContext, plan: FleetPlan, data: string): Promise<Outcome> {
  const expected = expectedOf(config, plan);
  const bar = createProgress({ label: "results", total: expected.bills + expected.loads, silent: json });
  try {
    return await awaitOutcome({
      data,
      plan,
      timezone: config.system.timezone,
      expected,
      patienceMilliseconds: PATIENCE_MILLISECONDS,
      signal,
      onProgress: (bills, loads, waiting) => bar.update(bills + loads, waiting ?? ""),
    });
  } finally {
    bar.stop();
  }
}

function exitCode(summary: FleetSummary, outcome: Outcome): number {
  if (summary.billsExact && summary.feederLoadsExact) return EXIT.ok;
  const onlyWithheld = outcome.complete && outcome.differences.length === 0 && Object.keys(outcome.withheld).length > 0;
  return onlyWithheld ? WITHHELD : EXIT.failed;
}

await runRole({
  name: "fleet",
  description:
    "Runs the whole system with simulated meters: enrols, starts every role, bills, checks against the truth.",
  profile: "demo",
  party: () => "fleet",
  flags: [
    { flags: "--meters <number>", description: "simulated meters", path: "simulation.meters" },
    { flags: "--feeders <number>", description: "feeders they hang on", path: "simulation.feeders" },
    { flags: "--days <number>", description: "simulated days", path: "simulation.days" },
    { flags: "--start <date>", description: "first simulated day", path: "simulation.start" },
    { flags: "--aggregators <number>", description: "aggregators (n)", path: "system.aggregators" },
    { flags: "--threshold <number>", description: "aggregators that are enough (t)", path: "system.threshold" },
    { flags: "--speed <factor>", description: "simulated seconds per second, or max", path: "simulation.speed" },
    { flags: "--seed <number>", description: "seed of everything random", path: "simulation.seed" },
    {
      flags: "--network <name>",
      description: "link of the meters: perfect, lan, lte, nbiot, lossy",
      path: "simulation.network",
    },
    { flags: "--hosts <number>", description: "processes that share the meters", path: "simulation.hosts" },
    { flags: "--batch <slots>", description: "slots per share message", path: "meter.batchSlots" },
    { flags: "--period <kind>", description: "what a bill covers: day, month, whole", path: "billing.period" },
    { flags: "--tariff <file>", description: "tariff of every meter", path: "billing.tariff" },
    { flags: "--readings <file>", description: "replay meter,slot_start,energy_wh[,feeder,export_wh] instead" },
    { flags: "--truth <file>", description: "write the readings that were fed" },
    { flags: "--duration <seconds>", description: "stop feeding after this time" },
    { flags: "--keep-running", description: "leave everything running at the end, until Ctrl-C" },
    { flags: "--without-aggregators <list>", description: "enrol but do not start these, e.g. 3 or 2,3" },
  ],
  run,
});
