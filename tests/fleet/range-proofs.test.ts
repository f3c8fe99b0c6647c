/** Five aggregators over a real broker: meters that share more or less than can be are left out, the others proved. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { measuredBy } from "../../firmware-sim/fleet/measured.ts";
import { openPowerSupply } from "../../firmware-sim/fleet/power-supply.ts";
import { decodeEntry, type EntryContent } from "../../protocol/log/index.ts";
import { FleetBed } from "./testing/bed.ts";
import { BITS, CHEATS } from "./testing/cheats.ts";

function query<T>(data: string, sql: string): T[] {
  const db = new Database(join(data, "utility", "utility.db"), { readonly: true });
  try {
    return db.prepare<[], T>(sql).all();
  } finally {
    db.close();
  }
}

interface Bill {
  readonly meter: string;
  readonly status: string;
  readonly proof: string | null;
}

/** Loads of all meters that do not cheat. */
function truth({ config, plan }: FleetBed) {
  const { source, range } = plan;
  const measured = measuredBy(source, openPowerSupply(config, source));
  return ["f-1", "f-2"].flatMap((feeder) =>
    Array.from({ length: range.to - range.from }, (_, i) => {
      const slot = range.from + i;
      const energies = source.meters
        .map(({ id }, index) => (CHEATS.has(id) || source.feederOf(index, slot) !== feeder ? undefined : index))
        .flatMap((index) => (index === undefined ? [] : [measured.read(index, slot)!]));
      return { feeder, slot, energyWh: energies.reduce((sum, { importWh }) => sum + importWh, 0) };
    }),
  );
}

test("a negative and a huge reading among 100 meters: the rounds finish without them, they are named, all others exact and proved", async (t) => {
  const bed = await FleetBed.create(t, {
    set: {
      "system.aggregators": 5,
      "system.threshold": 2,
      "system.quorum": 4,
      "simulation.meters": 100,
      "sharing.bits": BITS,
      "rounds.loadEverySlots": 8,
    },
    fleet: { entryOf: (name) => (name === "meters" ? "tests/fleet/testing/lying-bits-meter-host.ts" : undefined) },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome({ patienceSeconds: 30 });
  const bills = query<Bill>(
    bed.data,
    "SELECT meter_id AS meter, status, range_proof AS proof FROM current_bills ORDER BY meter_id",
  );
  assert.equal(bills.length, 100, JSON.stringify(outcome));
  for (const { meter, status, proof } of bills) {
    const expected = CHEATS.has(meter) ? ["out-of-range", null] : ["final", "proved"];
    assert.deepEqual([meter, status, proof], [meter, ...expected]);
  }
  const rounds = query<{ feeder: string; state: string; proved: number; unproved: number }>(
    bed.data,
    "SELECT feeder_id AS feeder, state, proved_meters AS proved, unproved_meters AS unproved FROM rounds " +
      "WHERE content IS NOT NULL",
  );
  assert.ok(rounds.length > 4);
  for (const { feeder, state, proved, unproved } of rounds) {
    assert.deepEqual([feeder, state, proved, unproved], [feeder, "finished", feeder === "f-2" ? 48 : 50, 0]);
  }
  const lies = query<{ entry: Buffer }>(bed.data, "SELECT entry FROM ledger_entries WHERE type = 'lie'").map(
    ({ entry }) => decodeEntry(entry).content as Extract<EntryContent, { type: "lie" }>,
  );
  assert.ok(lies.length > 0 && lies.every(({ code, servers }) => code === "out-of-range" && servers.length === 0));
  const names = query<{ content: string }>(
    bed.data,
    "SELECT CAST(content AS TEXT) AS content FROM ledger_private WHERE subject LIKE 'lie %'",
  );
  for (const { content } of names) for (const cheat of CHEATS.keys()) assert.match(content, new RegExp(cheat));
  assert.deepEqual(query(bed.data, "SELECT * FROM detections"), []);
  assert.equal(outcome.billsDiffer, false, JSON.stringify(outcome.differences));
  const loads = query<{ feeder: string; slot: number; energyWh: number; exportWh: number }>(
    bed.data,
    `SELECT feeder_id AS feeder, slot_start / 3600 AS slot, energy_wh AS energyWh
     FROM feeder_loads WHERE status = 'final' ORDER BY feeder_id, slot_start`,
  );
  assert.equal(loads.length, 48);
  assert.deepEqual(loads, truth(bed));
});
