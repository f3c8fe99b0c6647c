/**
 * Sealed shares per second from the meters to committed in SQLite and acknowledged by all aggregators, against the raw
 * QoS 1 rate in the same run: the same broker process, connections, TLS, payload size and three subscriber processes,
 * without splitting, sealing, storing and acks. Raw and sealed take turns, so that a busy machine slows both.
 */
import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openCertificateAuthority } from "../config/enrolment/certificates.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { aggregatorId } from "../protocol/names.ts";
import type { BenchOptions } from "./bench.ts";
import { BenchSystem, FIRST_SLOT } from "./system/bench-system.ts";
import type { CountResult, MetersPlan, RawResult, SealedResult } from "./system/meters-plan.ts";
import { printProfiles, profileTime, type SelfTime, stopWithProfiles } from "./system/profile.ts";
import { cpuSeconds, median } from "./system/usage.ts";
import { figuresTable } from "./words.ts";

const METERS = 100;
const N = 3;
/** Subscribers that only count have share indices that no aggregator of this system has. */
const RAW_TARGETS = [4, 5, 6];
/** Wide enough for everything that a run hands in. */
const WINDOW_SLOTS = 1_000_000;

interface Variant {
  readonly name: string;
  readonly slots: number;
  /** Unsettled readings per meter: enough to keep all processes busy; more only wait, and cost memory. */
  readonly window: number;
  /** Bytes of one sealed share message. */
  readonly bytes: number;
  /** Unacknowledged raw messages per connection. */
  readonly rawWindow: number;
  readonly target: number;
}

const ENTRY_BYTES = 16;
/** A share message of one slot has 60 bytes (docs/protocol.md); longer ones two more for lengths. */
const VARIANTS: readonly Variant[] = [
  { name: "one slot per message", slots: 1, window: 32, bytes: 60, rawWindow: 96, target: 10_000 },
  { name: "96 slots per message", slots: 96, window: 768, bytes: 46 + 96 * ENTRY_BYTES, rawWindow: 24, target: 50_000 },
];

export async function run(options: BenchOptions): Promise<Record<string, unknown>> {
  const { json, quick } = options;
  const rounds = quick ? 2 : 5;
  const seconds = quick ? 3 : 6;
  const progress = createProgress({ label: "rounds", total: VARIANTS.length * (rounds + 1), silent: json });
  const system = new BenchSystem({
    meters: METERS,
    cpuProfile: options.cpuProfile,
    set: {
      "aggregator.windowSlots": WINDOW_SLOTS,
      "meter.resendSeconds": 10,
      "meter.batchSlots": 1,
      "meter.maxSlotsPerMessage": 1,
      "meter.maxInFlight": 256,
    },
  });
  const results: Record<string, unknown> = {};
  try {
    await prepare(system);
    if (options.cpuProfile !== undefined) return { profiles: await profile(system, options.cpuProfile, json) };
    let done = 0;
    for (const variant of VARIANTS) {
      await system.ask("meters", {
        type: "configure",
        batchSlots: 1,
        maxSlotsPerMessage: variant.slots,
        timed: false,
      });
      const measured: Round[] = [];
      for (let round = 0; round <= rounds; round++) {
        progress.update(done++, variant.name);
        const result = await measureRound(system, variant, round === 0 ? 3 : seconds);
        if (round > 0) measured.push(result); // the first one warms up
      }
      results[variant.name] = summarise(variant, measured);
      progress.stop();
      if (!json) print(variant, measured, results[variant.name] as Summary);
    }
    return results;
  } finally {
    progress.stop();
    await system.stop();
  }
}

const PROFILE_SECONDS = 10;

/** Only the sealed side, one slot per message: profiles cover a process from its start to its end. */
async function profile(system: BenchSystem, folder: string, json: boolean): Promise<Record<string, SelfTime[]>> {
  const { slots, window } = VARIANTS[0]!;
  await system.ask("meters", { type: "configure", batchSlots: 1, maxSlotsPerMessage: slots, timed: false });
  const before = usage(system);
  const from = profileTime();
  const sealed = await system.ask<SealedResult>("meters", { type: "sealed", seconds: PROFILE_SECONDS, window, slots });
  const cpu = perUnit(before, usage(system), sealed.readings);
  const stretch = { from, to: profileTime() };
  const profiles = await stopWithProfiles(system, ["meters", "broker", "a-1"], folder, stretch);
  if (!json) {
    printProfiles(profiles);
    process.stdout.write(`CPU in µs per reading: ${describeCpu(cpu)}\n`);
  }
  return profiles;
}

async function prepare(system: BenchSystem): Promise<void> {
  await system.enrol();
  await system.startBroker();
  await system.setSlot(FIRST_SLOT + WINDOW_SLOTS - 10);
  await system.startAggregators();
  await Promise.all(RAW_TARGETS.map((index) => startCounter(system, index)));
  const plan: MetersPlan = {
    configFile: system.configFile,
    data: system.data,
    name: "meters",
    meters: system.meters.map(({ id }) => id),
    rawTargets: RAW_TARGETS,
  };
  await system.startWorker("meters", "bench/system/meters-worker.ts", plan);
}

