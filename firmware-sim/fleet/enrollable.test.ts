import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { enrol, EnrolmentError, meterList, type MeterPlace } from "../../config/enrolment/index.ts";
import { type Config, loadConfig } from "../../config/index.ts";
import { assertEnrollable } from "./enrollable.ts";
import { enrolledRecords, spreadOf } from "./enrolled.ts";
import { planGenerated } from "./fleet-plan.ts";
import { PlacementError } from "./placement.ts";
import { startNote, takeOverFeeders } from "./taken-over.ts";

async function folderOf(t: { after: (work: () => void) => void }, meters: readonly MeterPlace[]): Promise<string> {
  const data = mkdtempSync(join(tmpdir(), "wattveil-enrollable-"));
  t.after(() => rmSync(data, { recursive: true }));
  if (meters.length > 0) await enrol({ data, meters, simulation: true });
  return data;
}

function configOf(set: Readonly<Record<string, unknown>>): Config {
  const flags = Object.entries(set).map(([path, value]) => ({ name: "test", path, value }));
  return loadConfig({ profile: "demo", env: {}, flags });
}

async function check(data: string, meters: number, feeders: number): Promise<void> {
  const config = configOf({ "simulation.meters": meters, "simulation.feeders": feeders });
  assertEnrollable(data, await planGenerated(config, undefined), config);
}

test("a new folder takes any meters, a used one fewer and more on the same feeders", async (t) => {
  await check(await folderOf(t, []), 10, 3);
  const data = await folderOf(t, meterList(4, 2));
  for (const meters of [2, 4, 9]) await check(data, meters, 2);
  const named = (error: unknown): boolean =>
    error instanceof PlacementError && error.message.includes("has 2 feeders, not 3 (m-003 is enrolled in f-1");
  await assert.rejects(check(data, 4, 3), named);
});

test("numbered meters of more digits are other meters", async (t) => {
  const data = await folderOf(t, meterList(4, 2));
  await assert.rejects(check(data, 1000, 2), /has 4 other meters \(m-001 to m-004\) and none of those of this run/);
});

test("another threshold is refused", async (t) => {
  const data = await folderOf(t, meterList(4, 2));
  const config = configOf({ "simulation.meters": 4, "simulation.feeders": 2, "system.threshold": 3 });
  const plan = await planGenerated(config, undefined);
  assert.throws(() => assertEnrollable(data, plan, config), EnrolmentError);
});

test("feeders are taken over from a folder, and told, where its meters are spread in turn", async (t) => {
  const config = configOf({ "simulation.meters": 10, "simulation.feeders": 5 });
  const data = await folderOf(t, meterList(4, 2));
  const taken = takeOverFeeders(config, data);
  assert.equal(taken.config.simulation.feeders, 2);
  assert.equal(taken.note, "2 feeders, as this folder has them");
  assert.deepEqual(takeOverFeeders(taken.config, data), { config: taken.config, note: undefined });
  const own = [
    { meter: "m-001", feeder: "f-2" },
    { meter: "m-002", feeder: "f-1" },
  ];
  for (const meters of [[], own, [{ meter: "home", feeder: "f-1" }]]) {
    const other = await folderOf(t, meters);
    assert.equal(spreadOf(enrolledRecords(other)), undefined);
    assert.equal(takeOverFeeders(config, other).config, config);
  }
});

test("a first day that was asked for and is not the run's is told to be ignored", async () => {
  const config = configOf({});
  const first = await planGenerated(config, undefined);
  assert.equal(startNote(undefined, first), undefined);
  assert.equal(startNote("2025-01-15", first), undefined);
  const second = await planGenerated(config, { firstDate: "2025-01-15", nextDate: "2025-01-16" });
  assert.match(startNote("2025-01-15", second) ?? "", /goes on with 2025-01-16: --start 2025-01-15 is ignored/);
});
