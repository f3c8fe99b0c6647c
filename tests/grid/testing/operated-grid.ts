/**
 * A grid in operation: a broker and analytics as processes, in a temporary folder. States are read as a stranger would, on the
 * public listener; nothing else is known of the processes but their logs.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { connectAsync } from "mqtt";
import { stringify } from "yaml";
import { enrol, meterList } from "../../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../../config/index.ts";
import { Supervisor } from "../../../firmware-sim/fleet/supervisor.ts";
import { type GridState, gridState, STATE_TOPIC } from "../../../protocol/grid/index.ts";
import { topicOf } from "../../../protocol/topics.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const run = promisify(execFile);

/** A state as it was published, and how many bytes it had. */
export interface Seen {
  readonly state: GridState;
  readonly bytes: number;
}

export interface OperatedGrid {
  /** Starts analytics; rejects with its last words where it does not start. */
  operate(): Promise<void>;
  /** How analytics ends by itself, when it is started with what it cannot use. */
  refusal(): Promise<{ readonly code: number; readonly stderr: string }>;
  /** The next state of which it is so. What was published before is not looked at again. */
  until(isSo: (state: GridState) => boolean): Promise<Seen>;
  /** Lines of the system's log that analytics wrote. */
  logged(): Promise<readonly string[]>;
}

export async function operatedGrid(t: TestContext, settings: Partial<Config["grid"]>): Promise<OperatedGrid> {
  const data = await mkdtemp(path.join(tmpdir(), "wattveil-grid-"));
  const supervisor = new Supervisor();
  t.after(async () => {
    await supervisor.stopAll();
    await rm(data, { recursive: true, force: true });
  });
  await enrol({ data, meters: meterList(2, 2) });
  const base = loadConfig({ env: {} });
  const configFile = path.join(data, "config.yaml");
  const logs = path.join(data, "logs");
  const write = async (tlsPort: number): Promise<void> => {
    const content = {
      ...base,
      broker: { ...base.broker, tlsPort, wssPort: 0, publicPort: 0 },
      paths: { data, logs, results: path.join(data, "results") },
      grid: { ...base.grid, enabled: true, optimiseSeconds: 0, ...settings },
    };
    await writeFile(configFile, stringify(content));
  };
  await write(0);
  const spec = (name: string, entry: string) => ({ name, entry, args: ["--config", configFile] });
  const started = await supervisor.start(spec("broker", "broker/main.ts"));
  const { ports } = started as { ports: { tls: number; public: number } };
  await write(ports.tls);
  const reader = await connectAsync(`mqtt://127.0.0.1:${ports.public}`);
  t.after(() => reader.endAsync(true));
  const seen: Seen[] = [];
  let wake = (): void => {};
  reader.on("message", (_, payload) => {
    seen.push({ state: gridState.parse(JSON.parse(payload.toString("utf8"))), bytes: payload.length });
    wake();
  });
  await reader.subscribeAsync(topicOf("grid", { topic: STATE_TOPIC }));
  return {
    operate: async () => {
      await supervisor.start(spec("analytics", "analytics/main.ts"));
    },
    refusal: async () => {
      const start = path.join(ROOT, "config/runtime/start.mjs");
      const entry = path.join(ROOT, "analytics/main.ts");
      try {
        await run(process.execPath, [start, entry, "--config", configFile]);
      } catch (error) {
        const { code, stderr } = error as { code: number; stderr: string };
        return { code, stderr };
      }
      throw new Error("analytics ended without a fault");
    },
    until: async (isSo) => {
      for (;;) {
        for (let one = seen.shift(); one !== undefined; one = seen.shift()) if (isSo(one.state)) return one;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
    logged: async () => {
      const text = await readFile(path.join(logs, "system.log"), "utf8");
      return text.split("\n").filter((line) => line.includes('"analytics"'));
    },
  };
}
