/**
 * `npm run fleet`: the whole system on this machine with simulated meters, from enrolment to checked bills.
 * Exit code 0: every bill and feeder load is exact, and what was opened of ciphertexts is within its bounds; 1: it is
 * not, or something failed; 2: wrong usage, configuration or readings; 3: all that was released is exact, but release
 * rules withheld some; 130: interrupted.
 */
import { join } from "node:path";
import { type Config, ConfigError } from "../config/index.ts";
import { storePlace } from "../config/storage/place.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { EnrolmentError } from "../config/enrolment/index.ts";
import { FolderError, makeFolders } from "../config/runtime/folders.ts";
import { createProgress, type Progress } from "../config/runtime/terminal.ts";
import { apiNotes } from "./fleet/api-process.ts";
import { checkEarlierRuns, EarlierRunError, rememberRun } from "./fleet/earlier-runs.ts";
import { assertEnrollable } from "./fleet/enrollable.ts";
import { expectedOf } from "./fleet/expected.ts";
import { isAllFed } from "./fleet/fed-until.ts";
import { beginAnew } from "./fleet/fresh.ts";
import { FLEET_FLAGS } from "./fleet/flags.ts";
import { Fleet } from "./fleet/fleet.ts";
import { lockFleet } from "./fleet/fleet-lock.ts";
import type { FleetPlan } from "./fleet/fleet-plan.ts";
import { freePorts, portNotes } from "./fleet/free-ports.ts";
import { measuredBy } from "./fleet/measured.ts";
import { keptRunningNotes, restartNotice, silentNotice, withoutNotice } from "./fleet/notices.ts";
import { dueOpenings } from "./fleet/due-openings.ts";
import { isRight } from "./fleet/opened-summary.ts";
import { awaitOutcome, type Outcome } from "./fleet/outcome.ts";
import { PlacementError } from "./fleet/placement.ts";
import { openPowerSupply } from "./fleet/power-supply.ts";
import { describeFleet, describeHeld, describeInterrupted, describeSummary } from "./fleet/report.ts";
import { type FleetRequest, requestOf } from "./fleet/request.ts";
import { writeResults } from "./fleet/results.ts";
import { type FleetSummary, summarise } from "./fleet/summary.ts";
import { TheftError } from "./feeder/thefts.ts";
import { ReplayError } from "./loads/index.ts";

const WITHHELD = 3;
/** Results that do not come for so many times the patience of the meters do not come any more. */
const PATIENCE_TIMES = 6;
/** Results that are not there after so long are waited for aloud. */
const TELL_SECONDS = 5;
/** As they are, with an exit code of their own. */
const EXPLAINED_BY_THEMSELVES = [UsageError, ConfigError, FolderError];
/** The user's faults: explained without a stack, exit code 2. */
const EXPLAINED = [ReplayError, TheftError, EnrolmentError, PlacementError, EarlierRunError];

interface Terminal {
  readonly say: (text: string | undefined) => void;
  readonly silent: boolean;
}

async function run(context: RoleContext): Promise<number> {
  endUnread();
  try {
    const request = await requestOf(context);
    makeFolders([
      { folder: request.data, setting: "paths.data", mode: 0o700 },
      { folder: context.config.paths.results, setting: "paths.results" },
    ]);
    const lock = lockFleet(request.data);
    try {
      return await runFleet(context, request);
    } finally {
      lock.release();
    }
  } catch (error) {
    if (!(error instanceof Error) || EXPLAINED_BY_THEMSELVES.some((kind) => error instanceof kind)) throw error;
    if (EXPLAINED.some((kind) => error instanceof kind)) throw new UsageError(error.message);
    // The log has the stack; what the terminal shows is for whoever started this.
    context.log.info({ err: error }, "the run failed");
    process.stderr.write(`fleet: ${error.message}\nDetails are in ${context.config.paths.logs}/system.log\n`);
    return EXIT.failed;
  }
}

/** Nobody reads what is printed any more (`npm run fleet 2>&1 | head`): whoever waits learns that it did not end well. */
function endUnread(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.prependListener("error", () => {
      process.exitCode = EXIT.failed;
    });
  }
}

