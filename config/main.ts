/** `npm run config`: prints the configuration as it holds in the end, and where each value comes from. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { stringify } from "yaml";
import { describeOrigin } from "./faults.ts";
import type { Origin } from "./faults.ts";
import { referencePage } from "./reference.ts";
import { runRole } from "./runtime/role-command.ts";
import type { RoleContext } from "./runtime/role-command.ts";
import { renderTable } from "./runtime/terminal.ts";
import { FIELDS } from "./schema.ts";
import type { Config, Field } from "./schema.ts";

const REFERENCE = path.join(import.meta.dirname, "..", "docs", "configuration.md");
/** Of a value in the table of origins. */
const MOST_CHARACTERS = 60;

await runRole({
  name: "config",
  description: "Prints the effective configuration as YAML. Exit code 2, and all faults, when it cannot be used.",
  flags: [
    { flags: "--origin", description: "prints where each value comes from; with --json, long values whole" },
    { flags: "--reference", description: "writes docs/configuration.md from the schema" },
  ],
  help: "Exit codes: 0 it can be used; 2 it cannot, or the use is wrong.",
  examples: [
    "npm run config -- --profile demo --origin",
    "npm run config -- --config wattveil.yaml --set system.slotSeconds=1800",
  ],
  logFiles: false,
  run: async (context) => {
    if (context.options["reference"] === true) writeFileSync(REFERENCE, referencePage());
    else process.stdout.write(`${print(context)}\n`);
  },
});

function print({ config, origins, options, json }: RoleContext): string {
  if (options["origin"] !== true) return json ? JSON.stringify(config) : stringify(config).trimEnd();
  const rows = [...FIELDS.values()].map((field) => ({
    field,
    value: valueOf(config, field),
    origin: at(origins, field),
  }));
  if (json) {
    return JSON.stringify(Object.fromEntries(rows.map(({ field, value, origin }) => [field.path, { value, origin }])));
  }
  return renderTable(
    ["field", "value", "from"],
    rows.map(({ field, value, origin }) => [field.path, shortened(JSON.stringify(value)), describeOrigin(origin)]),
  );
}

/** One long list would make every line of the table as wide. */
function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS - 1)}…`;
}

function valueOf(config: Config, { section, name }: Field): unknown {
  return (config[section] as Readonly<Record<string, unknown>>)[name];
}

function at(origins: ReadonlyMap<string, Origin>, { path: name }: Field): Origin {
  return origins.get(name)!;
}
