/**
 * `npm run tour`: five minutes with a small simulated system. It runs a day of ten households, then shows step by step,
 * with the data of that very run, who saw what.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { EXIT, type RoleContext, runRole, UsageError } from "../config/runtime/role-command.ts";
import { showcase } from "../protocol/messages/showcase.ts";
import { showcaseFile } from "./fleet/fleet-roles.ts";
import { type Chapter, chapters, type Evidence } from "./tour/chapters.ts";

const START = fileURLToPath(new URL("../config/runtime/start.mjs", import.meta.url));
/** Small enough for a minute, with all that the chapters tell of. */
const SYSTEM: Readonly<Record<string, string | number | boolean>> = {
  "system.aggregators": 3,
  "system.threshold": 2,
  "simulation.meters": 10,
  "simulation.feeders": 1,
  "broker.tlsPort": 0,
  "broker.wssPort": 0,
  "broker.publicPort": 0,
  "api.enabled": false,
  "grid.enabled": false,
};

async function run(context: RoleContext): Promise<number> {
  const { config, options, json, signal } = context;
  const kept = options["keep"];
  const folder = typeof kept === "string" ? kept : mkdtempSync(join(tmpdir(), "wattveil-tour-"));
  try {
    if (!json) process.stderr.write("A small system runs for one simulated day: ten households, three aggregators.\n");
    const data = join(folder, "data");
    const summary = await fleet(folder, data, json, signal);
    if (summary === undefined) return signal.aborted ? EXIT.interrupted : EXIT.failed;
    const utility = new Database(join(data, "utility", "utility.db"), { readonly: true, fileMustExist: true });
    try {
      const shown = showcase.parse(JSON.parse(readFileSync(showcaseFile(data), "utf8")));
      const told = chapters({ showcase: shown, utility, timezone: config.system.timezone, summary });
      if (json) process.stdout.write(`${JSON.stringify(told)}\n`);
      else await tell(told, options["pause"] !== false && process.stdin.isTTY, signal);
    } finally {
      utility.close();
    }
    if (!json && typeof kept === "string")
      process.stdout.write(`\nThe run is in ${folder}: docs/database.md has queries for it.\n`);
    return signal.aborted ? EXIT.interrupted : EXIT.ok;
  } finally {
    if (typeof kept !== "string") rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs it, with its progress on stderr; undefined if it did not end well. */
async function fleet(
  folder: string,
  data: string,
  json: boolean,
  signal: AbortSignal,
): Promise<Evidence["summary"] | undefined> {
  const paths = { "paths.data": data, "paths.results": join(folder, "results"), "paths.logs": join(folder, "logs") };
  const settings = Object.entries({ ...SYSTEM, ...paths }).flatMap(([field, value]) => ["--set", `${field}=${value}`]);
  const args = [START, "firmware-sim/main.ts", "--profile", "demo", "--json", ...settings];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", json ? "ignore" : "inherit"],
    signal,
    killSignal: "SIGTERM",
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.on("error", () => undefined);
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return JSON.parse(said) as Evidence["summary"];
  if (!signal.aborted) {
    const { waiting, differences, ciphertexts } = (said === "" ? {} : JSON.parse(said)) as Record<string, unknown>;
    const found = JSON.stringify({ waiting, differences, ciphertexts });
    process.stderr.write(`tour: the fleet ended with ${code}, and found ${found}\n`);
  }
  return undefined;
}

async function tell(told: readonly Chapter[], pause: boolean, signal: AbortSignal): Promise<void> {
  const prompt = pause ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  try {
    for (const [i, { title, lines }] of told.entries()) {
      if (signal.aborted) return;
      process.stdout.write(
        `\n${i + 1} of ${told.length}  ${title}\n\n${lines.map((line) => `  ${line}`).join("\n")}\n`,
      );
      if (i + 1 < told.length) await prompt?.question("\n  Enter goes on. ", { signal }).catch(() => undefined);
    }
  } finally {
    prompt?.close();
  }
}

await runRole({
  name: "tour",
  description: "A tour of five minutes: a small simulated system, and who saw what of one household.",
  flags: [
    { flags: "--no-pause", description: "tells everything at once" },
    { flags: "--keep <dir>", description: "leaves the run in this folder; it must be empty or not there" },
  ],
  logFiles: false,
  examples: ["npm run tour", "npm run tour -- --no-pause", "npm run tour -- --keep tour"],
  run: async (context) => {
    if (context.operands.length > 0) throw new UsageError(`unexpected: ${context.operands.join(" ")}`);
    return run(context);
  },
});
