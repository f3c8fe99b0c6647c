/** What an event does to a running system, and how it ends. */
import { readFileSync } from "node:fs";
import type { ClockSkew } from "../../config/runtime/clock-skew.ts";
import type { Supervisor } from "../fleet/supervisor.ts";
import type { Disks } from "./disks.ts";
import type { ChaosNetwork } from "./network.ts";
import type { WallClockJump } from "./role-messages.ts";
import type { ChaosEvent } from "./schedule.ts";

export interface FaultsOptions {
  readonly supervisor: Pick<Supervisor, "processId" | "send">;
  readonly network: Pick<ChaosNetwork, "break">;
  readonly disks: Pick<Disks, "fill">;
  readonly slotSeconds: number;
  /** Files with the process ids of a broker's nodes, by their names. */
  readonly pidFiles: ReadonlyMap<string, string>;
}

/** Ends a fault that lasts. */
export type Heal = () => void;

export class Faults {
  readonly #options: FaultsOptions;
  /** How many stops of a process are under way: it goes on when the last one has ended. */
  readonly #stops = new Map<number, number>();

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Does it; undefined where its target does not run just now, so that nothing could be done. */
  strike(event: ChaosEvent): Heal | undefined {
    const { network, disks } = this.#options;
    switch (event.action) {
      case "kill":
        return this.#signal(event.target, "SIGKILL") === undefined ? undefined : () => undefined;
      case "stop":
        return this.#stop(event.target);
      case "partition":
        return network.break(event.target, { state: event.silent ? "silent" : "cut" });
      case "delay": {
        const { latencyMs, jitterMs, loss } = event;
        return network.break(event.target, { conditions: { latencyMs, latencySigma: 0.3, jitterMs, loss } });
      }
      case "duplicate":
        return network.break(event.target, { conditions: { duplicates: event.share } });
      case "disk-full":
        return disks.fill(event.target);
      case "clock":
        return this.#jump(event);
    }
  }

  #stop(target: string): Heal | undefined {
    const pid = this.#signal(target, "SIGSTOP");
    if (pid === undefined) return undefined;
    this.#stops.set(pid, (this.#stops.get(pid) ?? 0) + 1);
    return () => {
      const left = (this.#stops.get(pid) ?? 1) - 1;
      this.#stops.set(pid, left);
      if (left === 0) sendSignal(pid, "SIGCONT");
    };
  }

  #jump({ target, wallSeconds, skewSlots }: Extract<ChaosEvent, { action: "clock" }>): Heal | undefined {
    const { supervisor, slotSeconds } = this.#options;
    const tell = (offsetSeconds: number, skewSeconds: number): boolean =>
      supervisor.send(target, { type: "wall-clock", offsetSeconds } satisfies WallClockJump) &&
      supervisor.send(target, { type: "clock-skew", skewSeconds } satisfies ClockSkew);
    if (!tell(wallSeconds, skewSlots * slotSeconds)) return undefined;
    // Whoever was started again meanwhile has the right time already.
    return () => void tell(0, 0);
  }

  #signal(target: string, signal: NodeJS.Signals): number | undefined {
    const pid = this.#processId(target);
    return pid !== undefined && sendSignal(pid, signal) ? pid : undefined;
  }

  #processId(target: string): number | undefined {
    const file = this.#options.pidFiles.get(target);
    if (file === undefined) return this.#options.supervisor.processId(target);
    try {
      const pid = Number(readFileSync(file, "utf8"));
      return Number.isInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined; // its attendant starts it again just now
    }
  }
}

/** False where there is no such process any more. */
function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
