/**
 * kill -9 of every process, several times in one run, while slots flow and while rounds run: after the restarts each
 * reading is in every store exactly once, and every bill and load is exact.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FleetBed } from "./testing/bed.ts";
import { storedCells } from "./testing/stored-cells.ts";

const VICTIMS = ["broker", "a-1", "a-2", "a-3", "utility", "meters"];

/** Numbers below `below`, the same for the same seed. */
function drawing(seed: number): (below: number) => number {
  let state = seed * 2654435761;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const SEEDS = [1, 2, 3];

describe("kill -9", { concurrency: SEEDS.length }, () => {
  for (const seed of SEEDS) killing(seed);
});

function killing(seed: number): void {
  test(`every process is killed with -9 and nothing is lost or counted twice (seed ${seed})`, async (t) => {
    const draw = drawing(seed);
    const kills: Record<string, number> = {};
    const kill = (name: string): void => {
      if (bed.fleet.supervisor.kill(name)) kills[name] = (kills[name] ?? 0) + 1;
    };
    const order = [...VICTIMS].sort(() => draw(3) - 1);
    // Slot 3 to 21 of the day: one process after another, and now and then a second one together with it.
    const atSlot = new Map(
      order.map((name, i) => [3 + 3 * i, draw(3) === 0 ? [name, VICTIMS[draw(6)] ?? name] : [name]]),
    );
    const bed = await FleetBed.create(t, {
      set: { "simulation.seed": seed },
      fleet: { onSlot: (_slot, done) => atSlot.get(done)?.forEach(kill) },
    });
    await bed.fleet.start();
    await bed.fleet.run();
    // All slots are in: from now on only rounds run, and bills are made.
    const late = ["utility", ["a-1", "a-2", "a-3"][draw(3)] ?? "a-1", "broker"];
    const outcome = await bed.outcome({
      onProgress: ({ bills, loads }) => {
        const seen = bills + loads;
        if (seen >= 10 * (4 - late.length) && late.length > 0) kill(late.shift() ?? "utility");
      },
    });

    for (const name of VICTIMS) assert.ok((kills[name] ?? 0) >= 1, `${name} was killed: ${JSON.stringify(kills)}`);
    assert.deepEqual(outcome.differences, []);
    assert.equal(outcome.billsExact && outcome.loadsExact && outcome.complete, true, JSON.stringify(outcome));
    assert.equal(outcome.billsFinal, 10);
    assert.equal(outcome.loadsFinal, 2 * 24);

    await bed.fleet.stop();
    const { source, range } = bed.plan;
    const wanted = source.meters.flatMap(({ id }, index) =>
      (source.hasExport(index) ? [1, 2] : [1]).flatMap((kind) =>
        Array.from({ length: range.to - range.from }, (_, i) => `${id}/${kind}/${range.from + i}`),
      ),
    );
    const stores = [1, 2, 3].map((aggregator) => storedCells(bed.data, aggregator));
    for (const cells of stores) {
      assert.deepEqual([...cells.keys()].sort(), [...wanted].sort());
      assert.ok([...cells.values()].every(({ times }) => times === 1));
    }
    for (const key of wanted) assert.equal(new Set(stores.map((cells) => cells.get(key)?.tag)).size, 1, key);
  });
}
