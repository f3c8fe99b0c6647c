/** The command line of a role: its flags, its help, and what npm did to it on the way. */
import { Command } from "commander";
import type { Flag } from "../layers.ts";
import { UsageError } from "./role.ts";
import type { OptionValues, RoleCommand } from "./role.ts";

const EXIT_CODES =
  "Exit codes: 0 done; 1 something failed; 2 wrong usage or configuration; 130 interrupted before it had stopped.";
/** Options of npm itself: where one of these is set, it need not have been meant for us. */
const NPM_OWN = new Set(["--json", "--offline"]);
/** `-c x.yaml` is `--call` to npm. */
const NPM_SHORT: Readonly<Record<string, string>> = { "-c": "call" };

export function commandOf(role: RoleCommand): Command {
  const command = new Command(role.name)
    .description(role.description)
    .usage(`${role.operands === undefined ? "" : `${role.operands} `}[flags]      (npm run ${role.name} -- [flags])`)
    .option("-c, --config <file>", "YAML file of the configuration (or WV_CONFIG)")
    .option("-p, --profile <name>", "profile under the file: demo, laptop, city (or WV_PROFILE)")
    .option("-d, --data <dir>", "folder of databases and keys (paths.data)")
    .option("-s, --set <field=value>", "sets any field, e.g. system.slotSeconds=900; may be repeated", collect)
    .option("--json", "prints JSON only")
    .exitOverride()
    .showHelpAfterError("(--help lists the flags)");
  if (role.operands === undefined) command.allowExcessArguments(false);
  else command.argument(role.operands);
  for (const { flags, description, required, repeated } of role.flags ?? []) {
    if (required === true) command.requiredOption(flags, description);
    else if (repeated === true) command.option(flags, description, collect);
    else command.option(flags, description);
  }
  return command.addHelpText("after", `\n${helpEnd(role)}`);
}

function helpEnd(role: RoleCommand): string {
  const { name, help, examples } = role;
  const required = (role.flags ?? []).filter(({ required: is }) => is === true).map(({ flags }) => flags);
  const lines = examples ?? [`npm run ${name} -- ${[...required, "--profile demo"].join(" ")}`];
  return [
    ...(help === undefined ? [] : [help]),
    ...(help !== undefined && /^Exit codes?:/m.test(help) ? [] : [EXIT_CODES]),
    ["Examples:", ...lines.map((line) => `  ${line}`)].join("\n"),
  ].join("\n\n");
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Flags that set fields, each with the name the user knows. */
export function configFlags(role: RoleCommand, command: Command): Flag[] {
  const options: OptionValues = command.opts();
  const own = (role.flags ?? []).flatMap(({ flags, path }): Flag[] => {
    if (path === undefined) return [];
    const option = command.options.find((candidate) => candidate.flags === flags)!;
    const name = option.attributeName();
    // `--no-x` is true by default: where it is not given, the field keeps what it has.
    const value = command.getOptionValueSource(name) === "default" ? undefined : options[name];
    return [{ name: option.long ?? flags, path, value }];
  });
  const set = ((options["set"] ?? []) as readonly string[]).map((text): Flag => {
    const [path = "", ...value] = text.split("=");
    if (value.length === 0) throw new UsageError(`--set ${text}: expected section.field=value`);
    return { name: "--set", path, value: value.join("=") };
  });
  return [{ name: "--data", path: "paths.data", value: options["data"] }, ...own, ...set];
}

/**
 * Throws UsageError when npm has taken flags of this command for its own: without `--` before them it keeps them, and
 * leaves only their values as arguments and `npm_config_*` in the environment.
 */
export function refuseEatenFlags(
  { name }: RoleCommand,
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
): void {
  // Processes that another script started inherit its environment.
  if (env["npm_lifecycle_event"] !== name) return;
  const eaten = command.options.flatMap(({ short, long }) => {
    if (long !== undefined && !NPM_OWN.has(long) && isSet(long.slice(2), env)) return [long];
    return short !== undefined && isSet(NPM_SHORT[short] ?? "", env) ? [short] : [];
  });
  if (eaten.length === 0) return;
  const flags = eaten.length === 1 ? "it is a flag" : "they are flags";
  throw new UsageError(
    `npm has taken ${eaten.join(", ")} for itself: ${flags} of ${name}, and go after --, as in ` +
      `npm run ${name} -- ${eaten.join(" ... ")} ...`,
  );
}

function isSet(name: string, env: Readonly<Record<string, string | undefined>>): boolean {
  return name !== "" && env[`npm_config_${name.replaceAll("-", "_").toLowerCase()}`] !== undefined;
}
