/** Broker and aggregators as processes, meters with TLS connections of their own, readings in real time. */
import { loadConfig } from "../../config/index.ts";
import { createProgress } from "../../config/runtime/terminal.ts";
import { BenchSystem, FIRST_SLOT } from "../system/bench-system.ts";
import type { MetersPlan, PacedResult, SealedResult } from "../system/meters-plan.ts";
import { cpuSeconds, memoryMiB } from "../system/usage.ts";
import type { LiveFigures } from "./results.ts";

/** What a hundred thousand meters send at a slot of 15 minutes. */
const READINGS_PER_SECOND = 100_000 / 900;
const WINDOW_SLOTS = 100_000;
const FULL_SECONDS = 45;
const QUICK_SECONDS = 10;
const WARM_SECONDS = 10;
/** How long servers wait for more before they commit, or send: without a profile, or in a large system's. */
function waits(profile: "city" | undefined): Readonly<Record<string, number>> {
  const { aggregator, broker, link } = loadConfig({ env: {}, ...(profile === undefined ? {} : { profile }) });
  return {
    "aggregator.commitMilliseconds": aggregator.commitMilliseconds,
    "broker.gatherMilliseconds": broker.gatherMilliseconds,
    "link.gatherMilliseconds": link.gatherMilliseconds,
  };
}
const MIB = 2 ** 20;

export async function measureLive(
  sizes: readonly number[],
  { json, quick }: { json: boolean; quick: boolean },
): Promise<LiveFigures[]> {
  const progress = createProgress({ label: "live", total: sizes.length + 1, silent: json });
  const results: LiveFigures[] = [];
  for (const [done, meters] of sizes.entries()) {
    progress.update(done, `${meters} meters`);
    results.push(await measure(meters, quick ? QUICK_SECONDS : FULL_SECONDS));
  }
  progress.update(sizes.length, "as in the profile city");
  results.push(await measure(sizes.at(-1)!, quick ? QUICK_SECONDS : FULL_SECONDS, "city"));
  progress.stop();
  return results;
}

async function measure(meters: number, seconds: number, profile?: "city"): Promise<LiveFigures> {
  const system = new BenchSystem({
    meters,
    set: { "aggregator.windowSlots": WINDOW_SLOTS, ...waits(profile) },
  });
  try {
    await system.enrol();
    await system.startBroker();
    await system.setSlot(FIRST_SLOT + WINDOW_SLOTS - 10);
    await system.startAggregators();
    const servers = system.supervisor.names().map((name) => [name, system.supervisor.processId(name)] as const);
    const plan: MetersPlan = {
      ...{ configFile: system.configFile, data: system.data, name: "meters", rawTargets: [] },
      meters: system.meters.map(({ id }) => id),
    };
    await system.startWorker("meters", "bench/system/meters-worker.ts", plan);
    const intervalSeconds = meters / READINGS_PER_SECOND;
    const paced = (span: number) =>
      system.ask<PacedResult>("meters", { type: "paced", meters, seconds: span, intervalSeconds });
    // A server that has run for a day is compiled where it is hot; at this rate that would take hours.
    await system.ask<SealedResult>("meters", { type: "sealed", seconds: WARM_SECONDS, window: 4, slots: 1 });
    await paced(intervalSeconds);
    const before = servers.map(([, pid]) => cpuSeconds(pid));
    const result = await paced(seconds);
    const used = servers.map(([name, pid], index) => [name, cpuSeconds(pid) - before[index]!] as const);
    if (result.gaps > 0 || result.refused > 0) throw new Error(`${result.gaps} gaps, ${result.refused} refusals`);
    const memory = servers.map(([name, pid]) => [name, memoryMiB(pid).now * MIB] as const);
    const cpu = used.reduce((sum, [, one]) => sum + one, 0);
    return {
      ...{
        meters,
        profile: profile ?? "none",
        readings: result.readings,
        readingsPerSecond: result.readings / result.seconds,
      },
      coreShares: Object.fromEntries(used.map(([name, one]) => [name, one / result.seconds])),
      cpuMicrosecondsPerReading: (cpu * 1e6) / result.readings,
      shareMessageBytes: result.shareBytes / result.shareMessages,
      brokerBytes: memory.find(([name]) => name === "broker")?.[1] ?? Number.NaN,
      serverBytes: memory.reduce((sum, [, bytes]) => sum + bytes, 0),
    };
  } finally {
    await system.stop();
  }
}
