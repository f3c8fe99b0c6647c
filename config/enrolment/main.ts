/**
 * `npm run enrol`: makes or completes the keys of a system, and changes single meters on a running one. Runs where the
 * authority's keys are; prints names and counts, never a key.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { SingleBar } from "cli-progress";
import { alone } from "./alone.ts";
import { didYouMean } from "../faults.ts";
import { openParty } from "../keys/index.ts";
import { meterId } from "../../protocol/names.ts";
import { EXIT, type RoleContext, runRole, UsageError } from "../runtime/role-command.ts";
import { changeCommand, syncCommand } from "./commands.ts";
import { DEFAULT_HOSTS, enrol } from "./enrol.ts";
import { EnrolmentError } from "./files.ts";
import { listCommand } from "./list.ts";
import { meterList, readMeterFile } from "./meter-list.ts";
import { ckksPlan } from "./ckks-plan.ts";
import { dealingProgress, redealCommand } from "./redeal-command.ts";
import { renewCommand, retireCommand } from "./renew-command.ts";
import { RollBook } from "./roll-book.ts";

/** Shorter enrolments need no progress bar. */
const BAR_AFTER_MILLISECONDS = 2_000;

const COMMANDS = ["add", "move", "revoke", "rekey"] as const;

await runRole({
  name: "enrol",
  description: "Makes the keys of a system and its meters; adds, moves, revokes and re-keys single meters.",
  operands: "[command...]",
  party: () => "authority",
  flags: [
    {
      flags: "--meters <number>",
      description: "numbered meters to enrol (simulation.meters)",
      path: "simulation.meters",
    },
    { flags: "--feeders <number>", description: "feeders they are spread over", path: "simulation.feeders" },
    { flags: "--aggregators <n>", description: "aggregators (system.aggregators)", path: "system.aggregators" },
    { flags: "--threshold <t>", description: "aggregators needed for a total", path: "system.threshold" },
    { flags: "--quorum <q>", description: "aggregators that must endorse and countersign", path: "system.quorum" },
    { flags: "--simulation", description: "the system follows a simulated clock", path: "simulation.enabled" },
    { flags: "--meters-file <csv>", description: "meters to enrol, with the columns meter,feeder" },
    { flags: "--hosts <names>", description: "names and addresses of the broker, with commas between" },
    { flags: "--meter <id>", description: "the meter of a command" },
    { flags: "--feeder <id>", description: "its feeder (add, move)" },
    { flags: "--party <id>", description: "the party whose certificate is replaced (renew, retire)" },
    { flags: "--head", description: "it stands at the head of the feeder, and is nobody's (add)" },
    { flags: "--from-slot <slot>", description: "first slot for which a change holds; the next one if left out" },
    { flags: "--offline", description: "nothing runs: write into the folders of this machine" },
    { flags: "--wait <seconds>", description: "wait for aggregators (rounds.answerSeconds, twice)" },
  ],
  help: `Commands (without one: enrol what is missing):
  add --meter m-051 --feeder f-1     a new meter, or a revoked one again
  add --meter h-1 --feeder f-1 --head    a meter at the head of a feeder, for its losses (meter.role: head)
  move --meter m-051 --feeder f-2    from the next slot on
  revoke --meter m-051               from the next slot on
  rekey --meter m-051                new keys with every aggregator
  list                               meters, feeders, countersignatures
  sync                               send again what some party has missed
  redeal                             new CKKS keys: for the first time, or for another epoch
  renew --party a-1                  a new TLS key and certificate for a party; the one before goes on counting
  retire --party a-1                 replaced certificates of a party are refused from now on

A change says from which slot and local time on it holds; a meter's readings of slots before it belongs to a feeder are
refused. In a simulation whose clock stands still, --from-slot names the slot (Unix time / slotSeconds); when nothing
runs, add --offline. list goes by the time that a simulation has reached, or by --from-slot.

Exit codes: 0 done, also when it was done already; 1 it could not be done, and what was signed is kept for a repetition;
2 wrong usage or configuration, or a meter that is not there; 130 interrupted.`,
  examples: [
    "npm run enrol -- --meters 50 --feeders 4",
    "npm run enrol -- --meters-file meters.csv --hosts broker.example.org",
    "npm run enrol -- add --meter m-051 --feeder f-1",
    "npm run enrol -- revoke --meter m-051 --offline",
    "npm run enrol -- list",
  ],
  run,
});

