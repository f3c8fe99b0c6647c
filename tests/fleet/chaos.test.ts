/**
 * Chaos in a short run: what a seed draws befalls a whole system, and a checker that knows the truth finds nothing. With a
 * fault planted in one aggregator it finds that, and shrinking leaves the one event that shows it.
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type Config, type Flag, loadConfig } from "../../config/index.ts";
import { chaosTargets, type ChaosOptions, type ChaosResult, runChaos } from "../../firmware-sim/chaos/run.ts";
import { type ChaosEvent, drawEvents, parseSchedule } from "../../firmware-sim/chaos/schedule.ts";
import { chaosSettings } from "../../firmware-sim/chaos/settings.ts";
import { shortenSchedule, wrongChecks } from "../../firmware-sim/chaos/shorten.ts";

const SEED = 11;
/** The first of them is billed when the second one is half over. */
const DAYS = 2;

function configOf(set: Readonly<Record<string, unknown>>): Config {
  const given = { ...chaosSettings(), "simulation.seed": SEED, "simulation.days": DAYS, ...set };
  const flags = Object.entries(given).map(([path, value]): Flag => ({ name: "test", path, value }));
  return loadConfig({ profile: "demo", env: {}, flags });
}

function runIn(t: TestContext, config: Config, more: Pick<ChaosOptions, "entryOf" | "witnesses"> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-chaos-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return (events: ChaosEvent[]): Promise<ChaosResult> => {
    const schedule = { seed: SEED, days: DAYS, broker: "embedded", events } as const;
    const { signal } = new AbortController();
    return runChaos({ config, schedule, folder: join(folder, "run"), settleSeconds: 60, signal, ...more });
  };
}

test("a seed's kills, stops, cuts, full disks and wrong clocks in every role lose nothing and count nothing twice", async (t) => {
  const config = configOf({});
  const events = drawEvents({ seed: SEED, slots: 48, count: 16, targets: chaosTargets(config) });
  const { report, folder, events: struck } = await runIn(t, config)(events);
  assert.deepEqual(
    report.checks.flatMap(({ findings }) => findings),
    [],
  );
  assert.equal(report.ok, true);
  assert.ok(
    report.checks.every(({ name, checked }) => checked > 0 || name === "logged loads"),
    JSON.stringify(report),
  );
  assert.equal(struck.done + struck.missed, 16);
  assert.deepEqual(parseSchedule(readFileSync(join(folder, "schedule.yaml"), "utf8"), "schedule").events, events);
  // The verdict is in the log of the run.
  const log = readFileSync(join(folder, "run.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { what: string });
  assert.ok(log.some((line) => line.what === "verdict" && (line as unknown as { ok: boolean }).ok));
  assert.ok(existsSync(join(folder, "truth.csv")));
});

test("the checker finds an aggregator that acknowledges before it writes, and shrinking finds the kill that shows it", async (t) => {
  const config = configOf({ "api.enabled": false, "grid.enabled": false, "simulation.speed": "max" });
  const hasty = "tests/fleet/testing/lying-hasty-aggregator.ts";
  const run = runIn(t, config, { witnesses: 0, entryOf: (name) => (name === "a-2" ? hasty : undefined) });
  const kill = { action: "kill", atSlot: 40, target: "a-2" } as const;
  const events: ChaosEvent[] = [
    kill,
    { action: "partition", atSlot: 42, target: "a-1", seconds: 0.3, silent: false },
    { action: "kill", atSlot: 44, target: "a-3" },
  ];
  const { report } = await run(events);
  assert.deepEqual(wrongChecks(report), ["stores"]);
  const [first = ""] = report.checks.flatMap(({ findings }) => findings);
  assert.match(first, /^a-2 holds m-\d+\/\d\/\d+ not at all$/);
  const schedule = { seed: SEED, days: DAYS, broker: "embedded", events } as const;
  const shortest = await shortenSchedule({
    schedule: { ...schedule, events },
    report,
    again: async (shorter) => (await run(shorter.events)).report,
    mostRuns: 20,
  });
  assert.deepEqual(shortest.schedule.events, [kill]);
  assert.equal(shortest.isMinimal, true);
});
