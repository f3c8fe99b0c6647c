/** Locks on databases of a running system, held by a process of their own. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const HOLDER = fileURLToPath(new URL("./lock-holder.mjs", import.meta.url));

export interface HeldLock {
  /** Resolves when another process may write again. */
  release(): Promise<void>;
}

/** Resolves when the lock is held. */
export async function holdLock(file: string): Promise<HeldLock> {
  const child = fork(HOLDER, [file], { execArgv: [] });
  const ended = once(child, "exit");
  const first = await Promise.race([once(child, "message"), ended]);
  if (first[0] !== "held") throw new Error(`${file} could not be locked: exit code ${String(first[0])}`);
  return {
    release: async () => {
      if (child.connected) child.send("release");
      await ended;
    },
  };
}
