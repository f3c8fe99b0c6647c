/**
 * `npm run gateway`: what listens at the customer. Devices that share by themselves are relayed; real meters are read
 * and run through the agent.
 */
import { METRICS_OFFSETS, type RoleContext, runRole, UsageError } from "../../config/runtime/role-command.ts";
import { runGateway } from "./gateway.ts";
import { PORT_FLAGS, portsOf } from "./port-flags.ts";
import { provision } from "./provision-command.ts";
import { openReplay } from "./recording.ts";
import { released } from "./released-command.ts";

async function listen(context: RoleContext): Promise<number> {
  const { options } = context;
  const dryRun = options["dryRun"] === true;
  const [record, file] = [options["record"], options["replay"]] as (string | undefined)[];
  if (record !== undefined && file !== undefined) throw new UsageError("--record: not together with --replay");
  const replay = file === undefined ? undefined : await openReplay(file);
  const ports = portsOf(context, {
    ...(dryRun ? { meter: "dry-run" } : {}),
    ...(replay === undefined ? {} : { kind: replay.kind }),
  });
  const single = record === undefined ? "--replay" : "--record";
  if ((record !== undefined || replay !== undefined) && ports.length > 1) {
    throw new UsageError(`${single}: one port at a time; name it by --port or --meter`);
  }
  if (replay !== undefined && ports[0]?.kind !== replay.kind) {
    throw new UsageError(`--replay: this is a recording of ${replay.kind}, not of ${String(ports[0]?.kind)}`);
  }
  if (replay !== undefined && !dryRun && (replay.kind === "wattveil" || replay.kind === "pulse")) {
    throw new UsageError(`--replay: a recording of ${replay.kind} can only be looked at (--dry-run)`);
  }
  return await runGateway(context, {
    ports,
    dryRun,
    ...(record === undefined ? {} : { record }),
    ...(replay === undefined ? {} : { replay }),
  });
}

/** Flags of one command alone. */
const ONLY_FOR: Readonly<Record<string, string | undefined>> = {
  keepKeys: "provision",
  checkpoint: "provision",
  dryRun: undefined,
  record: undefined,
  replay: undefined,
};

const dashed = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

async function run(context: RoleContext): Promise<number> {
  const [command, ...more] = context.operands;
  if (more.length > 0) throw new UsageError(`${more.join(" ")}: expected one command at most`);
  const stray = Object.entries(ONLY_FOR).find(([name, of]) => context.options[name] !== undefined && of !== command);
  if (stray !== undefined) throw new UsageError(`--${dashed(stray[0])}: only with ${stray[1] ?? "no command"}`);
  switch (command) {
    case undefined:
      return await listen(context);
    case "provision":
      return await provision(context);
    case "released":
      return await released(context);
    default:
      throw new UsageError(`${command}: expected provision, released or nothing`);
  }
}

await runRole({
  name: "gateway",
  metricsOffset: (_options, [verb]) => (verb === undefined ? METRICS_OFFSETS.gateway : undefined),
  description: "Listens to meters on serial ports: relays devices that share by themselves, reads all others.",
  operands: "[command]",
  flags: [
    ...PORT_FLAGS,
    { flags: "--keep-keys", description: "provision: leaves the keys in the meter's folder as well" },
    { flags: "--checkpoint <pulses>", description: "provision: most pulses that a power cut may lose, 16 to 255 (64)" },
    { flags: "--dry-run", description: "prints what is read; keeps nothing and sends nothing" },
    { flags: "--record <file>", description: "keeps the raw bytes of one port in a new file" },
    { flags: "--replay <file>", description: "plays a recording in place of the port, as fast as it can be taken" },
  ],
  help: `Commands (without one: listen):
  provision  gives a new wattveil device the keys of --meter, once; needs --port, --meter, --pulses-per-kwh and the jumper
  released   shows released feeder loads in Home Assistant (homeAssistant.url), from the broker's public port`,
  examples: [
    "npm run gateway -- --port /dev/ttyUSB0 --kind p1 --dry-run",
    "npm run gateway -- --port /dev/ttyUSB0 --kind wattveil --meter m-001",
    "npm run gateway -- provision --port /dev/ttyUSB0 --meter m-001 --pulses-per-kwh 1000",
  ],
  party: (options) => (typeof options["meter"] === "string" ? options["meter"] : "gateway"),
  run,
});
