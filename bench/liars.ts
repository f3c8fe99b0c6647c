/**
 * What correcting one liar of five costs: the bills of single days of a thousand meters in one round each, one day with
 * all aggregators honest, the next with one of them lying in all its sums, and so on in the same running system.
 */
import { firstSlotOf } from "../firmware-sim/fleet/fleet-plan.ts";
import type { BenchOptions } from "./bench.ts";
import { describeLiars } from "./describe.ts";
import type { LiarsResult } from "./results.ts";
import { BenchSystem } from "./system/bench-system.ts";
import { fillStores } from "./system/fill-stores.ts";
import { isLyingDay } from "./system/lying-days.ts";
import { timeUntil } from "./system/time-until.ts";
import { cpuSeconds } from "./system/usage.ts";

const START = "2025-01-06";
const LIAR = "a-2";
const DAY_SLOTS = 96;
const PATIENCE_SECONDS = 120;
/** So that code is warm and caches are filled. */
const WARM_DAYS = 2;

interface Day {
  readonly lies: boolean;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

export async function run({ json, quick, cpuProfile }: BenchOptions): Promise<Record<string, unknown>> {
  const meters = quick ? 200 : 1_000;
  const days = WARM_DAYS + (quick ? 4 : 12);
  const system = new BenchSystem({
    ...{ meters, feeders: 1, cpuProfile },
    entryOf: (name) => (name === LIAR ? "bench/testing/lying-aggregator.ts" : undefined),
    set: {
      "system.aggregators": 5,
      "system.threshold": 2,
      "system.quorum": 4,
      "simulation.start": START,
      "simulation.days": days,
      "billing.period": "day",
      "release.minSlots": 12,
      "rounds.loadEverySlots": DAY_SLOTS,
      "aggregator.windowSlots": 6_000,
    },
  });
  const note = (text: string): void => {
    if (!json) process.stderr.write(`${text}\n`);
  };
  const from = firstSlotOf(START, system.config);
  const { graceSlots: loadGrace } = system.config.rounds;
  const { graceSlots: billGrace } = system.config.billing;
  try {
    note(`enrolling ${meters} meters with five aggregators`);
    await system.enrol();
    fillStores(system, from, from + days * DAY_SLOTS, json);
    await system.startBroker();
    await system.setSlot(from);
    await system.startAggregators();
    await system.startUtility();
    const measured: Day[] = [];
    for (let day = 0; day < days; day++) {
      const to = from + (day + 1) * DAY_SLOTS;
      const wait = (sql: string, wanted: number, slot: number): Promise<number> =>
        timeUntil(system, sql, wanted, PATIENCE_SECONDS, true, () => system.setSlot(slot));
      await wait(LOADS_SQL, (day + 1) * DAY_SLOTS, to + Math.min(loadGrace, billGrace - 1));
      const before = cpuSeconds(system.supervisor.processId("utility"));
      const wallSeconds = await wait(BILLS_SQL, (day + 1) * meters, to + billGrace);
      const cpu = cpuSeconds(system.supervisor.processId("utility")) - before;
      const lies = isLyingDay(from + day * DAY_SLOTS);
      note(`day ${day + 1}, ${lies ? "one lies" : "all honest"}: ${wallSeconds.toFixed(2)} s`);
      if (day >= WARM_DAYS) measured.push({ lies, wallSeconds, cpuSeconds: cpu });
    }
    await timeUntil(system, LIES_SQL, days, PATIENCE_SECONDS, true, () => Promise.resolve());
    const plain = summary(measured.filter(({ lies }) => !lies));
    const lied = summary(measured.filter(({ lies }) => lies));
    const result: LiarsResult = {
      meters,
      slots: DAY_SLOTS,
      rounds: measured.length,
      plain,
      lied,
      ratio: lied.wallSeconds / plain.wallSeconds,
      cpuRatio: lied.cpuSeconds / plain.cpuSeconds,
      targetRatio: 2,
    };
    if (!json) process.stdout.write(`${describeLiars(result)}\n`);
    return { ...result };
  } finally {
    await system.stop();
  }
}

const BILLS_SQL = "SELECT count(*) FROM current_bills WHERE status = 'final'";
const LOADS_SQL = "SELECT count(*) FROM feeder_loads WHERE status = 'final'";
/** A load and a bill round of every second day. */
const LIES_SQL = "SELECT count(*) FROM detections WHERE aggregator = 2 AND verdict = 'liar'";

/** Medians: a round is short, and anything may get between. */
function summary(days: readonly Day[]): LiarsResult["plain"] {
  return {
    wallSeconds: median(days.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(days.map((day) => day.cpuSeconds)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
}
