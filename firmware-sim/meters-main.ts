/**
 * `npm run meters`: simulated meters alone, against a system that runs already (`npm run fleet -- --keep-running`, or
 * the roles one by one). Enrols nothing.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Config } from "../config/index.ts";
import { loadConfig } from "../config/index.ts";
import { KeyFolderError } from "../config/keys/index.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import type { HostCounters } from "./fleet/host-messages.ts";
import { enrolledMeters, MetersError, planMeters, rememberMeters } from "./meters/meters-plan.ts";
import { enrolledSince, lossesBetween, readLedger } from "./meters/ledger.ts";
import { MetersRun } from "./meters/meters-run.ts";
import { describeMeters, fatesOf, type MetersSummary, whatWentWrong } from "./meters/meters-summary.ts";

const DEFAULT_SECONDS = 60;
const DEFAULT_INTERVAL_SECONDS = 1;

function positive(flag: string, text: unknown, byDefault: number): number {
  if (text === undefined) return byDefault;
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new UsageError(`${flag}: expected a number of seconds above 0, got ${JSON.stringify(text)}`);
}

function countOf(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new UsageError(`--meters: expected a number of 1 or more, got ${JSON.stringify(text)}`);
}

/** Where nobody names a file or profile and a fleet has run here, its configuration fits what runs. */
function configOf({ config, configArguments }: RoleContext): Config {
  const named = configArguments.includes("--config") || configArguments.includes("--profile");
  const file = join(config.paths.data, "fleet", "config.yaml");
  if (named || process.env["WV_CONFIG"] !== undefined || !existsSync(file)) return config;
  const given = configArguments.flatMap((argument, index) => {
    if (argument !== "--set") return [];
    const [path = "", ...value] = (configArguments[index + 1] ?? "").split("=");
    return [{ name: "flag", path, value: value.join("=") }];
  });
  return loadConfig({ file, env: process.env, flags: given });
}

async function run(context: RoleContext): Promise<number> {
  try {
    return await runMeters(context);
  } catch (error) {
    if (error instanceof MetersError || error instanceof KeyFolderError) throw new UsageError(error.message);
    throw error;
  }
}

async function runMeters(context: RoleContext): Promise<number> {
  const { options, json, log, signal } = context;
  const config = configOf(context);
  const seconds = positive("--duration", options["duration"], DEFAULT_SECONDS);
  const { slotSeconds } = config.system;
  const simulated = config.simulation.enabled;
  const intervalSeconds = positive(
    "--interval",
    options["interval"],
    simulated ? DEFAULT_INTERVAL_SECONDS : slotSeconds,
  );
  if (!simulated && intervalSeconds !== slotSeconds) {
    const reason = `this system runs on the real clock with slots of ${slotSeconds} s`;
    throw new UsageError(`--interval: ${reason}, so it must be ${slotSeconds}, got ${intervalSeconds}`);
  }
  const data = resolve(config.paths.data);
  const meters = enrolledMeters(data, countOf(options["meters"]));
  const nowSlot = Math.floor(Date.now() / 1000 / slotSeconds);
  const plan = planMeters(config, data, meters, Math.ceil(seconds / intervalSeconds), nowSlot);
  const say = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  say(
    `${meters.length} meters, a reading every ${intervalSeconds} s${simulated ? " (simulated slots)" : ""}, ` +
      `${config.meter.batchSlots} ${config.meter.batchSlots === 1 ? "slot" : "slots"} per message, for ${seconds} s`,
  );
  const bar = createProgress({ label: "slots", total: plan.to - plan.from, silent: json });
  const meterRun = new MetersRun({
    config,
    data,
    plan,
    intervalSeconds,
    log,
    onPhase: say,
    onSlot: (done) => bar.update(done),
  });
  const outboxes = meterRun.hosts.map((name) => join(data, name, "outbox.db"));
  const ids = new Set(meters.map(({ id }) => id));
  const before = readLedger(outboxes, ids);
  try {
    await meterRun.start();
    const startedAt = performance.now();
    bar.update(0);
    const to = await meterRun.run(seconds, signal);
    const elapsed = (performance.now() - startedAt) / 1000;
    rememberMeters(data, { firstSlot: plan.feed.range.from, from: plan.from, nextSlot: to });
    bar.stop();
    const absent = meterRun.absentAggregators;
    await meterRun.stop();
    const counters = meterRun.counters();
    const fates = fatesOf({
      readings: counters.readings,
      carried: before.carried.size,
      ended: counters.settled,
      ...lossesBetween(before, readLedger(outboxes, ids), enrolledSince(data)),
    });
    const summary: MetersSummary = {
      meters: meters.length,
      slots: to - plan.from,
      seconds: Math.round(elapsed * 100) / 100,
      ...fates,
      ...figures(counters, fates.settled, elapsed),
      absentAggregators: absent,
      peakMemoryMiB: meterRun.supervisor.memoryMiB(),
    };
    process.stdout.write(json ? `${JSON.stringify(summary)}\n` : `${describeMeters(summary, slotSeconds)}\n`);
    if (signal.aborted) {
      say("interrupted: what is not settled waits in the meters' outboxes");
      return EXIT.interrupted;
    }
    const wrong = whatWentWrong(summary);
    if (wrong === undefined) return EXIT.ok;
    process.stderr.write(`${wrong}\n`);
    return EXIT.failed;
  } finally {
    bar.stop();
    await meterRun.stop();
  }
}

function figures(counters: HostCounters, stored: number, seconds: number) {
  const { readings, exports, settled, shareMessages, shareSlots, shareBytes, refused } = counters;
  return {
    readings,
    exports,
    shares: shareSlots,
    messages: shareMessages,
    readingsPerSecond: Math.round((10 * stored) / seconds) / 10,
    // Refused ones travelled, too.
    bytesPerReading: settled === 0 ? 0 : Math.round(shareBytes / settled),
    refused,
  };
}

await runRole({
  name: "meters",
  description: "Starts simulated meters alone against a system that runs already; enrols nothing.",
  party: () => "meters",
  flags: [
    { flags: "--meters <number>", description: "the first so many enrolled meters (all)" },
    { flags: "--interval <seconds>", description: "real time between two readings of a meter (1; else the slot)" },
    { flags: "--batch <slots>", description: "slots per share message", path: "meter.batchSlots" },
    { flags: "--duration <seconds>", description: "how long readings are taken (60)" },
    { flags: "--hosts <number>", description: "processes that share the meters", path: "simulation.hosts" },
    {
      flags: "--network <name>",
      description: "link of the meters: perfect, lan, lte, nbiot, lossy",
      path: "simulation.network",
    },
    { flags: "--seed <number>", description: "seed of everything random", path: "simulation.seed" },
  ],
  help: [
    "Without --config or --profile it goes by the configuration of the fleet that ran in the data folder, if any.",
    "In a simulation it publishes the simulated clock, one slot per interval, and refuses where another process does.",
    "On the real clock the interval is the slot, and readings are taken when slots end.",
    "Exit codes: 0 all acknowledged; 1 there were gaps, or an aggregator was absent; 2 wrong usage; 130 interrupted.",
  ].join("\n"),
  examples: ["npm run meters -- --duration 30", "npm run meters -- --meters 20 --interval 0.5 --data data"],
  run,
});
