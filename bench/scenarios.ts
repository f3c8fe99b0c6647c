/**
 * Three sweeps over a system of real processes on MQTT: how many meters, how often they read, how many slots a message
 * holds. Meters read in real time, each at its own moment of the interval; only the slot numbers are simulated.
 */
import { createProgress } from "../config/runtime/terminal.ts";
import { createShareSealer } from "../protocol/envelope/index.ts";
import { ENTRY_BYTES } from "../protocol/shamir/share-entries.ts";
import { splitBatch } from "../protocol/shamir/split.ts";
import type { BenchOptions } from "./bench.ts";
import { BenchSystem, FIRST_SLOT } from "./system/bench-system.ts";
import type { MetersPlan, PacedResult } from "./system/meters-plan.ts";
import { duration, figure, figuresTable } from "./words.ts";

interface Scenario {
  readonly sweep: "meters" | "interval" | "batch";
  readonly meters: number;
  readonly intervalSeconds: number;
  readonly batchSlots: number;
}

const BASE = { meters: 10, intervalSeconds: 1, batchSlots: 1 };
const SCENARIOS: readonly Scenario[] = [
  ...[2, 5, 10, 20].map((meters): Scenario => ({ ...BASE, sweep: "meters", meters })),
  ...[1, 5, 10, 30].map((intervalSeconds): Scenario => ({ ...BASE, sweep: "interval", intervalSeconds })),
  ...[1, 5, 10, 20].map((batchSlots): Scenario => ({ ...BASE, sweep: "batch", batchSlots })),
];
const MOST_METERS = 20;
const WINDOW_SLOTS = 100_000;
/** A quick run shortens the intervals, and says so. */
const QUICK_FACTOR = 10;
const LEAST_SECONDS = 30;
const LEAST_READINGS = 3;

interface ScenarioResult extends Scenario {
  /** Real seconds between two readings of a meter. */
  readonly realIntervalSeconds: number;
  readonly seconds: number;
  readonly readings: number;
  readonly readingsPerSecond: number;
  readonly sharesPerSecond: number;
  readonly bytesPerReading: number;
  /** From the reading to the last aggregator's ack; a reading waits for its batch. */
  readonly latencyMs: PacedResult["latencyMs"];
  /** From the reading that completes a message to the last aggregator's ack. */
  readonly deliveryMs: PacedResult["deliveryMs"];
  /** From handing over a share message to the broker's PUBACK. */
  readonly sendMs: PacedResult["sendMs"];
  readonly splitMicrosecondsPerShare: number;
  readonly sealMicrosecondsPerShare: number;
}

export async function run({ json, quick, cpuProfile }: BenchOptions): Promise<Record<string, unknown>> {
  const system = new BenchSystem({
    meters: MOST_METERS,
    cpuProfile,
    set: { "aggregator.windowSlots": WINDOW_SLOTS, "meter.outboxSlots": WINDOW_SLOTS / 10 },
  });
  const factor = quick ? QUICK_FACTOR : 1;
  const progress = createProgress({ label: "scenarios", total: SCENARIOS.length, silent: json });
  const results: ScenarioResult[] = [];
  try {
    await system.enrol();
    await system.startBroker();
    await system.setSlot(FIRST_SLOT + WINDOW_SLOTS - 10);
    await system.startAggregators();
    const plan: MetersPlan = {
      configFile: system.configFile,
      data: system.data,
      name: "meters",
      meters: system.meters.map(({ id }) => id),
      rawTargets: [],
    };
    await system.startWorker("meters", "bench/system/meters-worker.ts", plan);
    for (const [done, scenario] of SCENARIOS.entries()) {
      progress.update(done, `${scenario.sweep} ${scenario[fieldOf(scenario.sweep)]}`);
      results.push(await measure(system, scenario, factor));
    }
  } finally {
    progress.stop();
    await system.stop();
  }
  if (!json) print(results, factor);
  return { intervalFactor: 1 / factor, results };
}

function fieldOf(sweep: Scenario["sweep"]): "meters" | "intervalSeconds" | "batchSlots" {
  return sweep === "meters" ? "meters" : sweep === "interval" ? "intervalSeconds" : "batchSlots";
}

