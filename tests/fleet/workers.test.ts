/**
 * A fleet whose aggregators are several processes each, over one schema on a PostgreSQL server. While slots flow, the
 * worker that answers rounds is killed with -9, another one is killed, one comes, one goes, and one is stopped for longer
 * than it may be silent. Bills and loads are exact, every share is stored once, and each worker took in a part of it.
 */
// needs: initdb
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { PARTS } from "../../aggregator/workers/assignment.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import { readStats } from "../../config/runtime/role-report.ts";
import { storePlace } from "../../config/storage/place.ts";
import { FleetBed } from "./testing/bed.ts";
import { cellsAt } from "./testing/stored-cells.ts";

const PARTIES = ["utility", "a-1", "a-2", "a-3"];
const SILENT_SECONDS = 4;
/** As in config/runtime/postgres/session-locks.ts. */
const FIRST_LOCK = 0x57_57_00_00;

/** What an administrator sees: the locks by which workers have what they have. */
const LOCKS = `SELECT application_name, classid::bigint - ${FIRST_LOCK} AS number
  FROM pg_stat_activity JOIN pg_locks USING (pid)
  WHERE locktype = 'advisory' AND objsubid = 1 AND granted AND classid::bigint > ${FIRST_LOCK} ORDER BY 1, 2`;
const DESK = 0x200;
const FIRST_PART = 0x1000;

test("workers share the meters of an aggregator: killed, added, taken away and stopped, and exact", async (t) => {
  const server = await TemporaryServer.start();
  t.after(() => server.stop());
  for (const party of PARTIES) server.addParty(party);
  /** Workers by name, with the numbers of their locks. */
  const locks = (index: number): Map<string, number[]> => {
    const found = new Map<string, number[]>();
    for (const [application, number] of server.query(LOCKS)) {
      const [, schema, , worker] = String(application).split(" ");
      if (schema !== `a_${index}`) continue;
      const name = `a-${index}.w${worker}`;
      found.set(name, [...(found.get(name) ?? []), Number(number)]);
    }
    return found;
  };
  const withDesk = (index: number): string => [...locks(index)].find(([, numbers]) => numbers.includes(DESK))![0];
  const withoutDesk = (index: number): string => [...locks(index)].find(([, numbers]) => !numbers.includes(DESK))![0];
  const partsOf = (index: number): number[] => {
    const numbers = [...locks(index).values()].flat();
    return numbers.filter((number) => number >= FIRST_PART).map((number) => number - FIRST_PART);
  };

  const restarts: string[] = [];
  const befell: Record<string, string> = {};
  const happening: Promise<unknown>[] = [];
  const happen = (what: string, name: string, work: (name: string) => unknown): void => {
    befell[what] = name;
    happening.push(Promise.resolve(work(name)));
  };
  const bed: FleetBed = await FleetBed.create(t, {
    set: {
      "storage.url": `postgresql://127.0.0.1:${server.port}/wattveil`,
      // So many that each of three workers has some.
      "simulation.meters": 30,
      "simulation.workers": 2,
      "simulation.patienceSeconds": 300,
      "aggregator.workerSeconds": SILENT_SECONDS,
    },
    fleet: {
      onSlot: (_slot, done) => {
        const { supervisor } = bed.fleet;
        if (done === 4) happen("desk killed", withDesk(1), (name) => supervisor.kill(name));
        if (done === 6) happen("killed", withoutDesk(2), (name) => supervisor.kill(name));
        if (done === 8) happen("added", "a-3.w3", (name) => supervisor.start({ ...third(), name }));
        if (done === 14) happen("taken away", withDesk(3), (name) => supervisor.stop(name));
        if (done === 16) happen("silent", withDesk(2), silence);
      },
      onRestart: (name) => restarts.push(name),
    },
  });
  const third = () => ({
    entry: "aggregator/main.ts",
    args: ["--id", "3", "--worker", "3", "--config", join(bed.data, "fleet", "config.yaml")],
  });
  /** Stopped until the server has cut it off; what it finds out then ends it. */
  const silence = async (name: string): Promise<void> => {
    const pid = bed.fleet.supervisor.processId(name)!;
    process.kill(pid, "SIGSTOP");
    while (locks(2).has(name)) await sleep(100);
    process.kill(pid, "SIGCONT");
  };

  await bed.fleet.start();
  await bed.fleet.run();
  await Promise.all(happening);
  const outcome = await bed.outcome({ patienceSeconds: 120 });
  assert.deepEqual(outcome.differences, [], bed.lastWords());
  assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, bed.lastWords());
  assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [30, 2 * 24]);

  // Whoever died came again by itself, and each part of the meters is one worker's.
  for (const what of ["desk killed", "killed", "silent"]) assert.ok(restarts.includes(befell[what]!), what);
  assert.notEqual(withDesk(3), befell["taken away"]);
  assert.deepEqual([...locks(3).keys()].includes(befell["taken away"]!), false);
  const all = Array.from({ length: PARTS }, (_, part) => part);
  for (const index of [1, 2, 3]) {
    while (partsOf(index).length < PARTS) await sleep(100);
    assert.deepEqual(
      partsOf(index).sort((a, b) => a - b),
      all,
    );
  }
  await bed.fleet.stop();
  const stored = (name: string): number => readStats(bed.data, name)?.counters["slotsStored"] ?? 0;
  for (const name of ["a-1.w1", "a-1.w2", "a-2.w1", "a-2.w2", "a-3.w1", "a-3.w2", "a-3.w3"]) {
    // Figures are of the process that runs, and this one began when most of the day was over.
    if (name !== befell["silent"]) assert.ok(stored(name) > 0, `${name} took in nothing`);
  }
  const { source, range } = bed.plan;
  const cells = source.meters.reduce((sum, _, index) => sum + (source.hasExport(index) ? 2 : 1), 0);
  for (const index of [1, 2, 3]) {
    const found = cellsAt(storePlace(bed.config, `a-${index}`, "aggregator.db"));
    assert.equal(found.size, cells * (range.to - range.from));
    assert.ok([...found.values()].every(({ times }) => times === 1));
  }
});
