/**
 * What a gateway costs that reads ten P1 meters of a telegram per second at 115200 baud: the real process with its
 * agents and connections, over pseudo-terminals, bytes in the portions and at the speed of USB serial adapters.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { stringify } from "yaml";
import { enrol } from "../config/enrolment/index.ts";
import { type Config, loadConfig } from "../config/index.ts";
import { readStats } from "../config/runtime/role-report.ts";
import { Supervisor } from "../firmware-sim/fleet/supervisor.ts";
import { crcArc } from "../hardware/readers/crc16.ts";
import type { BenchOptions } from "./bench.ts";
import { cpuSeconds, memoryMiB } from "./system/usage.ts";
import { figure, figuresTable } from "./words.ts";

const METERS = 10;
const TARGET_PERCENT = 5;
/** A USB packet of a full-speed adapter, and how long 115200 baud takes for it. */
const PORTION = 62;
const PORTION_MILLISECONDS = (PORTION * 10_000) / 115_200;
const WARM_UP_SECONDS = 5;

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const seconds = quick ? 10 : 60;
  const folder = mkdtempSync(join(tmpdir(), "wattveil-bench-gateway-"));
  const supervisor = new Supervisor();
  const cables: ChildProcess[] = [];
  let gateway: ChildProcess | undefined;
  try {
    const meters = Array.from({ length: METERS }, (_, i) => `m-${i + 1}`);
    await enrol({ data: folder, meters: meters.map((meter) => ({ meter, feeder: "f-1" })) });
    const ports = meters.map((meter) => join(folder, `${meter}.port`));
    for (const port of ports) cables.push(await cable(port));
    const file = join(folder, "config.yaml");
    const config = configOf(folder, meters, ports);
    writeFileSync(file, stringify(config));
    const ready = await supervisor.start({ name: "broker", entry: "broker/main.ts", args: ["--config", file] });
    const { tls } = ready["ports"] as { tls: number };
    writeFileSync(file, stringify({ ...config, broker: { ...config.broker, tlsPort: tls } }));
    const script = ["config/runtime/start.mjs", "hardware/gateway/main.ts", "--config", file];
    gateway = spawn(process.execPath, script, { stdio: ["ignore", "ignore", "inherit"] });
    const speaking = new AbortController();
    const spoken = speak(
      ports.map((port) => `${port}.far`),
      speaking.signal,
    );
    await wait(WARM_UP_SECONDS * 1_000);
    const [cpu, from] = [cpuSeconds(gateway.pid), performance.now()];
    await wait(seconds * 1_000);
    const used = cpuSeconds(gateway.pid) - cpu;
    const elapsed = (performance.now() - from) / 1_000;
    const { peak } = memoryMiB(gateway.pid);
    speaking.abort();
    await spoken;
    await ended(gateway);
    const stats = meters.map((meter) => readStats(folder, `${meter}-gateway`));
    const read = stats.reduce((sum, one) => sum + (one?.counters["telegrams"] ?? 0), 0);
    const percent = (used / elapsed) * 100;
    const refused = Object.assign({}, ...stats.map((one) => one?.refused ?? {})) as Record<string, number>;
    if (!json) process.stdout.write(`${table(percent, read, peak, elapsed)}\n`);
    return {
      meters: METERS,
      seconds: elapsed,
      telegrams: read,
      refused,
      percent,
      targetPercent: TARGET_PERCENT,
      peakMiB: peak,
    };
  } finally {
    if (gateway?.exitCode === null) await ended(gateway);
    await supervisor.stop("broker");
    for (const one of cables) one.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exit;
}

function configOf(folder: string, meters: readonly string[], ports: readonly string[]): Config {
  const base = loadConfig({ env: {} });
  return {
    ...base,
    paths: { data: folder, logs: join(folder, "logs"), results: join(folder, "results") },
    broker: { ...base.broker, tlsPort: 0, wssPort: 0, publicPort: 0 },
    gateway: {
      ...base.gateway,
      // The telegrams have no clock of their own.
      clockSeconds: 0,
      ports: ports.map((port, i) => ({ port, kind: "p1" as const, meter: meters[i]! })),
    },
  };
}