/** The broker's rules go by certificates alone, so the benchmark's own authority makes some more. */
async function startCounter(system: BenchSystem, index: number): Promise<void> {
  const folder = join(system.data, "keys", "authority");
  const ca = readFileSync(join(folder, "ca.crt"), "utf8");
  const key = createPrivateKey(readFileSync(join(folder, "ca.key")));
  const authority = await openCertificateAuthority(ca, key, Date.now() / 1000);
  const { certificate, key: clientKey } = await authority.issue(aggregatorId(index), "aggregator");
  const tls = { key: clientKey, cert: certificate, ca };
  const plan = { configFile: system.configFile, index, tls };
  await system.startWorker(counterName(index), "bench/system/subscriber-worker.ts", plan);
}

function counterName(index: number): string {
  return `counter-${index}`;
}

interface Round {
  readonly rawPerSecond: number;
  readonly sharesPerSecond: number;
  readonly readingsPerSecond: number;
  readonly ratio: number;
  readonly latencyMs: SealedResult["latencyMs"];
  /** Microseconds of CPU for one reading, by process. */
  readonly cpuPerReading: Readonly<Record<string, number>>;
  readonly rawCpuPerMessage: Readonly<Record<string, number>>;
}

async function measureRound(system: BenchSystem, variant: Variant, seconds: number): Promise<Round> {
  const { bytes, rawWindow, slots, window } = variant;
  const before = usage(system);
  const raw = await system.ask<RawResult>("meters", { type: "raw", seconds, window: rawWindow, bytes });
  const counts = await system.askAll<CountResult>(RAW_TARGETS.map(counterName), () => ({
    expect: raw.messages / RAW_TARGETS.length,
  }));
  const rawSeconds = (Math.max(...counts.map(({ lastAt }) => lastAt)) - raw.startedAt) / 1000;
  const between = usage(system);
  const sealed = await system.ask<SealedResult>("meters", { type: "sealed", seconds, window, slots });
  const after = usage(system);
  if (sealed.gaps > 0) throw new Error(`${sealed.gaps} slots became gaps: the aggregators refused them`);
  const rawPerSecond = raw.messages / rawSeconds;
  const readingsPerSecond = sealed.readings / sealed.seconds;
  const messagesPerSecond = (N * readingsPerSecond) / slots;
  return {
    rawPerSecond,
    sharesPerSecond: N * readingsPerSecond,
    readingsPerSecond,
    ratio: messagesPerSecond / rawPerSecond,
    latencyMs: sealed.latencyMs,
    cpuPerReading: perUnit(between, after, sealed.readings),
    rawCpuPerMessage: perUnit(before, between, raw.messages),
  };
}

function usage(system: BenchSystem): Record<string, number> {
  const { supervisor } = system;
  return Object.fromEntries(supervisor.names().map((name) => [name, cpuSeconds(supervisor.processId(name))]));
}

function perUnit(
  from: Readonly<Record<string, number>>,
  to: Readonly<Record<string, number>>,
  units: number,
): Record<string, number> {
  const micros = Object.entries(to).map(([name, seconds]): [string, number] => {
    return [name, Math.round(((seconds - (from[name] ?? 0)) * 1e7) / units) / 10];
  });
  return Object.fromEntries(micros.filter(([, value]) => value > 0));
}

interface Summary {
  readonly rawMessagesPerSecond: number;
  readonly sealedSharesPerSecond: number;
  readonly readingsPerSecond: number;
  readonly ratio: number;
  readonly latencyMs: SealedResult["latencyMs"];
  readonly cpuMicrosecondsPerReading: Readonly<Record<string, number>>;
  readonly rawCpuMicrosecondsPerMessage: Readonly<Record<string, number>>;
  readonly rounds: readonly Round[];
}

function summarise(_variant: Variant, rounds: readonly Round[]): Summary {
  const last = rounds.at(-1)!;
  return {
    rawMessagesPerSecond: Math.round(median(rounds.map((round) => round.rawPerSecond))),
    sealedSharesPerSecond: Math.round(median(rounds.map((round) => round.sharesPerSecond))),
    readingsPerSecond: Math.round(median(rounds.map((round) => round.readingsPerSecond))),
    ratio: Math.round(median(rounds.map((round) => round.ratio)) * 1000) / 1000,
    latencyMs: last.latencyMs,
    cpuMicrosecondsPerReading: last.cpuPerReading,
    rawCpuMicrosecondsPerMessage: last.rawCpuPerMessage,
    rounds,
  };
}

function print(variant: Variant, rounds: readonly Round[], summary: Summary): void {
  const whole = (value: number): string => Math.round(value).toLocaleString("en");
  const rows = rounds.map((round, index) => [
    String(index + 1),
    whole(round.rawPerSecond),
    whole(round.sharesPerSecond),
    whole(round.readingsPerSecond),
    round.ratio.toFixed(3),
    round.latencyMs.p50.toFixed(0),
    round.latencyMs.p99.toFixed(0),
  ]);
  rows.push([
    "median",
    whole(summary.rawMessagesPerSecond),
    whole(summary.sealedSharesPerSecond),
    whole(summary.readingsPerSecond),
    summary.ratio.toFixed(3),
    "",
    "",
  ]);
  const head = [
    "round",
    "raw messages/s",
    "sealed shares/s",
    "readings/s",
    "sealed/raw messages",
    "ack ms, median",
    "p99",
  ];
  process.stdout.write(`${variant.name} (target ${whole(variant.target)} readings/s)\n${figuresTable(head, rows)}\n`);
  process.stdout.write(`CPU in µs per reading: ${describeCpu(summary.cpuMicrosecondsPerReading)}\n`);
  process.stdout.write(`CPU in µs per raw message: ${describeCpu(summary.rawCpuMicrosecondsPerMessage)}\n`);
}

function describeCpu(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
