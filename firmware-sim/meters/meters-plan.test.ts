import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { enrol } from "../../config/enrolment/index.ts";
import { loadConfig, type Config } from "../../config/index.ts";
import { firstSlotOf } from "../fleet/fleet-plan.ts";
import { enrolledMeters, MetersError, planMeters, rememberMeters } from "./meters-plan.ts";

const ROOT = mkdtempSync(join(tmpdir(), "wattveil-meters-"));
const DATA = join(ROOT, "data");
const NOW_SLOT = 1_950_000;

before(async () => {
  const meters = ["m-003", "m-001", "m-002"].map((meter, index) => ({ meter, feeder: `f-${index + 1}` }));
  await enrol({ data: DATA, meters, simulation: true });
});
after(() => rmSync(ROOT, { recursive: true, force: true }));

function configOf(set: Readonly<Record<string, unknown>> = {}): Config {
  const fields = { "simulation.enabled": true, "simulation.start": "2025-01-15", ...set };
  return loadConfig({
    env: {},
    flags: Object.entries(fields).map(([path, value]) => ({ name: "test", path, value })),
  });
}

function freshFolder(name: string): string {
  const data = join(ROOT, name);
  mkdirSync(join(data, "fleet"), { recursive: true });
  return data;
}

const METERS = [{ id: "m-001", feeder: "f-1" }];

test("takes the first enrolled meters by name, each with the feeder it was enrolled in", () => {
  assert.deepEqual(enrolledMeters(DATA, 2), [
    { id: "m-001", feeder: "f-2" },
    { id: "m-002", feeder: "f-3" },
  ]);
  assert.equal(enrolledMeters(DATA).length, 3);
});

test("says how many meters are missing and how they are enrolled", () => {
  const tooMany = (): unknown => enrolledMeters(DATA, 4);
  assert.throws(
    tooMany,
    (error) => error instanceof MetersError && /3 meters.*4 wanted.*--meters 4/.test(error.message),
  );
  assert.throws(() => enrolledMeters(join(ROOT, "nothing")), /no meter is enrolled .*1 wanted/);
});

test("begins where the simulation begins when nothing has run here", () => {
  const config = configOf();
  const { from, to, feed } = planMeters(config, freshFolder("fresh"), METERS, 10, NOW_SLOT);
  assert.equal(from, firstSlotOf("2025-01-15", config));
  assert.equal(to, from + 10);
  assert.equal(feed.range.from, from);
});

test("goes on after the fleet, with registers that began with its first day", () => {
  const config = configOf();
  const data = freshFolder("after-fleet");
  const history = { firstDate: "2025-01-15", nextDate: "2025-01-18" };
  writeFileSync(join(data, "fleet", "history.json"), JSON.stringify(history));
  const plan = planMeters(config, data, METERS, 10, NOW_SLOT);
  assert.equal(plan.from, firstSlotOf("2025-01-18", config));
  assert.equal(plan.feed.range.from, firstSlotOf("2025-01-15", config));
});

test("goes on after an earlier run of meters", () => {
  const config = configOf();
  const data = freshFolder("after-meters");
  const firstSlot = firstSlotOf("2025-01-15", config);
  rememberMeters(data, { firstSlot, from: firstSlot, nextSlot: firstSlot + 7 });
  const plan = planMeters(config, data, METERS, 10, NOW_SLOT);
  assert.equal(plan.from, firstSlot + 7);
  assert.equal(plan.feed.range.from, firstSlot);
});

test("on the real clock it begins now, and remembers its registers only while the window reaches back to them", () => {
  const config = configOf({ "simulation.enabled": false });
  const data = freshFolder("real");
  rememberMeters(data, { firstSlot: NOW_SLOT - 500, from: NOW_SLOT - 500, nextSlot: NOW_SLOT - 100 });
  const near = planMeters(config, data, METERS, 5, NOW_SLOT);
  assert.equal(near.from, NOW_SLOT);
  assert.equal(near.feed.range.from, NOW_SLOT - 500);
  const later = NOW_SLOT + config.aggregator.windowSlots + 1;
  assert.equal(planMeters(config, data, METERS, 5, later).feed.range.from, later);
});
