/**
 * Starts the roles as processes of their own, restarts those that die, and ends each by its own id.
 * It passes configuration and key folders, never data: roles meet over MQTT only.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ReadyMessage } from "../../config/runtime/role-report.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const STOP_MILLISECONDS = 15_000;
const FIRST_BACKOFF_MILLISECONDS = 100;
const MAX_BACKOFF_MILLISECONDS = 3_000;
/**
 * As in package.json: messages die young, and a small young generation costs a third of a busy role's time. Code that
 * runs for a second a month is optimised only after four times the usual use: that was a third of the time of a bill.
 */
const NODE_FLAGS = ["--max-semi-space-size=64", "--interrupt-budget=528000"];
const START = "config/runtime/start.mjs";
/** A process that lived this long is not in a crash loop. */
const STEADY_MILLISECONDS = 10_000;

export interface RoleSpec {
  /** Name for people and for the summary, unique. */
  readonly name: string;
  /** Entry file relative to the project, and its arguments. */
  readonly entry: string;
  /** Node's own flags for this process, besides those that all have. */
  readonly nodeFlags?: readonly string[];
  readonly args: readonly string[];
}

interface Running {
  readonly spec: RoleSpec;
  child: ChildProcess;
  startedAt: number;
  restarts: number;
  backoff: number;
  wanted: boolean;
  peakKib: number;
  lastErrors: string[];
  timer?: NodeJS.Timeout;
}

export interface SupervisorEvents {
  readonly restarted?: (name: string, reason: string) => void;
  readonly message?: (name: string, message: unknown) => void;
  /** A role that may not start at all: configuration, keys, a taken port. */
  readonly failed?: (name: string, reason: string) => void;
}

/** Exit code of a role whose configuration or usage is wrong: restarting it would not help. */
const USAGE_EXIT = 2;

export class Supervisor {
  readonly #running = new Map<string, Running>();
  readonly #events: SupervisorEvents;
  /** How to let each start that is under way fail. */
  readonly #starts = new Set<() => void>();

  constructor(events: SupervisorEvents = {}) {
    this.#events = events;
  }

  /** Starts a role and waits until it says that it is ready. Rejects, with its last words, if it ends before that. */
  async start(spec: RoleSpec): Promise<ReadyMessage["details"]> {
    const running: Running = {
      spec,
      child: this.#spawn(spec),
      startedAt: Date.now(),
      restarts: 0,
      backoff: FIRST_BACKOFF_MILLISECONDS,
      wanted: true,
      peakKib: 0,
      lastErrors: [],
    };
    this.#running.set(spec.name, running);
    const ready = this.#watch(running);
    return ready;
  }

