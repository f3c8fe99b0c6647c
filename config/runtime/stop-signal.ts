/** How a process is asked to stop, and what becomes of it when nobody listens any more. */
import type { Logger } from "./logger.ts";
import { EXIT } from "./role.ts";

/** How long a process may take to stop after a signal. */
const STOP_MILLISECONDS = 10_000;
/** Signals this close together are one. */
const SAME_SIGNAL_MILLISECONDS = 500;

/** The first signal asks to stop, the second does not ask. A terminal that is closed (SIGHUP) asks, too. */
export function stopSignal(log: Logger): AbortSignal {
  const controller = new AbortController();
  let askedAt = 0;
  const stop = (name: string): void => {
    if (controller.signal.aborted) {
      // npm and tsx pass on a Ctrl-C that the terminal has already given to everyone.
      if (performance.now() - askedAt > SAME_SIGNAL_MILLISECONDS) process.exit(EXIT.interrupted);
      return;
    }
    askedAt = performance.now();
    log.info({ signal: name }, "stopping");
    controller.abort();
    setTimeout(() => {
      log.error({}, `did not stop within ${STOP_MILLISECONDS} ms`);
      process.exit(EXIT.failed);
    }, STOP_MILLISECONDS).unref();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop(name));
  return controller.signal;
}

type Crash = (error: unknown) => void;
let outputCrash: Crash | undefined;

/**
 * Nobody may read what is printed, help and refusals included. `crash` ends the process for any other fault of its output; of
 * several calls the last one counts.
 */
export function watchOutput(crash: Crash): void {
  const isFirst = outputCrash === undefined;
  outputCrash = crash;
  if (!isFirst) return;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      // `npm run bills | head` closes the pipe: the reader has had enough, which is no fault.
      if (error.code === "EPIPE") process.exit();
      // The terminal is gone: SIGHUP says so, too, and the work is still to be ended in order.
      if (error.code !== "EIO") outputCrash?.(error);
    });
  }
}

/** `crash` ends the process for everything that nobody has caught. */
export function watchProcess(crash: Crash): void {
  watchOutput(crash);
  process.on("uncaughtException", crash);
  process.on("unhandledRejection", crash);
}

/** Resolves when the signal aborts, at once if it has. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
