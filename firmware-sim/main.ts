/**
 * `npm run fleet`: the whole system on this machine with simulated meters, from enrolment to checked bills.
 * Exit code 0: every bill and feeder load is exact; 1: it is not, or something failed; 2: wrong usage, configuration or
 * readings; 3: all that was released is exact, but release rules withheld some; 130: interrupted.
 */
import { resolve } from "node:path";
import { type Config, ConfigError } from "../config/index.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { EnrolmentError } from "../config/enrolment/index.ts";
import { createProgress, type Progress } from "../config/runtime/terminal.ts";
import { expectedOf } from "./fleet/expected.ts";
import { beginAnew } from "./fleet/fresh.ts";
import { Fleet, readHistory } from "./fleet/fleet.ts";
import { type FleetPlan, planGenerated, planReplay } from "./fleet/fleet-plan.ts";
import { freePorts } from "./fleet/free-ports.ts";
import { measuredBy } from "./fleet/measured.ts";
import { awaitOutcome, type FleetSummary, type Outcome, summarise } from "./fleet/outcome.ts";
import { isLinkPreset, LINK_NAMES } from "./fleet/network-endpoint.ts";
import { PlacementError } from "./fleet/placement.ts";
import { openPowerSupply } from "./fleet/power-supply.ts";
import { describeFleet, describeHeld, describeSummary } from "./fleet/report.ts";
import { writeResults } from "./fleet/results.ts";
import { ReplayError } from "./loads/index.ts";

const WITHHELD = 3;
/** Results that do not come for so many times the patience of the meters do not come any more. */
const PATIENCE_TIMES = 6;
/** Days that a run limited by its duration may have, if nobody says how many. */
const MANY_DAYS = 366;

interface Terminal {
  readonly say: (text: string) => void;
  readonly silent: boolean;
}

async function run(context: RoleContext): Promise<number> {
  try {
    return await runFleet(context);
  } catch (error) {
    if (error instanceof ReplayError || error instanceof EnrolmentError || error instanceof PlacementError) {
      throw new UsageError(error.message);
    }
    if (!(error instanceof Error) || error instanceof UsageError || error instanceof ConfigError) throw error;
    // The log has the stack; what the terminal shows is for whoever started this.
    context.log.info({ err: error }, "the run failed");
    process.stderr.write(`fleet: ${error.message}\nDetails are in ${context.config.paths.logs}/system.log\n`);
    return EXIT.failed;
  }
}

async function runFleet(context: RoleContext): Promise<number> {
  const { log, options, json, signal } = context;
  const say = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  const { network } = context.config.simulation;
  if (!isLinkPreset(network))
    throw new UsageError(`--network: expected one of ${LINK_NAMES.join(", ")}, got ${network}`);
  const duration = secondsOf(options["duration"]);
  const without = indices(options["withoutAggregators"], context.config);
  const data = resolve(context.config.paths.data);
  if (options["fresh"] === true) beginAnew(data);
  const plan = await planOf(context, data, duration);
  const config = await freePorts(configOf(context, plan), say);
  say(describeFleet(config, plan, data));
  const terminal = { say, silent: json };
  const restarts: Record<string, number> = {};
  const broken = new AbortController();
  let slots: Progress | undefined;
  const fleet = new Fleet({
    config,
    plan,
    log,
    withoutAggregators: without,
    onPhase: say,
    onSlot: (_slot, done) => slots?.update(done),
    onRestart: (name) => {
      restarts[name] = (restarts[name] ?? 0) + 1;
    },
    onFailed: (name, reason) => broken.abort(new Error(`${name} cannot go on: ${reason}`)),
  });
  const ended = AbortSignal.any([signal, broken.signal]);
  const stop = (): void => fleet.interrupt();
  ended.addEventListener("abort", stop, { once: true });
  try {
    say("enrolling");
    await fleet.enrol();
    await fleet.start();
    const memory = setInterval(() => fleet.supervisor.sampleMemory(), 1_000);
    const limit = duration === undefined ? undefined : setTimeout(() => fleet.conductor.endFeeding(), duration * 1_000);
    const startedAt = performance.now();
    slots = createProgress({ label: "slots", total: plan.range.to - plan.range.from, silent: json });
    const done = await fleet.run();
    const seconds = (performance.now() - startedAt) / 1_000;
    clearTimeout(limit);
    slots.stop();
    slots = undefined;
    if (typeof options["truth"] === "string") await fleet.writeTruth(options["truth"], done);
    const outcome = await results(config, done, data, terminal, ended);
    clearInterval(memory);
    fleet.supervisor.sampleMemory();
    const interrupted = signal.aborted;
    const finish = async (): Promise<FleetSummary> => {
      const parties = ["broker", "utility", ...fleet.supervisor.names().filter((name) => name.startsWith("a-"))];
      const counters = fleet.conductor.counters();
      const peakMemoryMiB = fleet.supervisor.memoryMiB();
      const held = describeHeld(outcome.held, config);
      return summarise({ data, plan: done, outcome, held, counters, seconds, parties, restarts, peakMemoryMiB });
    };
    if (options["keepRunning"] === true && !ended.aborted) {
      const preview = await finish();
      say(describeSummary(preview, outcome, expectedOf(config, done)));
      await fleet.releaseMeters();
      say(`The servers keep running. Public topics: mosquitto_sub -p ${fleet.ports.public} -t 'wv/1/pub/#'`);
      say(`More readings: npm run meters -- --data ${data} --meters ${plan.source.meters.length}`);
      say("Ctrl-C stops it.");
      await new Promise((wake) => ended.addEventListener("abort", wake, { once: true }));
    }
    await fleet.stop();
    // Stopped roles have written their last figures.
    const summary = await finish();
    writeResults(config, summary);
    process.stdout.write(
      json ? `${JSON.stringify(summary)}\n` : `${describeSummary(summary, outcome, expectedOf(config, done))}\n`,
    );
    broken.signal.throwIfAborted();
    return interrupted ? EXIT.interrupted : exitCode(summary, outcome);
  } catch (error) {
    if (signal.aborted) {
      say("interrupted; a further run in this folder takes the day up again");
      return EXIT.interrupted;
    }
    broken.signal.throwIfAborted();
    throw error;
  } finally {
    ended.removeEventListener("abort", stop);
    slots?.stop();
    await fleet.stop();
  }
}

