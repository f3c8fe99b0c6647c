/**
 * The firmware's own binary among simulated meters, through the gateway's relay, a real broker, real aggregators and the
 * utility: bills and feeder loads are exact to the pulse, also when an aggregator is killed on the way.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FleetBed } from "./testing/bed.ts";

const EMULATED = { "simulation.emulated": 4, "simulation.patienceSeconds": 30 };

test("four emulated devices and six simulated meters are billed exactly, with an aggregator killed twice", async (t) => {
  let kills = 0;
  const bed: FleetBed = await FleetBed.create(t, {
    set: EMULATED,
    fleet: {
      onSlot: (_slot, done) => {
        if (done !== 5 && done !== 11) return;
        kills += 1;
        bed.fleet.supervisor.kill("a-2");
      },
    },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome();
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
  assert.equal(kills, 2);
  assert.equal(outcome.billsFinal, 10);
  const devices = readdirSync(join(bed.data, "emulated-1")).filter((name) => name.endsWith(".device"));
  assert.equal(devices.length, 4);
});
