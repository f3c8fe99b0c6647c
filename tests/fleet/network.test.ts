/**
 * Bad links, a broker that is gone, and devices that lose their power: nothing is lost up to the outbox bound, what lies
 * beyond it is a gap that is told, and bills with their catch-up rows reconcile with the registers.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { measuredBy } from "../../firmware-sim/fleet/measured.ts";
import { openPowerSupply } from "../../firmware-sim/fleet/power-supply.ts";
import { FleetBed } from "./testing/bed.ts";

function rowsOf<T>(bed: FleetBed, file: string, sql: string): T[] {
  const database = new Database(join(bed.data, file), { readonly: true });
  try {
    return database.prepare<[], T>(sql).all();
  } finally {
    database.close();
  }
}

for (const network of ["lossy", "lte"]) {
  test(`a run over ${network} links is exact`, async (t) => {
    const bed = await FleetBed.create(t, { set: { "simulation.network": network } });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.deepEqual(outcome.differences, []);
    assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  });
}

const OUTAGE = { from: 8, to: 20 };

/** A run whose broker is gone while the meters read the slots of OUTAGE. */
async function runWithOutage(
  t: Parameters<typeof FleetBed.create>[0],
  set: Record<string, unknown>,
): Promise<FleetBed> {
  let outage: Promise<void> | undefined;
  const bed = await FleetBed.create(t, {
    // The clock stands still without a broker, so the meters are ahead of it when they come back.
    set: { "aggregator.futureSlots": 96, ...set },
    fleet: {
      onSlot: (_slot, done) => {
        if (done === OUTAGE.from) outage = takeBrokerAway();
      },
    },
  });
  const { fleet, plan } = bed;
  const takeBrokerAway = async (): Promise<void> => {
    await fleet.supervisor.stop("broker");
    fleet.supervisor.send("meters", { type: "advance", slot: plan.range.from + OUTAGE.to - 1 });
    while ((fleet.conductor.fed ?? 0) < plan.range.from + OUTAGE.to - 1) await fleet.conductor.nextChange();
    await fleet.supervisor.startAgain("broker");
  };
  await fleet.start();
  await fleet.run();
  await outage;
  return bed;
}

test("while the broker is gone meters buffer, and they catch up when it is back", async (t) => {
  const bed = await runWithOutage(t, {});
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  assert.deepEqual(rowsOf(bed, "meters/outbox.db", "SELECT * FROM gaps"), []);
});

test("beyond the outbox bound the oldest slots are gaps, on the meter and on the bill", async (t) => {
  const bed = await runWithOutage(t, {
    "meter.outboxSlots": 8,
    "meter.maxSlotsPerMessage": 8,
    "release.minSlots": 2,
  });
  await bed.outcome();
  await bed.fleet.stop();
  const { source, range } = bed.plan;
  const gaps = rowsOf<{ meter: string; kind: number; from_slot: number; to_slot: number; reason: string }>(
    bed,
    "meters/outbox.db",
    "SELECT m.meter, kind, from_slot, to_slot, reason FROM gaps g JOIN meters m ON m.number = g.meter",
  );
  assert.ok(gaps.every(({ reason }) => reason === "outbox-full"));
  const bills = rowsOf<{ meter_id: string; energy_wh: number; export_wh: number | null; gaps: number; status: string }>(
    bed,
    "utility/utility.db",
    "SELECT * FROM bills ORDER BY meter_id",
  );
  assert.equal(bills.length, source.meters.length);
  const billGaps = rowsOf<{ meter_id: string; kind: string; slot_start: number; slot_end: number }>(
    bed,
    "utility/utility.db",
    "SELECT * FROM gaps",
  );
  const waiting: string[] = [];
  for (const [index, { id }] of source.meters.entries()) {
    const lost = (kind: number): Set<number> => {
      const own = gaps.filter((gap) => gap.meter === id && gap.kind === kind);
      return new Set(
        own.flatMap(({ from_slot, to_slot }) => Array.from({ length: to_slot - from_slot }, (_, i) => from_slot + i)),
      );
    };
    // The last eight fit; where export is measured too, half as many. What was under way when the broker went is older.
    const end = range.from + OUTAGE.to - (source.hasExport(index) ? 4 : 8);
    const slots = [...lost(1)].sort((x, y) => x - y);
    assert.deepEqual(
      slots,
      Array.from({ length: slots.length }, (_, i) => end - slots.length + i),
      id,
    );
    assert.ok(Math.abs(end - slots.length - (range.from + OUTAGE.from)) <= 2, `${id}: ${slots.join()}`);
    // The bill lacks nothing else; a slot that arrived just before its ack was lost is there all the same.
    const bill = bills[index];
    const onBill = (kind: string): Set<number> => {
      const own = billGaps.filter((gap) => gap.meter_id === id && gap.kind === kind);
      return new Set(own.flatMap((gap) => slotsBetween(gap.slot_start / 3600, gap.slot_end / 3600)));
    };
    // A slot that came between its load and the bills is in one of them alone; where that is one meter's, the rule
    // has its bill wait together with another one's.
    if (bill?.status === "difference-too-small") {
      assert.deepEqual([bill.meter_id, bill.gaps, onBill("import").size], [id, 24, 24]);
      waiting.push(id);
      continue;
    }
    assert.deepEqual([bill?.meter_id, bill?.status, bill?.gaps], [id, "final", onBill("import").size]);
    assert.ok(
      [...onBill("import")].every((slot) => slots.includes(slot)),
      id,
    );
    assert.ok(
      slots.filter((slot) => slot >= range.from + OUTAGE.from).every((slot) => onBill("import").has(slot)),
      id,
    );
    const kept = (kind: string, pick: "importWh" | "exportWh"): number =>
      slotsBetween(range.from, range.to)
        .filter((slot) => !onBill(kind).has(slot))
        .reduce((sum, slot) => sum + (source.read(index, slot)?.[pick] ?? 0), 0);
    assert.deepEqual(
      [bill?.energy_wh, bill?.export_wh ?? 0],
      [kept("import", "importWh"), kept("export", "exportWh")],
      id,
    );
  }
  assert.ok(waiting.length !== 1 && waiting.length < source.meters.length / 2, `these wait: ${waiting.join()}`);
});

