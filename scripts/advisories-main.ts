/** `npm run advisories`: fails on known high or critical advisories in what is shipped. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { allowances, judge } from "./advisories.ts";

const FILE = join(import.meta.dirname, "advisories.yaml");
const MOST_BYTES = 64 * 2 ** 20;

/** npm's exit code says that there are some; what it prints says which. */
const printed = await new Promise<string>((resolve) => {
  const options = { cwd: join(import.meta.dirname, ".."), maxBuffer: MOST_BYTES };
  execFile("npm", ["audit", "--omit=dev", "--json"], options, (_error, stdout) => resolve(stdout));
});
const verdict = judge(
  printed,
  allowances.parse(parse(readFileSync(FILE, "utf8"))),
  new Date().toISOString().slice(0, 10),
);
if (verdict.kind === "unavailable") {
  process.stdout.write(`advisories: NOT CHECKED: this registry offers no audits (${verdict.reason})\n`);
} else {
  for (const note of verdict.notes) process.stdout.write(`${note}\n`);
  for (const line of verdict.failing) process.stderr.write(`${line}\n`);
  process.stdout.write(`advisories: ${verdict.failing.length} high or critical in what is shipped\n`);
  process.exitCode = verdict.failing.length === 0 ? 0 : 1;
}
