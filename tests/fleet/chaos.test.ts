/**
 * Chaos in a short run: what a seed draws befalls a whole system, and a checker that knows the truth finds nothing. With a
 * fault planted in one aggregator it finds that, and shrinking leaves the one event that shows it.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import Database from "better-sqlite3";
import { type Config, type Flag, loadConfig } from "../../config/index.ts";
import { checkRun } from "../../firmware-sim/chaos/checker/check.ts";
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
  for (const mutation of MUTATIONS) mutate(folder, mutation);
});

/** What somebody changes in the databases afterwards, and the checks that must find it. */
interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly sql: string;
  readonly found: readonly string[];
}

const OF_ONE_BILL = "WHERE meter_id = 'm-003' AND period_start = '2025-01-15'";
const MUTATIONS: readonly Mutation[] = [
  {
    name: "shares that were counted twice",
    file: "a-1/aggregator.db",
    sql: `INSERT INTO journal (records, body) SELECT 1, unhex(printf('%08X%02X%08X0001', id / 536870912,
      (id / 67108864) % 8, (id % 67108864) * 96 + instr(hex(substr(body, 1, 12)), 'F') * 4 - 4)
      || hex(substr(body, 13, 16))) FROM blocks WHERE id = (SELECT min(id) FROM blocks)`,
    found: ["stores"],
  },
  {
    name: "shares that were lost by two of three",
    file: "a-2/aggregator.db; a-3/aggregator.db",
    sql: "DELETE FROM blocks WHERE id = (SELECT min(id) FROM blocks)",
    found: ["stores", "shares"],
  },
  {
    name: "a bill of a micro-unit more",
    file: "utility/utility.db",
    sql: `UPDATE bills SET amount_micro = amount_micro + 1 ${OF_ONE_BILL}`,
    found: ["bills", "receipts"],
  },
  {
    name: "a bill that was issued twice",
    file: "utility/utility.db",
    sql: `UPDATE bills SET period_start = '2025-01-16', period_end = '2025-01-17', version = 2 ${OF_ONE_BILL}`,
    found: ["bills", "receipts"],
  },
  {
    name: "a sum that was released twice",
    file: "utility/utility.db",
    sql: `INSERT INTO released_totals SELECT 'again', meter_id, feeder_id, period_start, period_end, source_start,
      source_end, row, kind, cells, energy_wh, spare_answers, range_proof FROM released_totals ${OF_ONE_BILL} LIMIT 1`,
    found: ["releases"],
  },
  {
    name: "a load of a watt-hour less",
    file: "utility/utility.db",
    sql: "UPDATE feeder_loads SET energy_wh = energy_wh - 1 WHERE slot_start = (SELECT min(slot_start) FROM feeder_loads)",
    found: ["loads"],
  },
  {
    name: "a log whose last entry is gone",
    file: "utility/utility.db",
    sql: "DELETE FROM ledger_entries WHERE idx = (SELECT max(idx) FROM ledger_entries)",
    found: ["log"],
  },
  {
    name: "a log in which two entries changed places",
    file: "utility/utility.db",
    sql: `UPDATE ledger_entries SET idx = CASE idx WHEN 5 THEN -6 ELSE -5 END WHERE idx IN (5, 6);
      UPDATE ledger_entries SET idx = -idx WHERE idx < 0`,
    found: ["log"],
  },
  {
    name: "an innocent aggregator that was accused",
    file: "utility/utility.db",
    sql: "INSERT INTO detections VALUES ('r', 1, 'wrong-sums', 'liar', '', 0, x'')",
    found: ["accusations"],
  },
];

function mutate(folder: string, { name, file, sql, found }: Mutation): void {
  const changed = `${folder}-changed`;
  cpSync(folder, changed, { recursive: true });
  for (const one of file.split("; ")) {
    const database = new Database(join(changed, "data", one));
    database.exec(sql);
    database.close();
  }
  const wrong = wrongChecks(checkRun(changed));
  rmSync(changed, { recursive: true });
  for (const check of found) assert.ok(wrong.includes(check), `${name}: found by ${wrong.join() || "nobody"}`);
}

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
