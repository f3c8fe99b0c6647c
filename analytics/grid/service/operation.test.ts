import assert from "node:assert/strict";
import { test } from "node:test";
import { configSchema } from "../../../config/schema.ts";
import type { Config } from "../../../config/index.ts";
import type { Finding } from "../../../protocol/grid/index.ts";
import { FeederBalance } from "./balance.ts";
import { GridOperation, type Outcome } from "./operation.ts";
import { operationPlan } from "./plan.ts";
import { topologyMessage } from "./topology.ts";
import { SeededRandom } from "../random.ts";

const FEEDERS = ["f-1", "f-2", "f-3"];
const START = 1_736_899_200;

function operated(grid: object, scans: number, share = 0.7): { outcomes: Outcome[]; all: Map<string, Finding[]> } {
  const config = configSchema.parse({ grid: { enabled: true, ...grid } }) as Config;
  const plan = operationPlan(config, FEEDERS);
  const operation = new GridOperation(plan);
  const whole = plan.grid.buses.reduce((sum, { loadMw }) => sum + loadMw, 0);
  const loads = FEEDERS.map((feeder) => ({ feeder, slotStart: START, mw: (share * whole) / 3 }));
  const outcomes = Array.from({ length: scans }, (_, k) =>
    operation.scan({ time: START + 5 * k, seconds: 5, loads, released: [], faults: [] }),
  );
  const all = new Map<string, Finding[]>();
  for (const { findings } of outcomes) {
    for (const one of findings) {
      const key = `${one.kind} ${one.element}`;
      all.set(key, [...(all.get(key) ?? []), one]);
    }
  }
  return { outcomes, all };
}

const event = (type: string, element: number, size = 1) => ({
  case: "demo8",
  events: [{ type, element, size, fromScan: 2, scans: 6 }],
});

test("a grid in order has a state by the loads of its feeders, and no finding of a limit or of theft", () => {
  const { outcomes, all } = operated({ case: "demo8" }, 40);
  const { believed } = outcomes.at(-1)!;
  assert.equal(believed?.status, "trusted");
  assert.ok(Math.abs(believed.totals.deliveredMw - 0.7 * 9.5) < 0.1, `${believed.totals.deliveredMw} MW`);
  const { inputMw, losses, efficiency } = believed.totals;
  assert.ok(Math.abs(inputMw - believed.totals.deliveredMw - losses.technicalMw) < 0.02);
  assert.ok(efficiency > 0.95 && efficiency < 1);
  assert.deepEqual(
    [...all.keys()].filter((key) => !key.startsWith("bad-data") && !key.startsWith("suspect")),
    [],
  );
});

test("an overload is found at the branch, for as long as it lasts", () => {
  const { outcomes, all } = operated(event("overload", 7, 8), 10);
  const own = [...all.entries()].filter(([key]) => key.startsWith("overload branch:"));
  assert.ok(own.length > 0, [...all.keys()].join());
  const found = own[0]![1];
  assert.deepEqual([found[0]!.since, found.length, found.at(-1)!.scans, found[0]!.limit], [START + 10, 6, 6, 100]);
  assert.ok(found[0]!.value > 100);
  assert.equal(
    outcomes.at(-1)!.findings.some(({ kind }) => kind === "overload"),
    false,
  );
});

test("theft is found at the feeder by its balance, and goes when it ends", () => {
  const { outcomes, all } = operated(
    { ...event("theft", 8, 0.4), events: [{ type: "theft", element: 8, size: 0.4, fromScan: 2, scans: 10 }] },
    120,
  );
  const own = all.get("theft feeder:f-3") ?? [];
  assert.ok(own.length > 0, [...all.keys()].join());
  assert.ok(own[0]!.value > own[0]!.limit && own[0]!.since >= START + 10);
  assert.equal(
    outcomes.at(-1)!.findings.some(({ kind }) => kind === "theft"),
    false,
  );
});

test("a dead sensor is named, with what it showed before; an outage leaves buses without supply", () => {
  const dead = operated(event("dead-sensor", 5), 10).all.get("dead-sensor demand:5") ?? [];
  assert.equal(dead.length, 6);
  assert.ok(dead[0]!.value === 0 && dead[0]!.limit > 1);
  // Line 17 feeds bus 18 alone.
  const dark = operated({ events: [{ type: "outage", element: 17, fromScan: 2, scans: 6 }] }, 10);
  assert.deepEqual(dark.outcomes[4]!.believed?.cutOff, [18]);
  assert.equal(dark.all.get("no-supply bus:18")?.length, 6);
});

test("what is lacking in the dark is what would be taken now, and not what the case has at its peak", () => {
  const outage = { events: [{ type: "outage", element: 7, fromScan: 0, scans: 6 }] };
  const { outcomes, all } = operated(outage, 9, 0.2);
  const { believed, snapshot } = outcomes[3]!;
  assert.deepEqual(believed?.cutOff, [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
  // Of the case 0.875 MW.
  assert.ok(Math.abs(believed.totals.lackingMw - 0.2 * 0.875) < 0.005, `${believed.totals.lackingMw} MW`);
  assert.ok(Math.abs(all.get("no-supply bus:8")![0]!.value - 0.04) < 0.002);
  // The line that failed is known, and is in order when it closes again.
  assert.deepEqual([believed.faulted, snapshot.faulted], [[7], [7]]);
  assert.deepEqual([outcomes.at(-1)!.believed?.cutOff, outcomes.at(-1)!.believed?.faulted], [[], []]);
});

test("bad data are named by their points", () => {
  const { all } = operated({ case: "case14", badRate: 0.01 }, 8);
  const named = [...all.keys()].filter((key) => key.startsWith("bad-data "));
  assert.ok(named.length > 0);
  for (const key of named) assert.match(key, /^bad-data [a-z_]+:\d+$/);
});

test("noise alone is theft to nobody in ten thousand scans; a lasting share is found", () => {
  const random = new SeededRandom(7);
  const [honest, robbed] = [new FeederBalance(), new FeederBalance()];
  let found = 0;
  for (let k = 0; k < 10_000; k++) {
    honest.observe("f-1", 1 + 0.01 * random.normal(), 1, 0.01);
    assert.deepEqual(honest.missing(), []);
    if (found > 0) continue;
    robbed.observe("f-1", 1.006 + 0.01 * random.normal(), 1, 0.01);
    if (robbed.missing().length > 0) found = k;
  }
  assert.ok(found > 0 && found < 300, `${found}`);
});

test("the map is the same for the same grid, and every feeder has its share", () => {
  const config = configSchema.parse({ grid: { shares: { "f-1": [{ bus: 18, weight: 2 }] } } }) as Config;
  const map = topologyMessage(operationPlan(config, FEEDERS));
  assert.deepEqual(map, topologyMessage(operationPlan(config, FEEDERS)));
  assert.ok(map.radial && map.assumedRatings);
  assert.equal(new Set(map.buses.map(({ x, y }) => `${x} ${y}`)).size, 33);
  assert.deepEqual(map.feeders[0], { feeder: "f-1", shares: [{ bus: 18, weight: 1 }] });
  for (const { shares } of map.feeders)
    assert.ok(Math.abs(shares.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-9);
  const unknown = configSchema.parse({
    grid: { case: "demo8", shares: { "f-1": [{ bus: 99, weight: 1 }] } },
  }) as Config;
  assert.throws(() => operationPlan(unknown, FEEDERS), /there is no bus 99/);
});
