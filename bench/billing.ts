/**
 * A month of bills once the shares are stored: the share stores of all aggregators are filled directly, then the real
 * processes release the month's loads and bill it. What counts is the time from the clock that makes the bills due, which
 * opens the rounds, until the last bill is final in the utility's database.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { firstSlotOf } from "../firmware-sim/fleet/fleet-plan.ts";
import type { BenchOptions } from "./bench.ts";
import { describeBilling } from "./describe.ts";
import type { BillingResult } from "./results.ts";
import { BenchSystem } from "./system/bench-system.ts";
import { fillStores } from "./system/fill-stores.ts";
import { PhaseWatch } from "./system/phase-watch.ts";
import { Prepared } from "./system/prepared.ts";
import { printProfiles, profileTime, stopWithProfiles } from "./system/profile.ts";
import { timeUntil } from "./system/time-until.ts";
import { cpuSeconds } from "./system/usage.ts";

const START = "2025-01-01";
const END = "2025-02-01";
const METERS_PER_FEEDER = 50;
const LOADS_PATIENCE_SECONDS = 600;
const BILLS_PATIENCE_SECONDS = 120;
const TARGET_SECONDS = 2;

export function run(options: BenchOptions): Promise<Record<string, unknown>> {
  return billMonth(options.quick ? 200 : 1_000, options);
}

/** One month of so many meters, 50 on each feeder unless `options.feeders` says otherwise. */
export async function billMonth(
  meters: number,
  options: BenchOptions,
): Promise<BillingResult & Record<string, unknown>> {
  const { json, cpuProfile, prepared, together = false } = options;
  const feeders = options.feeders ?? meters / METERS_PER_FEEDER;
  const system = new BenchSystem({
    meters,
    feeders,
    cpuProfile,
    set: {
      "simulation.start": START,
      "simulation.days": 31,
      "billing.period": "month",
      "aggregator.windowSlots": 6_000,
    },
  });
  const note = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  const from = firstSlotOf(START, system.config);
  const to = firstSlotOf(END, system.config);
  const { graceSlots: loadGrace } = system.config.rounds;
  const { graceSlots: billGrace } = system.config.billing;
  const source = prepared === undefined ? undefined : new Prepared(prepared, { meters, feeders, loads: !together });
  const start = async (slot: number): Promise<void> => {
    note("starting the servers");
    await system.startBroker();
    await system.setSlot(slot);
    await system.startAggregators();
    await system.startUtility();
  };
  try {
    let loadSeconds: number | undefined;
    let loadCpuSeconds: number | undefined;
    let storedBytes: number | undefined;
    if (source?.restore(system.data) !== true) {
      note(`enrolling ${meters} meters on ${feeders} feeders`);
      await system.enrol();
      note("filling the share stores");
      fillStores(system, from, to, json);
      storedBytes = statSync(join(system.data, "a-1", "aggregator.db")).size;
      if (!together) {
        await start(from);
        const loads = feeders * (to - from);
        note(`releasing ${loads} feeder loads`);
        const due = (): Promise<void> => system.setSlot(to + Math.min(loadGrace, billGrace - 1));
        const cpuBefore = total(usage(system));
        loadSeconds = await timeUntil(system, LOADS_SQL, loads, LOADS_PATIENCE_SECONDS, json, due);
        loadCpuSeconds = total(usage(system)) - cpuBefore;
        note("waiting until they are published");
        await timeUntil(system, PUBLISHED_SQL, loads, LOADS_PATIENCE_SECONDS, json, () => Promise.resolve());
      }
      if (source !== undefined) {
        if (!together) await system.pause();
        source.save(system.data);
      }
      if (source !== undefined || together) await start(to);
    } else await start(to);
    note(`billing ${meters} meters`);
    const before = usage(system);
    const phases = new PhaseWatch(system);
    const profiledFrom = profileTime();
    const billSeconds = await timeUntil(
      system,
      BILLS_SQL,
      meters,
      together ? LOADS_PATIENCE_SECONDS : BILLS_PATIENCE_SECONDS,
      json,
      () => system.setSlot(to + billGrace),
      () => phases.look(),
    );
    const stretch = { from: profiledFrom, to: profileTime() };
    const cpu = usage(system).map(([name, seconds], index) => [name, seconds - before[index]![1]] as const);
    const result: BillingResult = {
      meters,
      slots: to - from,
      feeders,
      loadsBefore: !together,
      freshProcesses: source !== undefined || together,
      ...{ loadSeconds, loadCpuSeconds, storedBytes },
      billSeconds,
      targetSeconds: TARGET_SECONDS,
      billCpuSeconds: Object.fromEntries(cpu),
      billCpuSecondsInAll: total(cpu),
      phaseSeconds: phases.close(),
    };
    if (!json) process.stdout.write(`${describeBilling(result)}\n`);
    if (cpuProfile === undefined) return { ...result };
    const profiles = await stopWithProfiles(system, ["utility", "a-1"], cpuProfile, stretch);
    if (!json) printProfiles(profiles);
    return { ...result, profiles };
  } finally {
    await system.stop();
  }
}

function usage(system: BenchSystem): (readonly [string, number])[] {
  const { supervisor } = system;
  return supervisor.names().map((name) => [name, cpuSeconds(supervisor.processId(name))] as const);
}

function total(cpu: readonly (readonly [string, number])[]): number {
  return cpu.reduce((sum, [, seconds]) => sum + seconds, 0);
}

const BILLS_SQL = "SELECT count(*) FROM current_bills WHERE status = 'final'";
const LOADS_SQL = "SELECT count(*) FROM feeder_loads WHERE status = 'final'";
const PUBLISHED_SQL = "SELECT count(*) FROM feeder_loads WHERE status = 'final' AND published = 1";
