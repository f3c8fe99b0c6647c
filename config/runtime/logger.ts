/**
 * Logs of a process as JSON lines: `system.log` for events, `performance.json` for measurements. Each line is appended
 * by one write, so that several processes and workers can share the files. Secrets are never logged: payloads, keys,
 * readings and shares have no business in an entry.
 */
import path from "node:path";
import { destination, multistream, pino, stdTimeFunctions } from "pino";
import type { DestinationStream, Logger as PinoLogger } from "pino";
import { ExplainedError } from "../faults.ts";
import type { Config } from "../schema.ts";
import { makeFolder } from "./folders.ts";
import { systemFault } from "./system-fault.ts";

export { Refusals } from "./refusals.ts";

export type Logger = PinoLogger;

/** Numbers and names of one measurement; units stand in the field names (`commitMilliseconds`). */
export type Measurement = Readonly<Record<string, string | number | boolean>>;

export interface ProcessLog {
  readonly log: Logger;
  /** As `log`, without stderr: for what the user has been told in other words. */
  readonly fileLog: Logger;
  /** Writes one line to `performance.json`; does nothing when `logging.performance` is off. */
  readonly measure: (name: string, measurement: Measurement) => void;
  /** Writes what is buffered; to be called before the process ends. */
  readonly flush: () => void;
}

export interface LoggerOptions {
  /** False writes no files: only stderr is left. */
  readonly files?: boolean;
  /** Also to stderr from this level on; default `warn`. */
  readonly stderr?: "info" | "warn" | "error" | "silent";
}

/** The files of the log cannot be written; the message names them. */
class LogError extends ExplainedError {
  override readonly exitCode = 2;
}

/** Whose meter connected, or lacks something, is for whoever runs the party: for its group, and not for others of the machine. */
const FILE_MODE = 0o640;

/** Append mode, one synchronous write per line: lines of several processes never mix, and none is lost by a kill. */
function appendTo(file: string): DestinationStream & { flushSync(): void } {
  try {
    return destination({ dest: file, append: true, sync: true, mode: FILE_MODE });
  } catch (error) {
    throw new LogError(`paths.logs: ${systemFault(error) ?? String(error)}: this user must be able to write the logs`, {
      cause: error,
    });
  }
}

/** `party` is the id that every line carries. The folder `paths.logs` is made if it is missing. */
export function createLogger(config: Config, party: string, options: LoggerOptions = {}): ProcessLog {
  const { files = true } = options;
  const { level, performance } = config.logging;
  if (files) makeFolder(config.paths.logs, { setting: "paths.logs" });
  const system = files ? appendTo(path.join(config.paths.logs, "system.log")) : undefined;
  const measurements = files && performance ? appendTo(path.join(config.paths.logs, "performance.json")) : undefined;
  const base = { party, pid: process.pid };
  const file = system ? [{ level: "trace" as const, stream: system }] : [];
  const streams = [...file, ...stderrStream(options.stderr ?? "warn")];
  const format = {
    base,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const log = pino({ ...format, level }, multistream(streams));
  const fileLog = pino({ ...format, level }, multistream(file));
  return {
    log,
    fileLog,
    measure: (name, measurement) => {
      if (measurements === undefined) return;
      measurements.write(`${JSON.stringify({ time: new Date().toISOString(), ...base, name, ...measurement })}\n`);
    },
    flush: () => {
      system?.flushSync();
      measurements?.flushSync();
    },
  };
}

function stderrStream(
  level: "info" | "warn" | "error" | "silent",
): { level: "info" | "warn" | "error"; stream: DestinationStream }[] {
  return level === "silent" ? [] : [{ level, stream: destination({ dest: 2, sync: true }) }];
}
