/** The agent of a real meter, fed with samples of its registers: what `npm run meter` runs, in the gateway's process. */
import type { RoleContext } from "../../config/runtime/role-command.ts";
import { serveMeter } from "../agent/lone-meter.ts";
import type { TimedRegisters } from "./register-filter.ts";

export interface LoneAgent {
  /** Hands in the registers at a slot boundary. Throws RangeError for what is no register. */
  sample(registers: TimedRegisters): void;
  /** Resolves after `stop`; rejects where the agent cannot go on. */
  readonly ended: Promise<void>;
  /** Stores what was handed in and ends. */
  stop(): Promise<void>;
}

/** Starts the agent of a meter. Its `ended` rejects with KeyFolderError where the meter is not enrolled here. */
export function startAgent(context: RoleContext, meter: string): LoneAgent {
  const stopping = new AbortController();
  let take: ((registers: TimedRegisters) => void) | undefined;
  const ended = serveMeter({ ...context, signal: stopping.signal }, meter, {
    input: (agent) => (take = (registers) => agent.addSample(registers)),
    once: false,
    patienceSeconds: Number.POSITIVE_INFINITY,
  }).then(() => undefined);
  return {
    sample: (registers) => take?.(registers),
    ended,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}