function slotsBetween(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

test("devices that lose power leave gaps and catch-up, and bills reconcile with the registers to the watt-hour", async (t) => {
  const bed = await FleetBed.create(t, {
    set: {
      "simulation.feeders": 1,
      "simulation.meters": 14,
      "simulation.brownOutsPerYear": 300,
      "simulation.brownOutSeconds": 5_000,
      "simulation.rebootsPerYear": 400,
      "meter.batchSlots": 2,
      // The shortest gap is two slots: each catch-up may enter the bill of its day.
      "release.minSlots": 2,
    },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.complete, true);
  await bed.fleet.stop();
  const { source, range } = bed.plan;
  const power = openPowerSupply(bed.config, source);
  const bills = rowsOf<{
    meter_id: string;
    energy_wh: number;
    catchup_wh: number | null;
    gaps: number;
    status: string;
  }>(bed, "utility/utility.db", "SELECT * FROM bills ORDER BY meter_id");
  // What release rules hold back is listed, and enters a later bill.
  const held = rowsOf<{ meter_id: string; kind: string; slot_start: number; slot_end: number; reason: string }>(
    bed,
    "utility/utility.db",
    "SELECT * FROM gaps WHERE reason <> 'missing'",
  );
  const measured = measuredBy(source, power);
  let caughtUp = 0;
  let reconciled = 0;
  for (const [index, bill] of bills.entries()) {
    assert.equal(bill.status, "final");
    // The last look at the register; a device that is off at the end of the day catches up in the next bill.
    let last = range.to;
    while (power?.isDown(index, last) === true) last -= 1;
    const before = source.registersAt?.(index, range.from).importWh ?? 0;
    const after = source.registersAt?.(index, last).importWh ?? 0;
    const waiting = held.filter(({ meter_id }) => meter_id === bill.meter_id);
    const waitingWh = waiting.reduce((sum, { kind, slot_start, slot_end }) => {
      const energy = measured.over(index, { from: slot_start / 3600, to: slot_end / 3600 });
      return sum + (kind === "import" ? energy.importWh : kind === "catchup" ? energy.catchupImportWh : 0);
    }, 0);
    const billed = bill.energy_wh + (bill.catchup_wh ?? 0);
    assert.equal(billed + waitingWh, after - before, bill.meter_id);
    if (waiting.length === 0) reconciled += 1;
    if ((bill.catchup_wh ?? 0) > 0) caughtUp += 1;
  }
  assert.ok(reconciled >= 10, `${reconciled} bills hold all that the register shows`);
  assert.ok(caughtUp >= 2, `${caughtUp} bills have a catch-up row`);
});
