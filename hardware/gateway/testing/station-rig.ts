/** A port of the gateway in the test's process: real serial driver, real agent, the test's own clock. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, loadConfig } from "../../../config/index.ts";
import { createLogger } from "../../../config/runtime/logger.ts";
import type { RoleContext } from "../../../config/runtime/role-command.ts";
import type { PortSettings } from "../../../config/schema-gateway.ts";
import { PortLog } from "../port-log.ts";
import { openSerialPort, type OpenPort } from "../serial-port.ts";
import type { Station } from "../station.ts";

export interface StationRigOptions {
  readonly data?: string;
  readonly settings: PortSettings;
  readonly configure?: (config: Config) => Config;
  readonly open?: OpenPort;
  readonly homeAssistant?: Parameters<Station>[0]["homeAssistant"];
}

/** Quick retries; a broker that is not there. */
function testConfig(data: string, configure = (config: Config) => config): Config {
  const base = loadConfig({ env: {} });
  return configure({
    ...base,
    paths: { data, logs: join(data, "logs"), results: join(data, "results") },
    broker: { ...base.broker, tlsPort: 9 },
    gateway: { ...base.gateway, retryMinSeconds: 0.05, retryMaxSeconds: 0.2, baudSeconds: 0.3 },
  });
}

export class StationRig {
  readonly data: string;
  readonly config: Config;
  readonly log: PortLog;
  /** Unix seconds. */
  now = 1_800_000_000;
  readonly #options: StationRigOptions;
  readonly #own: boolean;
  readonly #processLog;
  #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: StationRigOptions) {
    this.#options = options;
    this.#own = options.data === undefined;
    this.data = options.data ?? mkdtempSync(join(tmpdir(), "wv-gateway-"));
    this.config = testConfig(this.data, options.configure);
    this.#processLog = createLogger(this.config, "gateway", { stderr: "silent" });
    const { port, meter } = options.settings;
    this.log = new PortLog({ port, meter, log: this.#processLog.log, intervalSeconds: 300 });
  }

  start(station: Station): void {
    const { settings, open = openSerialPort, homeAssistant } = this.#options;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const context: RoleContext = {
      ...{ config: this.config, origins: new Map(), log: this.#processLog.log, process: this.#processLog },
      ...{ options: {}, operands: [], json: false, configArguments: [], signal },
    };
    const now = (): number => this.now;
    this.#running = station({ context, settings, open, log: this.log, now, print: undefined, homeAssistant }, signal);
    // Whoever stops it hears of it.
    this.#running.catch(() => undefined);
  }

  counter(name: string): number {
    return this.log.snapshot().counters[name] ?? 0;
  }

  refused(code: string): number {
    return this.log.snapshot().refused[code] ?? 0;
  }

  /** Resolves when the station has ended by itself; rejects with what ended it. */
  get ended(): Promise<void> {
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.log.flush();
    this.#processLog.flush();
  }

  /** All that was logged. */
  logText(): string {
    return readFileSync(join(this.config.paths.logs, "system.log"), "utf8");
  }

  remove(): void {
    if (this.#own) rmSync(this.data, { recursive: true, force: true });
  }
}