/** The run's configuration: a replay is one bill for the whole file unless the user says otherwise. */
function configOf({ config, origins }: RoleContext, plan: FleetPlan): Config {
  const chosen = origins.get("billing.period")?.kind ?? "default";
  if (plan.feed.kind !== "replayed" || !["default", "profile"].includes(chosen)) return config;
  return { ...config, billing: { ...config.billing, period: "whole" } };
}

async function planOf({ config, options, origins }: RoleContext, data: string, duration?: number): Promise<FleetPlan> {
  const file = options["readings"];
  if (typeof file === "string") {
    try {
      return await planReplay(config, resolve(file));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "EACCES" || code === "EISDIR") {
        throw new UsageError(`--readings ${file}: cannot be read (${code})`);
      }
      throw error;
    }
  }
  const daysChosen = !["default", "profile"].includes(origins.get("simulation.days")?.kind ?? "default");
  const days = duration === undefined || daysChosen ? config.simulation.days : MANY_DAYS;
  return await planGenerated({ ...config, simulation: { ...config.simulation, days } }, readHistory(data));
}

function indices(text: unknown, { system }: Config): number[] {
  if (typeof text !== "string" || text === "") return [];
  return text.split(",").map((part) => {
    const index = Number(part);
    if (Number.isInteger(index) && index >= 1 && index <= system.aggregators) return index;
    throw new UsageError(`--without-aggregators: expected indices from 1 to ${system.aggregators}, got ${part}`);
  });
}

function secondsOf(duration: unknown): number | undefined {
  if (duration === undefined) return undefined;
  const seconds = Number(duration);
  if (seconds > 0 && seconds < 2_000_000) return seconds;
  throw new UsageError(`--duration: expected a number of seconds above 0, got ${JSON.stringify(duration)}`);
}

async function results(
  config: Config,
  plan: FleetPlan,
  data: string,
  { say, silent }: Terminal,
  signal: AbortSignal,
): Promise<Outcome> {
  const expected = expectedOf(config, plan);
  const bar = createProgress({ label: "results", total: expected.bills + expected.loads, silent });
  let waiting: string | undefined;
  try {
    return await awaitOutcome({
      data,
      plan,
      measured: measuredBy(plan.source, openPowerSupply(config, plan.source)),
      timezone: config.system.timezone,
      expected,
      patienceMilliseconds: config.simulation.patienceSeconds * PATIENCE_TIMES * 1_000,
      signal,
      onProgress: (bills, loads, reason) => {
        bar.update(bills + loads, reason ?? "");
        if (reason !== undefined && reason !== waiting) say(reason);
        waiting = reason;
      },
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
    {
      flags: "--duration <seconds>",
      description: "stop feeding after this time; simulates until then unless --days is given",
    },
    { flags: "--keep-running", description: "leave the servers running at the end, until Ctrl-C" },
    { flags: "--fresh", description: "delete what earlier runs left in the data folder, keys included" },
    { flags: "--without-aggregators <list>", description: "enrol but do not start these, e.g. 3 or 2,3" },
  ],
  help: [
    "Exit codes: 0 all exact; 1 something is not exact, or failed; 2 wrong usage, configuration or readings;",
    "3 exact, but release rules withheld some; 130 interrupted.",
    "A further run in the same folder goes on with the next day.",
  ].join("\n"),
  run,
});
