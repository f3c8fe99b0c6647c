/**
 * Runs what `npm run fleet` and its like run, in a folder of its own, and gives back what it printed and left behind.
 * npm itself takes as long to start as a command; the tests of the README go through it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import Database from "better-sqlite3";

export const ROOT = resolve(import.meta.dirname, "../../..");

/** A temporary folder that is deleted when the test is over. */
export function temporaryFolder(t: { after: (work: () => Promise<void>) => void }): string {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-fleet-"));
  t.after(async () => {
    await ended(folder);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

const END_MILLISECONDS = 20_000;

/** Whoever still writes into a folder would keep it: a command may end before those whom it has started. */
async function ended(folder: string): Promise<void> {
  const until = performance.now() + END_MILLISECONDS;
  for (;;) {
    const left = processesOf(folder);
    if (left.length === 0) return;
    if (performance.now() > until) throw new Error(`processes ${left.join(", ")} still run in ${folder}`);
    await setTimeout(20);
  }
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly child: ChildProcess;
  /** Resolves once the printed text (both streams) matches. */
  readonly printed: (pattern: RegExp) => Promise<void>;
  /** What was printed so far, both streams. */
  readonly output: () => string;
  readonly result: Promise<CommandResult>;
}

/** Processes whose command line names a folder, by id: everything that a run in it has started. */
export function processesOf(folder: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((id) => {
      try {
        return readFileSync(`/proc/${id}/cmdline`, "utf8").includes(folder);
      } catch {
        return false; // it has just ended
      }
    });
}

/** A Ctrl-C in a terminal reaches the whole foreground group. Does nothing once the command has ended. */
export function pressCtrlC({ child }: RunningCommand): void {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    process.kill(-child.pid, "SIGINT");
  }
}

/**
 * Starts the command with free ports, and with logs and results beside its data folder `<folder>/data`.
 * Without ciphertexts and HTTP interface, unless asked for: making keys alone takes seconds.
 */
export function startFleet(folder: string, args: readonly string[]): RunningCommand {
  const set = [...["tlsPort", "wssPort", "publicPort"].map((name) => `broker.${name}=0`), "homomorphic.enabled=false"];
  set.push("api.enabled=false", "api.port=0", "grid.enabled=false");
  return startCommand("fleet", folder, [...set.flatMap((value) => ["--set", value]), ...args]);
}

const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };

/** The arguments of node that a script of package.json gives. */
function commandOf(name: string): string[] {
  const [node, ...args] = (scripts[name] ?? "").split(" ");
  if (node !== "node") throw new RangeError(`name: package.json has no script ${name} for node`);
  return args;
}

/** Starts any of the commands in the data folder `<folder>/data`. */
export function startCommand(name: string, folder: string, args: readonly string[]): RunningCommand {
  const set = [`paths.logs=${join(folder, "logs")}`, `paths.results=${join(folder, "results")}`].flatMap((value) => [
    "--set",
    value,
  ]);
  const own = ["--data", join(folder, "data"), ...set];
  const child = spawn(process.execPath, [...commandOf(name), ...own, ...args], {
    cwd: ROOT,
    env: commandEnvironment(),
    stdio: ["ignore", "pipe", "pipe"],
    // A process group of its own, as a command has in a terminal.
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  let changed: () => void = () => undefined;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
    changed();
  });
  const result = once(child, "close").then(([code]) => {
    changed();
    return { code: code as number | null, stdout, stderr };
  });
  const printed = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(stdout + stderr)) {
      if (child.exitCode !== null) throw new Error(`ended without printing ${String(pattern)}: ${stderr}`);
      await new Promise<void>((wake) => (changed = wake));
    }
  };
  return { child, printed, output: () => stdout + stderr, result };
}

/** A test runner's own variables would make a child believe that it is a test, and npm's would set its flags. */
function commandEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(NODE_TEST_|WV_|npm_)/.test(name));
  return Object.fromEntries(kept);
}

export function runFleet(folder: string, args: readonly string[]): Promise<CommandResult> {
  return startFleet(folder, args).result;
}

/** All rows of a query against a run's utility.db. */
export function query<T>(folder: string, sql: string): T[] {
  const database = new Database(join(folder, "data", "utility", "utility.db"), { readonly: true });
  try {
    return database.prepare<[], T>(sql).all();
  } finally {
    database.close();
  }
}
