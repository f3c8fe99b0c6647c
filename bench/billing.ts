/**
 * A month of bills once the shares are stored: the share stores of all aggregators are filled directly, then the real
 * processes release the month's loads and bill it. What counts is the time from the clock that makes the bills due, which
 * opens the rounds, until the last bill is final in the utility's database.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "better-sqlite3";
import { MeterTable } from "../aggregator/intake/meter-table.ts";
import { MIGRATIONS } from "../aggregator/store/schema.ts";
import { ShareStore } from "../aggregator/store/share-store.ts";
import { openMeterSecrets } from "../config/keys/index.ts";
import { migrate, openDatabase } from "../config/runtime/database.ts";
import { createProgress } from "../config/runtime/terminal.ts";
import { firstSlotOf } from "../firmware-sim/fleet/fleet-plan.ts";
import { ENTRY_BYTES } from "../protocol/shamir/share-entries.ts";
import { splitBatch } from "../protocol/shamir/split.ts";
import { KINDS } from "../protocol/units.ts";
import type { BenchOptions } from "./bench.ts";
import { type BillingResult, describeBilling } from "./describe.ts";
import { BenchSystem } from "./system/bench-system.ts";
import { PhaseWatch } from "./system/phase-watch.ts";
import { Prepared } from "./system/prepared.ts";
import { printProfiles, profileTime, stopWithProfiles } from "./system/profile.ts";
import { cpuSeconds } from "./system/usage.ts";

const START = "2025-01-01";
const END = "2025-02-01";
const METERS_PER_FEEDER = 50;
const LOADS_PATIENCE_SECONDS = 600;
const BILLS_PATIENCE_SECONDS = 120;
const POLL_MILLISECONDS = 10;
const TARGET_SECONDS = 2;

export async function run(options: BenchOptions): Promise<Record<string, unknown>> {
  const { json, quick, cpuProfile, prepared, together = false } = options;
  const meters = quick ? 200 : 1_000;
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
    if (source?.restore(system.data) !== true) {
      note(`enrolling ${meters} meters on ${feeders} feeders`);
      await system.enrol();
      note("filling the share stores");
      fillStores(system, from, to, json);
      if (!together) {
        await start(from);
        const loads = feeders * (to - from);
        note(`releasing ${loads} feeder loads`);
        const due = (): Promise<void> => system.setSlot(to + Math.min(loadGrace, billGrace - 1));
        loadSeconds = await timeUntil(system, LOADS_SQL, loads, LOADS_PATIENCE_SECONDS, json, due);
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
      ...(loadSeconds === undefined ? {} : { loadSeconds }),
      billSeconds,
      targetSeconds: TARGET_SECONDS,
      billCpuSeconds: Object.fromEntries(cpu),
      billCpuSecondsInAll: cpu.reduce((sum, [, seconds]) => sum + seconds, 0),
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

/** What intake would have stored: every share of every meter, slot by slot. */
function fillStores(system: BenchSystem, from: number, to: number, silent: boolean): void {
  const { aggregators: n, threshold: t } = system.config.system;
  const stores = Array.from({ length: n }, (_, index) => {
    const db = openDatabase(join(system.data, `a-${index + 1}`, "aggregator.db"), { synchronous: "NORMAL" });
    migrate(db, MIGRATIONS);
    const store = new ShareStore(db, { journalRows: 100_000, cacheBlocks: 4_096, dirtyBlocks: 2_048 });
    return { db, store, table: new MeterTable(db) };
  });
  const out = stores.map(() => new Uint8Array((to - from) * ENTRY_BYTES));
  const bar = createProgress({ label: "meters filled", total: system.meters.length, silent });
  for (const [number, { id }] of system.meters.entries()) {
    const { polynomialKey } = openMeterSecrets(join(system.data, "keys", id));
    const readings = Array.from({ length: to - from }, (_, slot) => (number * 31 + slot * 17) % 800);
    splitBatch({ key: polynomialKey, kind: KINDS.import, firstSlot: from, readings, n, t, out });
    for (const [index, { db, store, table }] of stores.entries()) {
      const meter = table.register(id).number;
      store.put(meter, KINDS.import, from, out[index]!, 0, (slot, result) => {
        if (result !== "stored") throw new Error(`slot ${slot} of ${id} was not stored: ${result}`);
      });
      db.transaction(() => store.writePending())();
      store.committed();
    }
    bar.update(number + 1);
  }
  bar.stop();
  for (const { db, store } of stores) {
    store.pack();
    db.close();
  }
}

const BILLS_SQL = "SELECT count(*) FROM current_bills WHERE status = 'final'";
const LOADS_SQL = "SELECT count(*) FROM feeder_loads WHERE status = 'final'";
const PUBLISHED_SQL = "SELECT count(*) FROM feeder_loads WHERE status = 'final' AND published = 1";

/** Seconds from `begin` until a count in the utility's database has reached `wanted`. */
async function timeUntil(
  system: BenchSystem,
  sql: string,
  wanted: number,
  patienceSeconds: number,
  silent: boolean,
  begin: () => Promise<void>,
  look: () => void = () => undefined,
): Promise<number> {
  const db = new Database(join(system.data, "utility", "utility.db"), { readonly: true });
  const count = db.prepare<[], number>(sql).pluck();
  const bar = createProgress({ label: "results", total: wanted, silent });
  try {
    const start = performance.now();
    await begin();
    for (;;) {
      const done = count.get() ?? 0;
      look();
      const seconds = (performance.now() - start) / 1_000;
      bar.update(done);
      if (done >= wanted) return seconds;
      if (seconds > patienceSeconds) throw new Error(`${done} of ${wanted} after ${patienceSeconds} s: ${sql}`);
      if (system.failures.length > 0) throw new Error(system.failures.join("; "));
      await sleep(POLL_MILLISECONDS);
    }
  } finally {
    bar.stop();
    db.close();
  }
}
