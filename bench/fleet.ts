/**
 * Thousands of meters with their own TLS connections on one machine: the memory of all processes together, and how long
 * the meters take to connect. It is the fleet itself, run for a few slots.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Flag, loadConfig } from "../config/index.ts";
import { createLogger } from "../config/runtime/logger.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { Fleet } from "../firmware-sim/fleet/fleet.ts";
import { planGenerated } from "../firmware-sim/fleet/fleet-plan.ts";
import type { BenchOptions } from "./bench.ts";
import { describeFleetBench } from "./describe.ts";
import type { FleetBenchResult } from "./results.ts";
import { memoryMiB } from "./system/usage.ts";

const TARGET_MIB = 4_096;
const SLOTS = 24;
const SAMPLE_MILLISECONDS = 250;

export async function run({ json, quick }: BenchOptions): Promise<Record<string, unknown>> {
  const meters = quick ? 300 : 2_000;
  const data = mkdtempSync(join(tmpdir(), "wattveil-bench-fleet-"));
  const set = {
    "paths.data": join(data, "data"),
    "paths.logs": join(data, "logs"),
    "paths.results": join(data, "results"),
    "broker.tlsPort": 0,
    "broker.wssPort": 0,
    "broker.publicPort": 0,
    "api.enabled": false,
    "simulation.meters": meters,
    "simulation.feeders": 40,
    "simulation.days": 1,
    "logging.level": "warn",
  };
  const flags = Object.entries(set).map(([path, value]): Flag => ({ name: "bench", path, value }));
  const config = loadConfig({ env: {}, profile: "laptop", flags });
  const plan = await planGenerated(config, undefined);
  const enrolled = createProgress({ label: "enrolled", total: meters, silent: json });
  const slots = createProgress({ label: "slots", total: SLOTS, silent: json });
  let connectingFrom = 0;
  const fleet = new Fleet({
    config,
    plan,
    log: createLogger(config, "bench", { files: false, stderr: "silent" }).log,
    onEnrolled: (done) => enrolled.update(done),
    onPhase: (phase) => {
      if (phase.startsWith("connecting")) connectingFrom = performance.now();
    },
    onSlot: (_slot, done) => {
      slots.update(Math.min(done, SLOTS));
      if (done >= SLOTS) fleet.conductor.endFeeding();
    },
  });
  const memory = new MemoryWatch(fleet);
  const timer = setInterval(() => memory.sample(), SAMPLE_MILLISECONDS);
  try {
    const enrolFrom = performance.now();
    await fleet.enrol();
    enrolled.stop();
    const enrolSeconds = (performance.now() - enrolFrom) / 1_000;
    await fleet.start();
    const connectSeconds = (performance.now() - connectingFrom) / 1_000;
    const feedFrom = performance.now();
    await fleet.run();
    const feedSeconds = (performance.now() - feedFrom) / 1_000;
    memory.sample();
    const { settled } = fleet.conductor.counters();
    const result: FleetBenchResult = {
      meters,
      slots: SLOTS,
      enrolSeconds,
      connectSeconds,
      connectionsPerSecond: meters / connectSeconds,
      feedSeconds,
      settled,
      peakTogetherMiB: memory.peakTogether,
      targetMiB: TARGET_MIB,
      peakMiB: memory.peaks(),
    };
    if (!json) process.stdout.write(`${describeFleetBench(result)}\n`);
    return { ...result };
  } finally {
    clearInterval(timer);
    slots.stop();
    await fleet.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

/** Sums what all processes hold at the same moment: the sum of their peaks would count what never was together. */
class MemoryWatch {
  readonly #fleet: Fleet;
  readonly #peaks = new Map<string, number>();
  peakTogether = 0;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  sample(): void {
    const { supervisor } = this.#fleet;
    const processes = [...supervisor.names().map((name) => [name, supervisor.processId(name)] as const)];
    let together = 0;
    for (const [name, pid] of [...processes, ["this process", process.pid] as const]) {
      const { now, peak } = memoryMiB(pid);
      if (Number.isNaN(now)) continue;
      together += now;
      this.#peaks.set(name, Math.max(peak, this.#peaks.get(name) ?? 0));
    }
    this.peakTogether = Math.max(this.peakTogether, Math.round(together));
  }

  peaks(): Record<string, number> {
    return Object.fromEntries([...this.#peaks].map(([name, mib]) => [name, Math.round(mib)]));
  }
}
