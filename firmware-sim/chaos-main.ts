/**
 * `npm run chaos`: a fleet under random kills, stops, partitions, delays, repeats, full disks and clock jumps, and then a
 * checker that knows the truth. A seed, or a schedule, does the same again; a schedule that fails can be shrunk.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/index.ts";
import { EXIT, type RoleContext, runRole } from "../config/runtime/role-command.ts";
import { createProgress, type Progress, renderTable } from "../config/runtime/terminal.ts";
import { type ChaosRequest, chaosRequest, type RequestedRun } from "./chaos/request.ts";
import { commandOf, describeResult, describeSchedule, reportTable } from "./chaos/report.ts";
import { type ChaosResult, runChaos } from "./chaos/run.ts";
import { formatSchedule, type Schedule } from "./chaos/schedule.ts";
import { shortenSchedule, wrongChecks } from "./chaos/shorten.ts";

interface Tried {
  readonly schedule: Schedule;
  readonly result: ChaosResult;
}

/** What is wrong with the run itself is no finding of the checker. */
async function run(context: RoleContext): Promise<number> {
  const request = chaosRequest(context);
  try {
    return await runAll(context, request);
  } catch (error) {
    if (context.signal.aborted) return EXIT.interrupted;
    context.log.error({ err: error }, "chaos failed by itself");
    process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT.usage;
  }
}

async function runAll(context: RoleContext, request: ChaosRequest): Promise<number> {
  const { json } = context;
  const say = sayer(context);
  const tried: Tried[] = [];
  for (const one of request.runs) {
    const { schedule, config, folder } = one;
    const { seed, broker, days, events } = schedule;
    say(`seed ${seed} over ${broker}: ${days} simulated days, ${events.length} events`);
    for (const line of describeSchedule(schedule)) say(line);
    const result = await once(context, { config, schedule, folder, settleSeconds: request.settleSeconds });
    tried.push({ schedule, result });
    if (json) process.stdout.write(`${JSON.stringify({ seed, broker, days, planned: events.length, ...result })}\n`);
    else process.stdout.write(`${reportTable(result.report)}\n${describeResult(result)}\n`);
    if (!result.report.ok) {
      const file = join(folder, "schedule.yaml");
      say(`again: ${commandOf(file)}   shortest: ${commandOf(file)} --shrink`);
      if (request.shrink) await shorten(context, request, one, { schedule, result });
    }
  }
  if (tried.length > 1) say(summary(tried));
  return tried.every(({ result }) => result.report.ok) ? EXIT.ok : EXIT.failed;
}

function sayer({ json }: RoleContext): (text: string) => void {
  return (text) => {
    if (!json) process.stderr.write(`${text}\n`);
  };
}

interface Once {
  readonly config: Config;
  readonly schedule: Schedule;
  readonly folder: string;
  readonly settleSeconds: number;
}

async function once(context: RoleContext, given: Once): Promise<ChaosResult> {
  const { json, signal } = context;
  const say = sayer(context);
  let bar: Progress | undefined;
  const show = (label: string, done: number, total: number): void => {
    if (bar === undefined || current !== label) {
      bar?.stop();
      current = label;
      bar = createProgress({ label, total, silent: json });
    }
    bar.update(done);
  };
  let current = "";
  const end = (): void => {
    bar?.stop();
    bar = undefined;
  };
  try {
    return await runChaos({
      ...given,
      signal,
      onPhase: (text) => {
        end();
        say(text);
      },
      onSlot: (done, total) => show("slots", done, total),
      onSettling: (there, total) => show("results", there, total),
    });
  } finally {
    end();
  }
}

/** Does a schedule that failed again and again with fewer events, and writes the shortest that still fails so. */
async function shorten(
  context: RoleContext,
  request: ChaosRequest,
  { config, folder }: RequestedRun,
  { schedule, result }: Tried,
) {
  const say = sayer(context);
  const { settleSeconds, shrinkRuns: mostRuns } = request;
  const found = await shortenSchedule({
    schedule,
    report: result.report,
    again: async (shorter) => {
      say(`shrinking: with ${shorter.events.length} events`);
      const given = { config, schedule: shorter, folder: join(folder, "shrink"), settleSeconds };
      return (await once(context, given)).report;
    },
    mostRuns,
    onStep: (left, runs) => say(`shrinking: ${runs} runs, ${left} of ${schedule.events.length} events are left`),
  });
  const file = join(folder, "shortest.yaml");
  writeFileSync(file, formatSchedule(found.schedule));
  if (context.json) process.stdout.write(`${JSON.stringify({ ...found, file })}\n`);
  say(
    `${found.isMinimal ? "the shortest schedule that fails" : "given up; the shortest so far"} (${found.runs} runs):`,
  );
  for (const line of describeSchedule(found.schedule)) say(line);
  say(`again: ${commandOf(file)}`);
}

function summary(tried: readonly Tried[]): string {
  const rows = tried.map(({ schedule: { seed, broker }, result: { report, events, seconds } }) => {
    return [
      seed,
      broker,
      report.ok ? "right" : `WRONG: ${wrongChecks(report).join(", ")}`,
      events.done,
      events.missed,
      seconds.toFixed(0),
    ];
  });
  return renderTable(["seed", "broker", "verdict", "events", "missed", "seconds"], rows);
}

await runRole({
  name: "chaos",
  description: "Runs a fleet while everything goes wrong, and checks that nothing is lost and nothing counted twice.",
  profile: "demo",
  party: () => "chaos",
  flags: [
    { flags: "--minutes <number>", description: "how long slots go by at least (default 1)" },
    { flags: "--seed <number>", description: "seed of households and events", path: "simulation.seed" },
    { flags: "--seeds <from-to>", description: "a run for each of these, one after another" },
    {
      flags: "--broker <engine>",
      description: "embedded, mosquitto or nats (three nodes); a program of this machine",
      path: "simulation.broker",
    },
    { flags: "--events <number>", description: "how many events are drawn (default: one for each 2.5 s)" },
    { flags: "--schedule <file>", description: "these events, seed, days and broker instead" },
    { flags: "--shrink", description: "finds the shortest schedule that fails, if it fails" },
    { flags: "--shrink-runs <number>", description: "most runs for that (default 100)" },
    { flags: "--settle <seconds>", description: "patience with whatever does not move (default 90)" },
    { flags: "--out <folder>", description: "where runs go (default <data>/chaos)" },
  ],
  help: "Exit codes: 0 everything is right; 1 the checker found something; 2 wrong usage, or the run itself failed; 130 interrupted.",
  examples: [
    "npm run chaos -- --minutes 1 --seed 7",
    "npm run chaos -- --minutes 10 --seeds 1-20 --broker nats",
    "npm run chaos -- --schedule data/chaos/embedded-7/schedule.yaml --shrink",
  ],
  run,
});