  #spawn({ entry, args, nodeFlags = [] }: RoleSpec): ChildProcess {
    return spawn(process.execPath, [...NODE_FLAGS, ...nodeFlags, START, entry, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // Its own group: a Ctrl-C in the terminal reaches the supervisor alone, which then stops the roles in order.
      detached: true,
    });
  }

  #watch(running: Running): Promise<ReadyMessage["details"]> {
    const { child, spec } = running;
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      running.lastErrors = [...running.lastErrors, ...text.split("\n").filter(Boolean)].slice(-8);
    });
    return new Promise((resolve, reject) => {
      child.on("message", (message) => {
        if (isReady(message)) {
          this.#starts.delete(giveUp);
          resolve(message.details);
        } else this.#events.message?.(spec.name, message);
      });
      child.once("error", reject);
      const giveUp = (): void => {
        reject(new Error(`${spec.name} is no longer wanted`));
      };
      this.#starts.add(giveUp);
      child.once("exit", (code, signal) => {
        this.#starts.delete(giveUp);
        const reason = signal ?? `exit code ${String(code)}`;
        reject(new Error(`${spec.name} ended (${reason}): ${lastWords(running) || "no output"}`));
        this.#ended(running, code, reason);
      });
    });
  }

  #ended(running: Running, code: number | null, reason: string): void {
    if (!running.wanted) return;
    if (code === USAGE_EXIT) {
      running.wanted = false;
      this.#events.failed?.(running.spec.name, lastWords(running));
      return;
    }
    if (Date.now() - running.startedAt > STEADY_MILLISECONDS) running.backoff = FIRST_BACKOFF_MILLISECONDS;
    running.timer = setTimeout(() => this.#restart(running), running.backoff);
    running.backoff = Math.min(running.backoff * 2, MAX_BACKOFF_MILLISECONDS);
    this.#events.restarted?.(running.spec.name, reason);
  }

  #restart(running: Running): void {
    if (!running.wanted) return;
    running.restarts += 1;
    running.startedAt = Date.now();
    running.child = this.#spawn(running.spec);
    // A restart that fails again is handled by its own exit.
    this.#watch(running).catch(() => undefined);
  }

  /** Changes how a role is started the next time, for example with the ports it got. */
  respecify(spec: RoleSpec): void {
    const running = this.#running.get(spec.name);
    if (running !== undefined) Object.assign(running, { spec });
  }

  /** Lets every start that is under way fail. */
  endStarts(): void {
    for (const giveUp of this.#starts) giveUp();
    this.#starts.clear();
  }

  /** Sends a message to a role over its IPC channel; false if it is not running. */
  send(name: string, message: object): boolean {
    const child = this.#running.get(name)?.child;
    if (child?.connected !== true) return false;
    // A role that just died gets the message again after its restart, of which its own exit tells.
    return child.send(message, () => undefined);
  }

  /** Ends a role's process as a crash or a power cut would; it is started again. False if it is not running. */
  kill(name: string): boolean {
    const child = this.#running.get(name)?.child;
    if (child?.exitCode !== null || child.signalCode !== null) return false;
    return child.kill("SIGKILL");
  }

  processId(name: string): number | undefined {
    return this.#running.get(name)?.child.pid;
  }

  names(): string[] {
    return [...this.#running.keys()];
  }

  restarts(name: string): number {
    return this.#running.get(name)?.restarts ?? 0;
  }

  /** Reads each role's peak resident memory from the kernel; call before they are stopped, and in between. */
  sampleMemory(): void {
    for (const running of this.#running.values()) {
      const kib = peakMemoryKib(running.child.pid);
      running.peakKib = Math.max(running.peakKib, kib);
    }
  }

  /** Peak resident memory in MiB by role, as far as sampled; 0 where the kernel does not tell. */
  memoryMiB(): Record<string, number> {
    return Object.fromEntries(
      [...this.#running].map(([name, { peakKib }]) => [name, Math.round((peakKib / 1024) * 10) / 10]),
    );
  }

  /** Stops one role for good: politely first, then by force. */
  async stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    running.wanted = false;
    clearTimeout(running.timer);
    const { child } = running;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_MILLISECONDS);
    await ended;
    clearTimeout(force);
  }

  /** Starts a stopped role again, as it was. */
  async startAgain(name: string): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) throw new RangeError(`name: no role ${name} was ever started`);
    await this.start(running.spec);
  }

  async stopAll(order: readonly string[] = this.names()): Promise<void> {
    this.sampleMemory();
    for (const name of order) await this.stop(name);
  }
}

/** What a role last wrote to stderr; of log lines only their message. */
function lastWords({ lastErrors }: Pick<Running, "lastErrors">): string {
  return lastErrors.map(messageOf).join(" | ");
}

function messageOf(line: string): string {
  try {
    const { msg } = JSON.parse(line) as { msg?: unknown };
    return typeof msg === "string" ? msg : line;
  } catch {
    return line;
  }
}

function isReady(message: unknown): message is ReadyMessage {
  return typeof message === "object" && message !== null && (message as { type?: unknown }).type === "ready";
}

function peakMemoryKib(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  } catch {
    // The process has just ended, or this is not Linux: there is nothing to read.
    return 0;
  }
}
