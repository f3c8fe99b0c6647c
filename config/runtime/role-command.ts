/**
 * The frame of every command of the system: the same flags, exit codes, logs and way to stop. A role's `main.ts` says
 * what it is called, which flags it adds, and what runs.
 */
import { Command, CommanderError } from "commander";
import { ConfigError } from "../faults.ts";
import type { Origin } from "../faults.ts";
import type { Flag } from "../layers.ts";
import { loadEffective } from "../load.ts";
import type { Config } from "../schema.ts";
import { createLogger } from "./logger.ts";
import type { Logger, ProcessLog } from "./logger.ts";

/** 0 done; 1 something failed; 2 wrong usage or configuration; 130 interrupted before it had stopped. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** Wrong use of a command that its flags alone do not show: printed without a stack, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

type OptionValues = Readonly<Record<string, unknown>>;

/** A flag of a command. With `path` it sets that field of the configuration, else it is found in `options`. */
export interface CommandFlag {
  /** As commander takes it: `--meters <number>`, `--keep-running`. */
  readonly flags: string;
  readonly description: string;
  /** `section.field` of the configuration. */
  readonly path?: string;
  readonly required?: boolean;
}

export interface RoleContext {
  readonly config: Config;
  /** Where each field's value comes from, by `section.field`. */
  readonly origins: ReadonlyMap<string, Origin>;
  readonly log: Logger;
  readonly process: ProcessLog;
  /** Values of the command's own flags by their camel-case name. */
  readonly options: OptionValues;
  /** Arguments that are not flags. */
  readonly operands: readonly string[];
  /** `--json`: only JSON goes to stdout. */
  readonly json: boolean;
  /** Where the configuration came from, to hand on to further processes: `["--config", "x.yaml", ...]`. */
  readonly configArguments: readonly string[];
  /** Aborts on SIGINT and SIGTERM: stop cleanly and return. */
  readonly signal: AbortSignal;
}

export interface RoleCommand {
  /** The script's name: `aggregator`. */
  readonly name: string;
  readonly description: string;
  readonly flags?: readonly CommandFlag[];
  /** For `--help`: `[file]`; without it operands are refused. */
  readonly operands?: string;
  /** Text after the list of flags. */
  readonly help?: string;
  /** Who the log lines are of; the command's name if left out. */
  readonly party?: (options: OptionValues) => string;
  /** The profile that holds when none is named. */
  readonly profile?: string;
  /** False for a command that only reads: it leaves no log files, its errors go to stderr. */
  readonly logFiles?: boolean;
  /** Runs until the work is done or the signal aborts; may return an exit code. */
  readonly run: (context: RoleContext) => Promise<number | undefined> | Promise<void>;
}

/** How long a process may take to stop after a signal. */
const STOP_MILLISECONDS = 10_000;
/** Signals this close together are one. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** Parses, loads, runs and ends the process. Call it as the only statement of a `main.ts`. */
export async function runRole(role: RoleCommand, argv: readonly string[] = process.argv): Promise<void> {
  const command = commandOf(role);
  try {
    command.parse(argv);
  } catch (error) {
    // commander has printed help or the fault by itself
    process.exit(error instanceof CommanderError && error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  }
  process.exit(await execute(role, command));
}

function commandOf(role: RoleCommand): Command {
  const command = new Command(role.name)
    .description(role.description)
    .option("-c, --config <file>", "YAML file of the configuration (or WV_CONFIG)")
    .option("-p, --profile <name>", "profile under the file: demo, laptop, city (or WV_PROFILE)")
    .option("-d, --data <dir>", "folder of databases and keys (paths.data)")
    .option("-s, --set <field=value>", "sets any field, e.g. system.slotSeconds=900; may be repeated", collect, [])
    .option("--json", "prints JSON only", false)
    .exitOverride()
    .showHelpAfterError("(--help lists the flags)");
  if (role.operands === undefined) command.allowExcessArguments(false);
  else command.argument(role.operands);
  for (const { flags, description, required } of role.flags ?? []) {
    if (required === true) command.requiredOption(flags, description);
    else command.option(flags, description);
  }
  if (role.help !== undefined) command.addHelpText("after", `\n${role.help}`);
  return command;
}

function collect(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

/** Flags that set fields, each with the name the user knows. */
function configFlags(role: RoleCommand, command: Command): Flag[] {
  const options: OptionValues = command.opts();
  const own = (role.flags ?? []).flatMap(({ flags, path }): Flag[] => {
    if (path === undefined) return [];
    const option = command.options.find((candidate) => candidate.flags === flags)!;
    return [{ name: option.long ?? flags, path, value: options[option.attributeName()] }];
  });
  const set = (options["set"] as readonly string[]).map((text): Flag => {
    const [path = "", ...value] = text.split("=");
    if (value.length === 0) throw new UsageError(`--set ${text}: expected section.field=value`);
    return { name: "--set", path, value: value.join("=") };
  });
  return [{ name: "--data", path: "paths.data", value: options["data"] }, ...own, ...set];
}

async function execute(role: RoleCommand, command: Command): Promise<number> {
  const options: OptionValues = command.opts();
  let processLog: ProcessLog | undefined;
  try {
    const file = options["config"] as string | undefined;
    const profile = (options["profile"] as string | undefined) ?? defaultProfile(role, file);
    const flags = configFlags(role, command);
    const { config, origins } = loadEffective({ file, profile, env: process.env, flags });
    const json = options["json"] === true;
    processLog = createLogger(config, role.party?.(options) ?? role.name, { files: role.logFiles ?? true });
    const { log } = processLog;
    reportCrashes(processLog, role);
    log.debug({ argv: command.args }, `${role.name} starts`);
    const configArguments = argumentsOf({ file, profile, flags });
    const signal = stopSignal(log);
    const operands = command.args;
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
    return report(error, role, processLog);
  } finally {
    processLog?.flush();
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

/** A fault of use or configuration is explained; anything else goes to the log with its stack. */
function report(error: unknown, role: RoleCommand, processLog: ProcessLog | undefined): number {
  if (error instanceof ConfigError || error instanceof UsageError) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.usage;
  }
  if (processLog === undefined || role.logFiles === false)
    process.stderr.write(`${role.name}: ${error instanceof Error ? error.message : String(error)}\n`);
  else processLog.log.fatal({ err: error }, error instanceof Error ? error.message : String(error));
  return EXIT.failed;
}

function reportCrashes(processLog: ProcessLog, role: RoleCommand): void {
  const crash = (error: unknown): void => {
    const code = report(error, role, processLog);
    processLog.flush();
    process.exit(code);
  };
  // `npm run bills | head` closes the pipe: the reader has had enough, which is no fault.
  process.stdout.on("error", (error: NodeJS.ErrnoException) =>
    error.code === "EPIPE" ? process.exit() : crash(error),
  );
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

/** The first signal asks to stop, the second does not ask. */
function stopSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  let askedAt = 0;
  const stop = (name: string): void => {
    if (controller.signal.aborted) {
      // npm and tsx pass on a Ctrl-C that the terminal has already given to everyone.
      if (performance.now() - askedAt > SAME_SIGNAL_MILLISECONDS) process.exit(EXIT.interrupted);
      return;
    }
    askedAt = performance.now();
    log.info({ signal: name }, "stopping");
    controller.abort();
    setTimeout(() => {
      log.error({}, `did not stop within ${STOP_MILLISECONDS} ms`);
      process.exit(EXIT.failed);
    }, STOP_MILLISECONDS).unref();
  };
  process.on("SIGINT", () => stop("SIGINT"));
  process.on("SIGTERM", () => stop("SIGTERM"));
  return controller.signal;
}