async function run(context: RoleContext): Promise<number> {
  const [command, ...rest] = context.operands;
  const action = COMMANDS.find((name) => name === command);
  if (rest.length > 0) throw new UsageError(surplus(context, action));
  if (command === undefined) return enrolCommand(context);
  if (command === "list") return listCommand(context);
  if (command === "redeal") return changing(context, () => redealCommand(context));
  if (command === "renew") return changing(context, () => renewCommand(context));
  if (command === "retire") return changing(context, () => retireCommand(context));
  if (command !== "sync" && action === undefined) {
    throw new UsageError(
      `unknown command "${command}"${didYouMean(command, [...COMMANDS, "list", "sync", "redeal", "renew", "retire"])} (see --help)`,
    );
  }
  try {
    return await changing(context, () =>
      action === undefined ? syncCommand(context) : changeCommand(context, action),
    );
  } catch (error) {
    if (!(error instanceof EnrolmentError && context.signal.aborted)) throw error;
    process.stderr.write("interrupted; what was signed is kept: repeat the command\n");
    return EXIT.interrupted;
  }
}

/** Where no keys are, the command says so, and makes no folder. */
function changing({ config }: RoleContext, work: () => Promise<number>): Promise<number> {
  const { data } = config.paths;
  return existsSync(join(data, "keys")) ? alone(data, work) : work();
}

/** `revoke m-001` is what most will try first. */
function surplus({ operands, options }: RoleContext, action: string | undefined): string {
  const [, meter, feeder, ...more] = operands;
  const several = `one command at a time, got: ${operands.join(" ")}`;
  const fits = meter !== undefined && meterId.safeParse(meter).success && options["meter"] === undefined;
  if (action === undefined || !fits || more.length > 0) return several;
  const place = feeder === undefined ? "" : ` --feeder ${feeder}`;
  return `${several}; the meter goes with a flag: npm run enrol -- ${action} --meter ${meter}${place}`;
}

async function enrolCommand(context: RoleContext): Promise<number> {
  const { config, options, json } = context;
  const started = performance.now();
  const { system, simulation, paths } = config;
  const file = options["metersFile"];
  const hosts = options["hosts"];
  const meters =
    typeof file === "string"
      ? readMeterFile(file)
      : meterList(simulation.meters, simulation.feeders, knownMeters(paths.data));
  const bar = new SingleBar({ format: "enrolling [{bar}] {value}/{total} meters, {eta} s left" });
  const result = await enrol({
    data: paths.data,
    meters,
    aggregators: system.aggregators,
    threshold: system.threshold,
    quorum: system.quorum,
    slotSeconds: system.slotSeconds,
    simulation: simulation.enabled,
    ckks: ckksPlan(config),
    onDealing: dealingProgress(context),
    hosts: [...DEFAULT_HOSTS, config.broker.host, ...(typeof hosts === "string" ? hosts.split(",") : [])],
    onProgress: (done, total) => {
      if (json || performance.now() - started < BAR_AFTER_MILLISECONDS) return;
      if (!bar.isActive) bar.start(total, done);
      else bar.update(done);
    },
  });
  bar.stop();
  const seconds = Number(((performance.now() - started) / 1000).toFixed(2));
  const { keys, added, aggregators, threshold, quorum } = result;
  const summary = { keys, added: added.length, meters: result.meters.length, aggregators, threshold, quorum, seconds };
  process.stdout.write(
    json
      ? `${JSON.stringify(summary)}\n`
      : `${summary.added} meters enrolled, ${summary.meters} in all, ${aggregators} aggregators (t = ${threshold}, ` +
          `q = ${quorum}), ${seconds} s\nEach party's keys: ${keys}/<party>; hand each party its own folder only.\n`,
  );
  return EXIT.ok;
}

function knownMeters(data: string): string[] {
  const folder = join(data, "keys", "authority");
  if (!existsSync(folder)) return [];
  return new RollBook(openParty(folder)).entries().map(({ record }) => record.meter);
}
