/**
 * How costs grow with the number of meters, and what that makes of a million of them (docs/scaling.md). Three parts:
 * intake of one aggregator with up to 100,000 meters, at the message level; broker and aggregators as processes with TLS
 * connections at the rate of 100,000 meters; a month billed by the whole system.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { createProgress } from "../config/runtime/terminal.ts";
import type { BenchOptions } from "./bench.ts";
import { billMonth } from "./billing.ts";
import { describeScale } from "./scale/describe.ts";
import { growthExponent, needsOf, slopeOf, type UnitCosts } from "./scale/extrapolate.ts";
import type { IntakeFigures } from "./scale/intake-worker.ts";
import { measureLive } from "./scale/live.ts";
import type { CloseFigures, LiveFigures, ScaleResult } from "./scale/results.ts";

const START = join(import.meta.dirname, "../config/runtime/start.mjs");
const WORKER = "bench/scale/intake-worker.ts";
const INTAKE_METERS = { full: [100, 1_000, 10_000, 100_000], quick: [100, 1_000, 10_000] };
const LEAST_READINGS = 100_000;
const LIVE_METERS = { full: [100, 300, 1_000], quick: [20, 100] };
const CLOSE_METERS = { full: [100, 300, 1_000], quick: [50, 100] };
const EXTRAPOLATED = [100_000, 1_000_000, 10_000_000];
const SLOT_SECONDS = 900;
const METERS_PER_FEEDER = 50;
const AGGREGATORS = 3;
const CONNECTIONS_PER_NODE = 20_000; // the default of broker.maxConnections

export async function run(options: BenchOptions): Promise<Record<string, unknown>> {
  const { json, quick } = options;
  const size = quick ? "quick" : "full";
  const intake = measureIntake(INTAKE_METERS[size], json);
  const live = await measureLive(LIVE_METERS[size], { json, quick });
  const alike = live.slice(0, -1); // the last one waits longer for more
  const close: CloseFigures[] = [];
  for (const meters of CLOSE_METERS[size]) close.push(await measureClose(meters, options));
  const costs = unitCosts(intake, alike, close);
  const result: ScaleResult = {
    ...{ intake, live, close, costs },
    exponents: {
      intakeCpu: growthExponent(intake.map((one) => [one.meters, one.cpuMicrosecondsPerReading])),
      liveCpu: growthExponent(alike.map((one) => [one.meters, one.cpuMicrosecondsPerReading])),
      closeCpu: growthExponent(close.map((one) => [one.meters, one.billCpuSeconds])),
      closeTime: growthExponent(close.map((one) => [one.meters, one.billSeconds])),
      loadCpu: growthExponent(close.map((one) => [one.meters, one.loadCpuSeconds])),
    },
    needs: EXTRAPOLATED.map((meters) => needsOf(meters, costs)),
  };
  if (!json) process.stdout.write(`${describeScale(result)}\n`);
  return { ...result };
}

/** Each size in a process of its own: what one leaves in memory is not counted in the next. */
function measureIntake(sizes: readonly number[], silent: boolean): IntakeFigures[] {
  const progress = createProgress({ label: "intake", total: sizes.length, silent });
  const results = sizes.map((meters, done) => {
    progress.update(done, `${meters} meters`);
    const plan = JSON.stringify({ meters, readings: Math.max(1, Math.ceil(LEAST_READINGS / meters)) });
    const text = execFileSync(process.execPath, ["--expose-gc", START, WORKER, plan], { encoding: "utf8" });
    return JSON.parse(text) as IntakeFigures;
  });
  progress.stop();
  return results;
}

async function measureClose(meters: number, options: BenchOptions): Promise<CloseFigures> {
  const { json, quick } = options;
  const figures = await billMonth(meters, { ...options, prepared: undefined, together: false, feeders: undefined });
  const { slots, feeders, billSeconds, billCpuSecondsInAll, loadCpuSeconds, storedBytes } = figures;
  if (loadCpuSeconds === undefined || storedBytes === undefined) throw new Error("the month was not filled anew");
  const storedShareBytes = storedBytes / (meters * slots);
  if (!json && quick) process.stderr.write("quick: small sizes, whose exponents say little\n");
  return { meters, feeders, slots, billSeconds, billCpuSeconds: billCpuSecondsInAll, loadCpuSeconds, storedShareBytes };
}

function unitCosts(
  intake: readonly IntakeFigures[],
  live: readonly LiveFigures[],
  close: readonly CloseFigures[],
): UnitCosts {
  const [most, largest] = [live.at(-1)!, close.at(-1)!];
  const connections = slopeOf(live.map((one) => [one.meters, one.brokerBytes]));
  const known = slopeOf(intake.map((one) => [one.meters, one.residentBytes]));
  return {
    ...{ n: AGGREGATORS, slotSeconds: SLOT_SECONDS, metersPerFeeder: METERS_PER_FEEDER },
    connectionsPerNode: CONNECTIONS_PER_NODE,
    liveMicroseconds: most.cpuMicrosecondsPerReading,
    shareMessageBytes: most.shareMessageBytes,
    storedShareBytes: largest.storedShareBytes,
    connectionBytes: connections.slope,
    meterBytes: known.slope,
    serverBytes: most.serverBytes - most.meters * (connections.slope + AGGREGATORS * known.slope),
    billSeconds: largest.billCpuSeconds / largest.meters,
    loadSeconds: largest.loadCpuSeconds / (largest.feeders * largest.slots),
  };
}
