/**
 * The same fleet over brokers of others: Mosquitto, and a NATS cluster of three. Nodes are killed with -9 while slots
 * flow, and so is the process that attends to them; nothing is lost and nothing counted twice.
 */
// needs: mosquitto nats-server
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FleetBed } from "./testing/bed.ts";
import { storedCells } from "./testing/stored-cells.ts";

/** What is killed, by slot of the day: a node, or the attendant. */
const PLANS: Record<"mosquitto" | "nats", ReadonlyMap<number, string>> = {
  mosquitto: new Map([
    [5, "mosquitto"],
    [12, "attendant"],
  ]),
  // The attendant ends the nodes that it finds when it is started again: for a moment there is no majority.
  nats: new Map([
    [4, "node-1"],
    [9, "node-2"],
    [14, "attendant"],
  ]),
};

describe("a fleet over another broker", { concurrency: 2 }, () => {
  for (const engine of ["mosquitto", "nats"] as const) over(engine);
});

function over(engine: "mosquitto" | "nats"): void {
  test(`${engine}: killed with -9 while slots flow, and bills and loads are exact`, async (t) => {
    const killed: string[] = [];
    const kill = (bed: FleetBed, name: string): void => {
      if (name === "attendant") bed.fleet.supervisor.kill("broker");
      else process.kill(Number(readFileSync(join(bed.data, "broker", engine, `${name}.pid`), "utf8")), "SIGKILL");
      killed.push(name);
    };
    const bed = await FleetBed.create(t, {
      // However long the nodes need to agree again: the clock must not go on without what waits at the meters.
      set: { "simulation.broker": engine, "simulation.patienceSeconds": 600, "link.deafSeconds": 10 },
      fleet: {
        onSlot: (_slot, done) => {
          const name = PLANS[engine].get(done);
          if (name !== undefined) kill(bed, name);
        },
      },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    const outcome = await bed.outcome({ patienceSeconds: 120 });
    if (!outcome.complete || outcome.differences.length > 0) t.diagnostic(bed.lastWords());
    assert.deepEqual(killed, [...PLANS[engine].values()]);
    assert.deepEqual(outcome.differences, []);
    assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
    assert.deepEqual([outcome.billsFinal, outcome.loadsFinal], [10, 2 * 24]);

    await bed.fleet.stop();
    const { source, range } = bed.plan;
    const cells = source.meters.reduce((sum, _, index) => sum + (source.hasExport(index) ? 2 : 1), 0);
    for (const stored of [1, 2, 3].map((index) => storedCells(bed.data, index))) {
      assert.equal(stored.size, cells * (range.to - range.from));
      assert.ok([...stored.values()].every(({ times }) => times === 1));
    }
  });
}
