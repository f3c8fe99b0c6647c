/**
 * An aggregator whose disk is full, read-only or damaged stops with a message that says so, acknowledges nothing that
 * it has not stored, and the run is exact once it is back, or without it.
 */
import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FleetBed } from "./testing/bed.ts";
import type { DiskFault } from "./testing/faulty-disk-aggregator.ts";
import { storedCells } from "./testing/stored-cells.ts";

const FAULTS: readonly (readonly [DiskFault["fault"], RegExp])[] = [
  ["full", /no room left for \S+\/a-2\/aggregator\.db; free disk space and start again/],
  ["read-only", /\S+\/a-2\/aggregator\.db cannot be read or written \(SQLITE_READONLY\); check disk, path and rights/],
];

describe("storage faults", { concurrency: FAULTS.length + 1 }, () => {
  for (const [fault, message] of FAULTS) {
    test(`an aggregator whose disk is ${fault} stops, says so, and has acknowledged nothing that is not stored`, async (t) => {
      const ends: string[] = [];
      const bed = await FleetBed.create(t, {
        fleet: {
          onSlot: (_slot, done) => {
            if (done === 6) supervisor.send("a-2", { type: "disk", fault } satisfies DiskFault);
          },
          onRestart: (name, reason) => ends.push(`${name}: ${reason}`),
          entryOf: (name) => (name === "a-2" ? "tests/fleet/testing/faulty-disk-aggregator.ts" : undefined),
        },
      });
      const { supervisor } = bed.fleet;
      await bed.fleet.start();
      await bed.fleet.run();
      const outcome = await bed.outcome();
      assert.deepEqual(ends, ["a-2: exit code 1"]);
      const log = readFileSync(join(bed.data, "logs", "system.log"), "utf8");
      const fatal = log.split("\n").filter((line) => line.includes('"level":"fatal"'));
      assert.equal(fatal.length, 1, fatal.join("\n"));
      assert.match(fatal[0] ?? "", message);
      assert.match(fatal[0] ?? "", /"party":"a-2"/);
      assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
      await bed.fleet.stop();
      const [first, second] = [storedCells(bed.data, 1), storedCells(bed.data, 2)];
      assert.deepEqual([...second.keys()].sort(), [...first.keys()].sort());
      assert.ok([...second.values()].every(({ times }) => times === 1));
    });
  }

  test("an aggregator whose database is damaged does not start, and the others finish without it", async (t) => {
    const bed = await FleetBed.create(t, { set: { "simulation.patienceSeconds": 2, "rounds.answerSeconds": 0.5 } });
    const { supervisor } = bed.fleet;
    await bed.fleet.start();
    await supervisor.stop("a-3");
    const file = join(bed.data, "a-3", "aggregator.db");
    for (const suffix of ["-wal", "-shm"]) rmSync(`${file}${suffix}`, { force: true });
    writeFileSync(file, Buffer.alloc(8_192, "not a database "));
    await assert.rejects(
      supervisor.startAgain("a-3"),
      /a-3 ended \(exit code 1\): .*aggregator\.db is damaged \(.*put back a backup/,
    );
    await supervisor.stop("a-3");
    await bed.fleet.run();
    const outcome = await bed.outcome();
    assert.equal(outcome.complete && outcome.billsExact && outcome.loadsExact, true, JSON.stringify(outcome));
    assert.equal(outcome.billsFinal, 10);
  });
});
