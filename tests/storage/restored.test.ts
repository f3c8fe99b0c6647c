/**
 * An aggregator that goes on from an old copy of its database, in the middle of a day: the others know what it no longer
 * does, meters send again what rounds miss, and bills and loads come out exact.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { backup, restore } from "../../config/storage/backup.ts";
import { storePlace } from "../../config/storage/place.ts";
import { FleetBed } from "../fleet/testing/bed.ts";
import { storedCells } from "../fleet/testing/stored-cells.ts";

test("an aggregator restored from a copy of hours before: bills and loads are exact", async (t) => {
  let copied: Promise<void> | undefined;
  let restored: Promise<string | undefined> | undefined;
  const bed: FleetBed = await FleetBed.create(t, {
    fleet: {
      onSlot: (_slot, done) => {
        const place = storePlace(bed.config, "a-2", "aggregator.db");
        const file = join(bed.data, "a-2.backup");
        if (done === 6) copied = backup(place, file);
        if (done !== 14) return;
        bed.fleet.supervisor.kill("a-2");
        // Before it is started again: nothing else runs until the file is in its place.
        restored = restore(place, file, new Date());
      },
    },
  });
  await bed.fleet.start();
  await bed.fleet.run();
  const outcome = await bed.outcome({ patienceSeconds: 120 });
  await copied;
  const kept = await restored;
  assert.ok(kept !== undefined);
  assert.deepEqual(outcome.differences, []);
  assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
  assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [10, 2 * 24]);
  await bed.fleet.stop();

  // What it has, it has once, and it is what the others have.
  const [own, other] = [storedCells(bed.data, 2), storedCells(bed.data, 1)];
  const { source, range } = bed.plan;
  const all = source.meters.reduce((sum, _, index) => sum + (source.hasExport(index) ? 2 : 1), 0);
  assert.equal(other.size, all * (range.to - range.from));
  for (const [cell, { times, tag }] of own) assert.deepEqual([times, tag], [1, other.get(cell)?.tag], cell);
  t.diagnostic(`${own.size} of ${other.size} cells after it went on`);
});
