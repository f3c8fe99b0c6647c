/**
 * The frame of every command of the system: the same flags, exit codes, logs and way to stop. A role's `main.ts` says
 * what it is called, which flags it adds, and what runs.
 */
import { statSync } from "node:fs";
import type { Command } from "commander";
import { CommanderError } from "commander";
import { describeOrigin } from "../faults.ts";
import type { Flag } from "../layers.ts";
import { loadEffective } from "../load.ts";
import type { EffectiveConfig } from "../load.ts";
import type { Config } from "../schema.ts";
import { commandOf, configFlags, refuseEatenFlags } from "./command-line.ts";
import { reportFault } from "./fault-report.ts";
import type { Failing } from "./fault-report.ts";
import { createLogger, type Logger } from "./logger.ts";
import type { HttpListener } from "./http-listener.ts";
import { observation } from "./observation.ts";
import { EXIT, UsageError } from "./role.ts";
import type { OptionValues, RoleCommand } from "./role.ts";
import { endWhenStill } from "./still-watch.ts";
import { stopSignal, watchOutput, watchProcess } from "./stop-signal.ts";

export { EXIT, METRICS_OFFSETS, UsageError } from "./role.ts";
export type { RoleContext } from "./role.ts";

/** Parses, loads, runs and ends the process. Call it as the only statement of a `main.ts`. */
export async function runRole(role: RoleCommand, argv: readonly string[] = process.argv): Promise<void> {
  const command = commandOf(role);
  watchOutput((error) => process.exit(reportFault(error, { role })));
  try {
    refuseEatenFlags(role, command, process.env);
    command.parse(argv);
  } catch (error) {
    // commander has printed help or its fault by itself
    if (!(error instanceof CommanderError)) return exit(reportFault(error, { role }));
    return exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  }
  await exit(await execute(role, command));
}

/** Ends the process when its readers have all that was printed: `process.exit` alone cuts what a pipe has not taken yet. */
async function exit(code: number): Promise<never> {
  process.exitCode = code; // where a reader is gone the process ends before it comes to the end of this
  // Writes are answered in their order, also those to a reader that is gone.
  const written = (stream: NodeJS.WriteStream) => new Promise<void>((resolve) => stream.write("", () => resolve()));
  await Promise.all([written(process.stdout), written(process.stderr)]);
  process.exit(code);
}

async function execute(role: RoleCommand, command: Command): Promise<number> {
  const options: OptionValues = command.opts();
  let failing: Failing = { role };
  let metrics: HttpListener | undefined;
  try {
    const file = options["config"] as string | undefined;
    const profile = (options["profile"] as string | undefined) ?? defaultProfile(role, file);
    const flags = configFlags(role, command);
    const effective = loadEffective({ file, profile, env: process.env, flags });
    const { config, origins } = effective;
    assertFolders(effective);
    if (role.profile !== undefined && ![...origins.values()].some(({ kind }) => kind === "profile")) {
      const own = `the ${role.profile} profile is not in force, since there is a configuration of your own`;
      process.stderr.write(`${role.name}: ${own}; --profile ${role.profile} puts it underneath\n`);
    }
    const json = options["json"] === true;
    const processLog = createLogger(config, role.party?.(options) ?? role.name, { files: role.logFiles ?? true });
    failing = { role, config, processLog };
    watchProcess((error) => {
      const code = reportFault(error, failing);
      processLog.flush();
      process.exit(code);
    });
    const { log } = processLog;
    log.debug({ argv: command.args }, `${role.name} starts`);
    const configArguments = argumentsOf({ file, profile, flags });
    const signal = stopSignal(log);
    const operands = command.args;
    if (role.metricsOffset?.(options, operands) !== undefined) {
      endWhenStill({ name: role.party?.(options) ?? role.name, seconds: config.roles.stillSeconds, log });
    }
    metrics = await observe(role, config, options, operands, log);
    const code = await role.run({
      config,
      origins,
      log,
      process: processLog,
      options,
      operands,
      json,
      configArguments,
      signal,
    });
    log.debug({ code: code ?? EXIT.ok }, `${role.name} ends`);
    return code ?? EXIT.ok;
  } catch (error) {
    return reportFault(error, failing);
  } finally {
    await metrics?.close();
    failing.processLog?.flush();
  }
}

/** Loaded only where figures are shown: short commands have no use for it. */
async function observe(
  role: RoleCommand,
  config: Config,
  options: OptionValues,
  operands: readonly string[],
  log: Logger,
): Promise<HttpListener | undefined> {
  const offset = config.metrics.enabled ? role.metricsOffset?.(options, operands) : undefined;
  if (offset === undefined) return undefined;
  const { startMetrics } = await import("./metrics-server.ts");
  const party = role.party?.(options) ?? role.name;
  const server = await startMetrics({ party, observation, settings: config.metrics, offset });
  log.info({ port: server.port }, "figures are shown");
  return server;
}

/** A folder may be missing, it is made then; but what is there must be a folder. */
function assertFolders({ config, origins }: EffectiveConfig): void {
  for (const name of ["data", "logs", "results"] as const) {
    const folder = config.paths[name];
    if (!isOther(folder)) continue;
    const origin = describeOrigin(origins.get(`paths.${name}`)!);
    throw new UsageError(`paths.${name}: ${folder} is a file, expected a folder (${origin})`);
  }
}

function isOther(folder: string): boolean {
  try {
    return !statSync(folder).isDirectory();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOTDIR";
  }
}

function defaultProfile(role: RoleCommand, file: string | undefined): string | undefined {
  // Whoever brings a file decides everything in it.
  return (file ?? process.env["WV_CONFIG"] ?? process.env["WV_PROFILE"]) ? undefined : role.profile;
}

function argumentsOf(from: { file: string | undefined; profile: string | undefined; flags: Flag[] }): string[] {
  const set = from.flags
    .filter(({ value }) => value !== undefined)
    .flatMap(({ path, value }) => ["--set", `${path}=${typeof value === "string" ? value : JSON.stringify(value)}`]);
  return [
    ...(from.file === undefined ? [] : ["--config", from.file]),
    ...(from.profile === undefined ? [] : ["--profile", from.profile]),
    ...set,
  ];
}
