/**
 * Keeps one port open: opens it, hands the line to whoever uses it, and after an unplugging opens it again, first soon
 * and then more rarely. A port that flaps for a week writes a few lines a day.
 */
import { setTimeout as wait } from "node:timers/promises";
import { type Line, type LineRate, type OpenPort, PortError } from "./serial-port.ts";
import type { PortLog } from "./port-log.ts";

/** Who reads and writes a line while it is open. */
export interface LineUser {
  /** The rate to open with, asked before every opening. */
  rate(): LineRate;
  /** The line is open. Calling `reopen` closes it and opens it again, at once. */
  opened(line: Line, reopen: (reason: string) => void): void;
  /** The line is closed: by us, or because it went down. */
  closed(byUs: boolean): void;
}

export interface PortSessionOptions {
  readonly path: string;
  readonly open: OpenPort;
  readonly user: LineUser;
  readonly log: PortLog;
  readonly retryMinSeconds: number;
  readonly retryMaxSeconds: number;
}

/** Runs until the signal. Rejects only where no port of this system will ever open. */
export async function keepPort(options: PortSessionOptions, signal: AbortSignal): Promise<void> {
  const { path, open, user, log, retryMinSeconds, retryMaxSeconds } = options;
  let failures = 0;
  while (!signal.aborted) {
    const openedAt = performance.now();
    try {
      const rate = user.rate();
      const line = await open(path, rate);
      if (isAborted(signal)) {
        await line.close();
        return;
      }
      log.opened(rate);
      const again = await useLine(line, user, signal);
      if (again !== undefined) {
        log.reopened(again);
        failures = 0;
        continue;
      }
      if (isAborted(signal)) return;
      if (performance.now() - openedAt > retryMaxSeconds * 1_000) failures = 0;
      log.gone(await line.closed);
    } catch (error) {
      if (!(error instanceof PortError) || error.code === "no-driver") throw error;
      log.failed(error);
    }
    const seconds = Math.min(retryMaxSeconds, retryMinSeconds * 2 ** Math.min(failures++, 30));
    await wait(seconds * 1_000, undefined, { signal }).catch(() => undefined);
  }
}

/** A port may take its time to open. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** Resolves when the line is closed: with a reason if its user wants it opened again at once. */
async function useLine(line: Line, user: LineUser, signal: AbortSignal): Promise<string | undefined> {
  let again: string | undefined;
  let down = false;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      // Ports come and go for months: nothing may be left on the signal.
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done);
    void line.closed.then(() => {
      down = true;
      done();
    });
    user.opened(line, (reason) => {
      again = reason;
      done();
    });
  });
  user.closed(!down);
  await line.close();
  return again;
}
