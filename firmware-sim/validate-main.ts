/**
 * `npm run validate`: is everything in place on this machine, and what is to be done about the rest. It has a frame of
 * its own, because a faulty configuration is one of its findings and not the end of it.
 */
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import type { Flag } from "../config/index.ts";
import { renderTable } from "../config/runtime/terminal.ts";
import type { Finding } from "./validate/finding.ts";
import { validate } from "./validate/validate.ts";

const EXIT_FAULT = 1;
const EXIT_USAGE = 2;
const MARKS = { ok: "ok", note: "note", fault: "FAULT" } as const;

const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];

const HELP_END = `Exit codes: 0 nothing is wrong; 1 a check found a fault, also in the configuration; 2 wrong usage.

Examples:
  npm run validate
  npm run validate -- --data data --json
  npm run validate -- --config wattveil.yaml`;

interface Options {
  readonly config?: string;
  readonly profile?: string;
  readonly data?: string;
  readonly set?: readonly string[];
  readonly json?: boolean;
}

function options(): Options {
  const command = new Command("validate")
    .description("Checks installation, configuration, keys, ports, arithmetic and databases; changes nothing.")
    .usage("[flags]      (npm run validate -- [flags])")
    .option("-c, --config <file>", "YAML file of the configuration (or WV_CONFIG)")
    .option("-p, --profile <name>", "profile under the file: demo, laptop, city (or WV_PROFILE)")
    .option("-d, --data <dir>", "folder of databases and keys (paths.data)")
    .option("-s, --set <field=value>", "sets any field, e.g. system.slotSeconds=900; may be repeated", collect)
    .option("--json", "prints JSON only")
    .addHelpText("after", `\n${HELP_END}`)
    .allowExcessArguments(false)
    .exitOverride()
    .showHelpAfterError("(--help lists the flags)");
  try {
    return command.parse().opts<Options>();
  } catch (error) {
    process.exit(error instanceof CommanderError && error.exitCode === 0 ? 0 : EXIT_USAGE);
  }
}

function flagsOf({ data, set = [] }: Options): Flag[] {
  const given = set.map((text): Flag => {
    const [path = "", ...value] = text.split("=");
    return { name: "--set", path, value: value.join("=") };
  });
  return [{ name: "--data", path: "paths.data", value: data }, ...given];
}

function describe(findings: readonly Finding[]): string {
  const rows = findings.map(({ area, check, state, detail, remedy }, index) => [
    area === findings[index - 1]?.area ? "" : area,
    check,
    MARKS[state],
    remedy === "" ? detail : `${detail}\n-> ${remedy}`,
  ]);
  const faults = findings.filter(({ state }) => state === "fault").length;
  const verdict = faults === 0 ? "Nothing is wrong." : `${faults} of ${findings.length} checks found a fault.`;
  return `${renderTable(["", "check", "state", "found"], rows)}\n${verdict}`;
}

const given = options();
const findings = await validate({
  root: fileURLToPath(new URL("../", import.meta.url)),
  nodeVersion: process.versions.node,
  path: process.env["PATH"] ?? "",
  sources: { file: given.config, profile: given.profile, env: process.env, flags: flagsOf(given) },
  now: Date.now(),
});
const valid = findings.every(({ state }) => state !== "fault");
process.stdout.write(given.json === true ? `${JSON.stringify({ valid, findings })}\n` : `${describe(findings)}\n`);
process.exitCode = valid ? 0 : EXIT_FAULT;
