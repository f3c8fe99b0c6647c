/** The gateway: all its ports at the same time, each on its own. One that cannot work does not stop the others. */
import { ExplainedError } from "../../config/faults.ts";
import { EXIT, type RoleContext } from "../../config/runtime/role-command.ts";
import { announceReady, writeStats } from "../../config/runtime/role-report.ts";
import type { PortSettings } from "../../config/schema-gateway.ts";
import { deviceMeter } from "./device-meter.ts";
import { gpioOpener } from "./gpio.ts";
import { HomeAssistantPublisher } from "./home-assistant/publisher.ts";
import { PortLog } from "./port-log.ts";
import { printedLine } from "./printed.ts";
import { pulseMeter } from "./pulse-meter.ts";
import { realMeter } from "./real-meter.ts";
import { Recorder, recorded, type Replay } from "./recording.ts";
import { openSerialPort } from "./serial-port.ts";
import type { Station } from "./station.ts";

export interface GatewayOptions {
  readonly ports: readonly PortSettings[];
  /** Prints what is read; keeps and sends nothing. */
  readonly dryRun: boolean;
  /** File for raw bytes; with a single port only. */
  readonly record?: string;
  /** A recording in place of the port; with a single port only. */
  readonly replay?: Replay;
}

const STATIONS: Readonly<Record<PortSettings["kind"], Station>> = {
  wattveil: deviceMeter,
  p1: realMeter("p1"),
  sml: realMeter("sml"),
  d0: realMeter("d0"),
  pulse: pulseMeter,
};

/** Under which the gateway's figures are kept, for each meter. */
function statsName(meter: string): string {
  return `${meter}-gateway`;
}

/** Runs until the signal, or until no port is left; resolves with the exit code. */
export async function runGateway(context: RoleContext, options: GatewayOptions): Promise<number> {
  const { config, log, json, signal } = context;
  const { ports, dryRun, record, replay } = options;
  const now = replay?.now ?? (() => Date.now() / 1_000);
  const print = dryRun
    ? (what: Readonly<Record<string, unknown>>): void => {
        process.stdout.write(`${json ? JSON.stringify(what) : printedLine(what)}\n`);
      }
    : undefined;
  const homeAssistant =
    config.homeAssistant.url === "" || dryRun
      ? undefined
      : new HomeAssistantPublisher({
          settings: config.homeAssistant,
          name: `gateway-${ports[0]?.meter ?? "none"}`,
          log,
        });
  const recorder = record === undefined ? undefined : new Recorder(record, ports[0]!, now);
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  announceReady({ ports: ports.map(({ port }) => port) });

  const run = async (settings: PortSettings): Promise<boolean> => {
    const { port, meter } = settings;
    const portLog = new PortLog({ port, meter, log, intervalSeconds: config.gateway.noiseSeconds });
    const system = port.startsWith("gpio:") ? gpioOpener(config.gateway) : openSerialPort;
    const live = recorder === undefined ? system : recorded(system, recorder);
    const open =
      replay === undefined
        ? live
        : async () => {
            void replay.line.closed.then(() => ended.abort());
            replay.play().catch((error: unknown) => {
              failures.push(error);
              ended.abort();
            });
            return await Promise.resolve(replay.line);
          };
    try {
      await STATIONS[settings.kind]({ context, settings, open, log: portLog, now, print, homeAssistant }, stop);
      return true;
    } catch (error) {
      failures.push(error);
      const text = error instanceof ExplainedError ? error.message : String(error);
      log.error({ port, meter, err: error }, `${port}: stopped: ${text}`);
      return false;
    } finally {
      portLog.flush();
      if (!dryRun) writeStats(config.paths.data, statsName(meter), { role: "gateway", ...portLog.snapshot() });
    }
  };
  const failures: unknown[] = [];
  await Promise.all(ports.map(run));
  recorder?.close();
  await homeAssistant?.close();
  // With a single port its fault is the gateway's, and told as such.
  if (ports.length === 1 && failures.length > 0) throw failures[0];
  return failures.length === 0 ? EXIT.ok : EXIT.failed;
}
