/** Runs the checker as a process of its own, and reads what it found. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { type CheckerReport, checkerReport } from "./checker/report.ts";

export type { CheckerReport } from "./checker/report.ts";

const START = fileURLToPath(new URL("../../config/runtime/start.mjs", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Rejects where the checker could not do its work. */
export async function runChecker(folder: string): Promise<CheckerReport> {
  const child = spawn(process.execPath, [START, "firmware-sim/chaos-check-main.ts", "--json", folder], { cwd: ROOT });
  let said = "";
  let complaint = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0 && code !== 1) throw new Error(`the checker ended with ${String(code)}: ${complaint.trim()}`);
  return checkerReport.parse(JSON.parse(said));
}
