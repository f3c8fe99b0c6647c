/**
 * How a command that fails says so: a fault that explains itself is one line on stderr; anything else keeps its stack,
 * in the log where the command has one.
 */
import path from "node:path";
import { printable } from "../../protocol/printable.ts";
import { ExplainedError } from "../faults.ts";
import type { Config } from "../schema.ts";
import type { ProcessLog } from "./logger.ts";
import { EXIT } from "./role.ts";
import type { RoleCommand } from "./role.ts";
import { systemFault } from "./system-fault.ts";

/** What is left of a command when it fails: no log, when the fault lies before there is one. */
export interface Failing {
  readonly role: RoleCommand;
  readonly config?: Config;
  readonly processLog?: ProcessLog;
}

/** Prints and logs the fault; returns the exit code. */
export function reportFault(error: unknown, { role, config, processLog }: Failing): number {
  if (error instanceof ExplainedError) {
    process.stderr.write(`${printable(error.message)}\n`);
    // A process that cannot go on is another matter than one that was started wrongly.
    const level = error.exitCode === EXIT.failed ? "fatal" : "error";
    processLog?.fileLog[level]({ fault: error.name }, error.message);
    return error.exitCode;
  }
  const message = systemFault(error) ?? (error instanceof Error ? error.message : String(error));
  const logged = processLog !== undefined && config !== undefined && role.logFiles !== false;
  const where = logged && systemFault(error) === undefined ? ` (more in ${logFileOf(config)})` : "";
  process.stderr.write(`${role.name}: ${printable(message)}${where}\n`);
  processLog?.fileLog.fatal({ err: error }, message);
  return EXIT.failed;
}

function logFileOf({ paths }: Config): string {
  return path.join(paths.logs, "system.log");
}