/** A pseudo-terminal at `port`, whose other end is `port`.far. */
async function cable(port: string): Promise<ChildProcess> {
  const ends = [port, `${port}.far`].map((link) => `pty,raw,echo=0,link=${link}`);
  const socat = spawn("socat", ends, { stdio: "ignore" });
  const failed = new Promise<never>((_resolve, reject) => {
    socat.once("error", () => reject(new Error("this benchmark needs socat (Debian: apt install socat)")));
  });
  const made = (async () => {
    while (!ends.every((end) => existsSync(end.slice(end.lastIndexOf("=") + 1)))) await wait(10);
  })();
  await Promise.race([made, failed]);
  return socat;
}

/** Sends every meter's telegram once a second, in portions, until the signal. */
async function speak(ports: readonly string[], signal: AbortSignal): Promise<void> {
  const files = ports.map((port) => openSync(port, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK));
  const begin = performance.now();
  for (let second = 0; !signal.aborted; second++) {
    const telegrams = files.map((_, i) => telegram(1_000_000 * (i + 1) + second));
    const portions = Math.ceil(telegrams[0]!.length / PORTION);
    for (let portion = 0; portion < portions; portion++) {
      for (const [i, file] of files.entries()) {
        writeSync(file, telegrams[i]!.subarray(portion * PORTION, (portion + 1) * PORTION));
      }
      await wait(PORTION_MILLISECONDS);
    }
    await wait(Math.max(0, begin + (second + 1) * 1_000 - performance.now()));
  }
  for (const file of files) closeSync(file);
}

/** A three-phase DSMR 5 telegram of usual length. */
function telegram(importWh: number): Buffer {
  const kwh = (importWh / 1_000).toFixed(3).padStart(10, "0");
  const lines = [
    ...["/BEN5\\2wattveil bench", "", "1-3:0.2.8(50)", `0-0:96.1.1(${"45".repeat(17)})`, "0-0:96.14.0(0002)"],
    ...[`1-0:1.8.1(${kwh}*kWh)`, "1-0:1.8.2(000000.000*kWh)", "1-0:2.8.1(000000.000*kWh)", "1-0:2.8.2(000000.000*kWh)"],
    ...["1-0:1.7.0(00.345*kW)", "1-0:2.7.0(00.000*kW)", "0-0:96.7.21(00009)", "0-0:96.7.9(00003)", "0-0:96.13.0()"],
    ...["32", "52", "72"].flatMap((phase) => [`1-0:${phase}.32.0(00002)`, `1-0:${phase}.36.0(00000)`]),
    ...["32", "52", "72"].map((phase) => `1-0:${phase}.7.0(230.${phase.slice(0, 1)}*V)`),
    ...["31", "51", "71"].map((phase) => `1-0:${phase}.7.0(001*A)`),
    ...["21", "41", "61", "22", "42", "62"].map((phase) => `1-0:${phase}.7.0(00.115*kW)`),
    ...["0-1:24.1.0(003)", `0-1:96.1.0(${"37".repeat(17)})`, "0-1:24.2.1(251121140000W)(01234.567*m3)", "!"],
  ];
  const body = Buffer.from(lines.join("\r\n"), "latin1");
  return Buffer.concat([body, Buffer.from(`${crcArc(body).toString(16).toUpperCase().padStart(4, "0")}\r\n`)]);
}

function table(percent: number, telegrams: number, peakMiB: number, seconds: number): string {
  return figuresTable(
    ["ten P1 meters, a telegram per second at 115200 baud", ""],
    [
      ["telegrams read", figure(telegrams)],
      ["measured for", `${figure(seconds)} s`],
      ["processor time, of one core", `${figure(percent, 2)} %`],
      ["target", `under ${TARGET_PERCENT} %: ${percent < TARGET_PERCENT ? "met" : "missed"}`],
      ["memory at its peak", `${figure(peakMiB)} MiB`],
    ],
  );
}
