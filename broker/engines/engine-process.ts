/**
 * One node of an engine as a child process: started, started again when it ends, told to read its rules again, stopped.
 * An attendant that was killed leaves its nodes behind; the next one finds them by their pid files and ends them first.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { openSync, closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const FIRST_BACKOFF_MILLISECONDS = 100;
const MAX_BACKOFF_MILLISECONDS = 3_000;
/** A node that lived this long is not in a crash loop. */
const STEADY_MILLISECONDS = 10_000;
const STOP_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 50;

export interface EngineProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** For its pid file and what it prints: `<name>.pid`, `<name>.log`. */
  readonly folder: string;
  /** A node accepts clients when something listens there. */
  readonly host: string;
  readonly port: number;
  readonly log: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
}

export class EngineProcess {
  restarts = 0;
  readonly #options: EngineProcessOptions;
  #child: ChildProcess | undefined;
  #wanted = true;
  #startedAt = 0;
  #backoff = FIRST_BACKOFF_MILLISECONDS;
  #timer: NodeJS.Timeout | undefined;
  #fault: Error | undefined;

  constructor(options: EngineProcessOptions) {
    this.#options = options;
  }

  /** Resolves when it listens. Rejects when the program is not there, or ends before it listens, with its last words. */
  async start(seconds: number): Promise<void> {
    await endLeftOver(this.#pidFile, this.#options.args);
    this.#spawn();
    const { name, host, port } = this.#options;
    const deadline = performance.now() + seconds * 1_000;
    while (!(await isListening(host, port))) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.restarts > 2) throw new Error(`${name} ends as soon as it is started: ${this.#lastWords()}`);
      if (performance.now() > deadline) throw new Error(`${name} did not listen at ${host}:${port} in ${seconds} s`);
      await sleep(POLL_MILLISECONDS);
    }
  }

  /** Mosquitto and NATS read their files again. */
  reload(): void {
    this.#child?.kill("SIGHUP");
  }

  /** For files that it reads at its start only. */
  restart(): void {
    this.#child?.kill("SIGTERM");
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
    await ended;
    clearTimeout(timer);
  }

  get #pidFile(): string {
    return join(this.#options.folder, `${this.#options.name}.pid`);
  }

  get #logFile(): string {
    return join(this.#options.folder, `${this.#options.name}.log`);
  }

  #spawn(): void {
    const { name, command, args, log } = this.#options;
    const output = openSync(this.#logFile, "a", 0o600);
    // Its own group: a Ctrl-C in the terminal reaches the attendant alone, which then stops the nodes.
    const child = spawn(command, args, { stdio: ["ignore", output, output], detached: true });
    closeSync(output);
    this.#child = child;
    this.#startedAt = performance.now();
    child.once("error", (cause) => {
      this.#fault = new Error(`${command} cannot be started: ${cause.message}`, { cause });
    });
    if (child.pid !== undefined) writeFileSync(this.#pidFile, String(child.pid));
    child.once("exit", (code, signal) => {
      rmSync(this.#pidFile, { force: true });
      if (!this.#wanted) return;
      if (performance.now() - this.#startedAt > STEADY_MILLISECONDS) this.#backoff = FIRST_BACKOFF_MILLISECONDS;
      this.restarts++;
      log.warn({ node: name, reason: signal ?? code }, "a node of the broker ended and is started again");
      this.#timer = setTimeout(() => this.#spawn(), this.#backoff);
      this.#backoff = Math.min(this.#backoff * 2, MAX_BACKOFF_MILLISECONDS);
    });
  }

  #lastWords(): string {
    const lines = readFileSync(this.#logFile, "utf8").split("\n").filter(Boolean);
    return lines.slice(-3).join(" | ") || "no output";
  }
}

/** Ends a node of an attendant that was killed: the process of the pid file, if it still runs with these arguments. */
async function endLeftOver(pidFile: string, args: readonly string[]): Promise<void> {
  const pid = Number(textOf(pidFile) ?? Number.NaN);
  const isOurs = (): boolean => {
    const words = textOf(`/proc/${pid}/cmdline`)?.split("\0") ?? [];
    return args.length > 0 && args.every((word) => words.includes(word));
  };
  if (!Number.isInteger(pid) || pid <= 0 || !isOurs()) return;
  process.kill(pid, "SIGTERM");
  const deadline = performance.now() + STOP_MILLISECONDS;
  while (isOurs()) {
    if (performance.now() > deadline) process.kill(pid, "SIGKILL");
    await sleep(POLL_MILLISECONDS);
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