async function runFleet(context: RoleContext, request: FleetRequest): Promise<number> {
  const { log, json, signal } = context;
  const { data, plan, duration, withoutAggregators } = request;
  const say = (text: string | undefined): void => {
    if (!json && text !== undefined) process.stderr.write(`${text}\n`);
  };
  if (request.fresh) beginAnew(data);
  assertEnrollable(data, plan, request.config);
  const takenUp = checkEarlierRuns(data, plan, request.config);
  const isFed = isAllFed(data, plan);
  const { config, taken } = await freePorts(request.config);
  const waitSeconds = config.simulation.patienceSeconds * PATIENCE_TIMES;
  say(describeFleet(config, plan, data));
  for (const note of request.notes) say(note);
  say(takenUp);
  say(withoutNotice(withoutAggregators, config, waitSeconds));
  const readings = plan.feed.kind === "replayed" ? plan.feed.file : request.truth;
  const names = {
    isFed,
    meter: plan.source.meters[0]?.id,
    readings,
    resultsFile: resultsFile(config),
    timezone: config.system.timezone,
  };
  const terminal = { say, silent: json };
  const restarts: Record<string, number> = {};
  const broken = new AbortController();
  let slots: Progress | undefined;
  let isReported = false;
  const fleet = new Fleet({
    config,
    plan,
    log,
    withoutAggregators,
    isFed,
    onPhase: say,
    onSlot: (_slot, done) => slots?.update(done),
    onRestart: (name, reason) => {
      restarts[name] = (restarts[name] ?? 0) + 1;
      // Until then the report will tell.
      if (isReported) say(restartNotice(name, reason));
    },
    onFailed: (name, reason) => broken.abort(new UsageError(`${name} cannot go on: ${reason}`)),
  });
  const ended = AbortSignal.any([signal, broken.signal]);
  const stop = (): void => fleet.interrupt();
  ended.addEventListener("abort", stop, { once: true });
  try {
    say("enrolling");
    const { silent, meters } = await fleet.enrol();
    say(silentNotice(silent, meters));
    rememberRun(data, plan, config);
    await fleet.start();
    for (const note of [...portNotes(taken, fleet), ...apiNotes(fleet.api)]) say(note);
    const memory = setInterval(() => fleet.supervisor.sampleMemory(), 1_000);
    const limit = duration === undefined ? undefined : setTimeout(() => fleet.conductor.endFeeding(), duration * 1_000);
    const startedAt = performance.now();
    slots = createProgress({ label: "slots", total: plan.range.to - plan.range.from, silent: json });
    const done = await fleet.run();
    const seconds = (performance.now() - startedAt) / 1_000;
    const fedAll = !fleet.conductor.stopped;
    clearTimeout(limit);
    slots.stop();
    slots = undefined;
    if (request.truth !== undefined) await fleet.writeTruth(request.truth, done);
    const outcome = await results(config, done, data, terminal, ended);
    clearInterval(memory);
    fleet.supervisor.sampleMemory();
    const interrupted = signal.aborted;
    const finish = (): FleetSummary => {
      const parties = fleet.supervisor.names().filter((name) => /^(broker|utility|analytics|a-\d)$/.test(name));
      const { conductor } = fleet;
      const counters = conductor.counters();
      const encryption = conductor.ciphertexts();
      const peakMemoryMiB = fleet.supervisor.memoryMiB();
      const held = describeHeld(outcome.held, config);
      const figures = { counters, encryption, seconds, parties, restarts, peakMemoryMiB };
      const given = { data, plan: done, outcome, held, ...figures };
      return summarise({ ...given, interrupted });
    };
    const isKept = request.keepRunning && !ended.aborted;
    if (isKept) {
      if (!json) process.stdout.write(`${describeSummary(finish(), outcome, expectedOf(config, done), names)}\n`);
      isReported = true;
      await fleet.releaseMeters();
      for (const note of keptRunningNotes(fleet, data, plan)) say(note);
      await new Promise((wake) => ended.addEventListener("abort", wake, { once: true }));
    }
    await fleet.stop();
    // Stopped roles have written their last figures.
    const summary = finish();
    if (!interrupted) writeResults(config, summary);
    const expected = expectedOf(config, done);
    if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else if (interrupted) say(describeInterrupted(summary, fedAll ? outcome : undefined, plan, expected));
    else if (isKept) say("stopped; the report above is that of the run");
    else process.stdout.write(`${describeSummary(summary, outcome, expected, names)}\n`);
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

async function results(
  config: Config,
  plan: FleetPlan,
  data: string,
  { say, silent }: Terminal,
  signal: AbortSignal,
): Promise<Outcome> {
  const expected = expectedOf(config, plan);
  const patienceSeconds = config.simulation.patienceSeconds * PATIENCE_TIMES;
  const due = dueOpenings(config, plan);
  const measured = measuredBy(plan.source, openPowerSupply(config, plan.source));
  const bar = createProgress({ label: "results", total: expected.bills + expected.loads + due.length, silent });
  let waiting: string | undefined;
  let seen = 0;
  let seenAt = performance.now();
  let toldEnd = false;
  try {
    return await awaitOutcome({
      data,
      utility: storePlace(config, "utility", "utility.db"),
      plan,
      measured,
      timezone: config.system.timezone,
      expected,
      opened: config.homomorphic.enabled ? { data, config, plan, measured, due } : undefined,
      patienceMilliseconds: patienceSeconds * 1_000,
      signal,
      onProgress: ({ bills, loads, openings, waiting: reason, openingsWait }) => {
        const there = bills + loads + openings;
        bar.update(there, reason ?? "");
        if (there > seen) [seen, seenAt] = [there, performance.now()];
        if (!toldEnd && performance.now() - seenAt > Math.min(TELL_SECONDS, patienceSeconds / 2) * 1_000) {
          toldEnd = true;
          say(`Waiting for results; gives up after ${patienceSeconds} s without a new one.`);
          say(openingsWait);
        }
        if (reason !== undefined && reason !== waiting) say(reason);
        waiting = reason;
      },
    });
  } finally {
    bar.stop();
  }
}

/** Where analytics writes what was opened. */
function resultsFile({ paths, analytics }: Config): string {
  return join(paths.results, analytics.resultsFile);
}

function exitCode(summary: FleetSummary, outcome: Outcome): number {
  if (summary.ciphertexts !== null && !isRight(summary.ciphertexts)) return EXIT.failed;
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
  flags: FLEET_FLAGS,
  help: [
    "Exit codes: 0 all exact, and results of ciphertexts within their bounds; 1 something is not, or failed; 2 wrong",
    "usage, configuration or readings;",
    "3 exact, but release rules withheld some; 130 interrupted.",
    "A further run in the same folder goes on with the next day.",
  ].join("\n"),
  run,
});
