/**
 * Ends test files that hang, and says where they did. Judged by processor time, which tells a file that waits for ever
 * from one that a busy machine holds up: who hangs uses none, or uses it without end.
 */
import { type Process, familyOf, listProcesses } from "./processes.ts";
import { whereItHangs } from "./where-it-hangs.ts";

export interface HangLimits {
  /** For so long a file's processes may use next to no processor time. */
  readonly idleSeconds: number;
  /** So much of it they may use in all. */
  readonly busySeconds: number;
}

/** The longest files, whole systems on a busy machine, use a third of it. */
export const HANG_LIMITS: HangLimits = { idleSeconds: 120, busySeconds: 300 };

/** Timers of processes that wait use no more than this while a file may be idle, as a part of a processor. */
const NEXT_TO_NONE = 0.02;

/** What was seen of a file: when its processes last came on, and how much time they had used by then. */
interface Seen {
  since: number;
  cpuSeconds: number;
  told: boolean;
}

/** Which of the children of a runner hang, given what is seen of them from time to time. */
export class HangWatch {
  readonly #limits: HangLimits;
  readonly #seen = new Map<number, Seen>();

  constructor(limits: HangLimits = HANG_LIMITS) {
    this.#limits = limits;
  }

  /** Takes all processes, and the time in seconds; gives those that hang, each once, with the reason. */
  look(runner: number, all: readonly Process[], now: number): { readonly process: Process; readonly why: string }[] {
    const { idleSeconds, busySeconds } = this.#limits;
    return all
      .filter(({ parent }) => parent === runner)
      .flatMap((process) => {
        const used = familyOf(process.id, all).reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
        const seen = this.#seen.get(process.id) ?? { since: now, cpuSeconds: used, told: false };
        this.#seen.set(process.id, seen);
        // Less than before: one of its processes has ended, which is to come on.
        if (Math.abs(used - seen.cpuSeconds) > idleSeconds * NEXT_TO_NONE)
          Object.assign(seen, { since: now, cpuSeconds: used });
        const why =
          used >= busySeconds
            ? `it used ${busySeconds} s of processor time`
            : now - seen.since >= idleSeconds && `for ${idleSeconds} s it used no processor time`;
        if (why === false || seen.told) return [];
        seen.told = true;
        return [{ process, why }];
      });
  }
}

/** Watches the test files of a runner until the function that it returns is called. */
export function endHangingFiles(runner: number, limits: HangLimits, say: (text: string) => void): () => void {
  const watch = new HangWatch(limits);
  const every = Math.min(5_000, (limits.idleSeconds * 1000) / 4);
  const timer = setInterval(() => {
    for (const { process: file, why } of watch.look(runner, listProcesses(), performance.now() / 1000))
      void end(file, why, say);
  }, every);
  timer.unref();
  return () => clearInterval(timer);
}

async function end({ id, command }: Process, why: string, say: (text: string) => void): Promise<void> {
  const lines = await whereItHangs(id).catch((error: unknown) => [String(error)]);
  say(`HANGS, and is ended: ${why}: ${command}\n${lines.map((line) => `  ${line}`).join("\n")}`);
  const [, ...started] = familyOf(id, listProcesses());
  kill(id, "SIGKILL");
  for (const other of started) kill(other.id, "SIGTERM");
}

function kill(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // It has ended by itself.
  }
}
