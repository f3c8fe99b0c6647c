/** `npm run he -- ...` as a process, on the system of a test. */
import { fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

const START = path.join(import.meta.dirname, "../../config/runtime/start.mjs");

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `data` holds the system and its `config.yaml`. */
export async function runHeCommand(data: string, args: readonly string[]): Promise<CommandResult> {
  const argv = ["analytics/he-main.ts", ...args, "--config", path.join(data, "config.yaml")];
  const child = fork(START, argv, { execArgv: [], stdio: ["ignore", "pipe", "pipe", "ipc"] });
  let [stdout, stderr] = ["", ""];
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number];
  return { code, stdout, stderr };
}
