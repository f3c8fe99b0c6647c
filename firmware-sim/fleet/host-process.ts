/** A host of meters as a process of the fleet: commands of the conductor in, progress out, an orderly end. */
import { announceReady } from "../../config/runtime/role-report.ts";
import type { Logger } from "../../config/runtime/logger.ts";
import type { ForeignMessage, HostCommand, HostProgress } from "./host-messages.ts";

const PROGRESS_MILLISECONDS = 10;

/** What connects meters and follows the conductor's time. */
export interface MeterHosting {
  start(connected: () => void): Promise<void>;
  advance(slot: number): Promise<void>;
  flushBatches(number: number): void;
  progress(): HostProgress;
  stop(): Promise<void>;
}

export interface HostProcessOptions {
  readonly meters: number;
  readonly log: Logger;
  readonly flush: () => void;
  /** What is to be closed after the meters. */
  readonly closed: () => Promise<void> | void;
}

/** Returns when the meters are connected; the process goes on until SIGTERM. */
export async function runHost(host: MeterHosting, { meters, log, flush, closed }: HostProcessOptions): Promise<void> {
  /** Storage faults and the like: the meter stops rather than guess. */
  const fail = (error: unknown): never => {
    log.fatal({ err: error }, "the meter host stops");
    flush();
    process.exit(1);
  };
  process.on("uncaughtException", fail);
  process.on("unhandledRejection", fail);
  let lastReport = "";
  const report = (): void => {
    const progress = host.progress();
    const text = JSON.stringify(progress);
    if (text === lastReport) return;
    lastReport = text;
    process.send?.(progress);
  };
  process.on("message", (command: HostCommand | ForeignMessage) => {
    if (command.type === "flush") host.flushBatches(command.number);
    else if ("slot" in command) host.advance(command.slot).catch(fail);
  });
  const timer = setInterval(report, PROGRESS_MILLISECONDS);
  let stopping = false;
  // It may come twice, and while the meters still connect.
  process.on("SIGTERM", () => {
    if (stopping) return;
    stopping = true;
    clearInterval(timer);
    host
      .stop()
      .then(closed)
      .then(() => {
        report();
        flush();
        process.exit(0);
      })
      .catch(fail);
  });
  await host.start(report);
  announceReady({ meters });
  report();
}