async function measure(system: BenchSystem, scenario: Scenario, factor: number): Promise<ScenarioResult> {
  const { meters, batchSlots } = scenario;
  const intervalSeconds = scenario.intervalSeconds / factor;
  const seconds = Math.max(LEAST_SECONDS / factor, LEAST_READINGS * intervalSeconds * batchSlots);
  await system.ask("meters", { type: "configure", batchSlots, maxSlotsPerMessage: batchSlots, timed: true });
  const result = await system.ask<PacedResult>("meters", { type: "paced", meters, seconds, intervalSeconds });
  if (result.gaps > 0) throw new Error(`${result.gaps} slots became gaps`);
  const costs = sharingCosts(batchSlots);
  return {
    ...scenario,
    realIntervalSeconds: intervalSeconds,
    seconds: result.seconds,
    readings: result.readings,
    readingsPerSecond: result.readings / result.seconds,
    sharesPerSecond: (system.config.system.aggregators * result.readings) / result.seconds,
    bytesPerReading: result.shareBytes / result.readings,
    latencyMs: result.latencyMs,
    deliveryMs: result.deliveryMs,
    sendMs: result.sendMs,
    ...costs,
  };
}

const COST_ROUNDS = 3_000;

/** Splitting and sealing, measured alone: in the meters' process they are too short to be timed one by one. */
function sharingCosts(slots: number): { splitMicrosecondsPerShare: number; sealMicrosecondsPerShare: number } {
  const n = 3;
  const key = new Uint8Array(32).fill(7);
  const readings = Array.from({ length: slots }, (_, index) => (index * 37) % 900);
  const out = Array.from({ length: n }, () => new Uint8Array(slots * ENTRY_BYTES));
  const sealer = createShareSealer(key, "m-001", 1);
  const splitMs = timed((round) =>
    splitBatch({ key, kind: 1, firstSlot: FIRST_SLOT + round * slots, readings, n, t: 2, out }),
  );
  const sealMs = timed((round) => sealer.seal(1, FIRST_SLOT + round * slots, { boot: 1, counter: round }, out[0]!));
  return {
    splitMicrosecondsPerShare: (1000 * splitMs) / (COST_ROUNDS * n * slots),
    sealMicrosecondsPerShare: (1000 * sealMs) / (COST_ROUNDS * slots),
  };
}

/** Milliseconds of COST_ROUNDS rounds, after as many to warm up. */
function timed(work: (round: number) => void): number {
  for (let round = 0; round < COST_ROUNDS; round++) work(round);
  const start = performance.now();
  for (let round = COST_ROUNDS; round < 2 * COST_ROUNDS; round++) work(round);
  return performance.now() - start;
}

function print(results: readonly ScenarioResult[], factor: number): void {
  const named = (result: ScenarioResult): string => {
    const { sweep, meters, realIntervalSeconds, batchSlots } = result;
    if (sweep === "meters") return `${meters} meters`;
    return sweep === "interval"
      ? `every ${duration(realIntervalSeconds)}`
      : `${batchSlots} ${batchSlots === 1 ? "slot" : "slots"} per message`;
  };
  const rates = results.map((result) => [
    named(result),
    result.meters,
    duration(result.realIntervalSeconds),
    result.batchSlots,
    result.readings,
    figure(result.readingsPerSecond, 1),
    figure(result.sharesPerSecond, 1),
    Math.round(result.bytesPerReading),
  ]);
  const times = results.map((result) => [
    named(result),
    ...[result.latencyMs.p50, result.latencyMs.p90, result.latencyMs.p99].map((value) => figure(value, 1)),
    ...[result.deliveryMs.p50, result.deliveryMs.p99].map((value) => figure(value, 1)),
    figure(result.sendMs.p50, 2),
    figure(result.splitMicrosecondsPerShare, 2),
    figure(result.sealMicrosecondsPerShare, 2),
  ]);
  const rateHead = ["varied", "meters", "interval", "batch", "readings", "readings/s", "shares/s", "bytes per reading"];
  const timeHead = ["times", "latency ms", "p90", "p99", "delivery ms", "p99", "send ms", "split µs", "seal µs"];
  process.stdout.write(`${figuresTable(rateHead, rates)}\n${figuresTable(timeHead, times)}\n`);
  const scaled =
    factor === 1 ? "Intervals are real time." : `Quick: intervals are ${factor} times shorter than in a full run.`;
  process.stdout.write(
    `${scaled} Slot numbers are simulated: a reading stands for one slot, whatever the interval.\n` +
      "Times are medians (p90, p99: nine of ten, 99 of 100 are no longer), split and seal means per share.\n" +
      "latency: reading to the last of all acks, waiting for its batch included; delivery: from the batch's last reading;\n" +
      "send: from handing over a message to the broker's acknowledgement.\n",
  );
}
