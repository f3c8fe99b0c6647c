import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Config, loadConfig } from "../../config/index.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { Outbox } from "../../hardware/agent/index.ts";
import { KINDS } from "../../protocol/units.ts";
import { checkEarlierRuns, EarlierRunError, rememberRun } from "./earlier-runs.ts";
import { type FleetPlan, planGenerated, planReplay } from "./fleet-plan.ts";

const HOUR = 3600;
const START = Date.parse("2025-01-15T00:00:00+01:00") / 1000;

interface Folder {
  readonly data: string;
  /** What a meter of this folder has read: so many slots since the start. */
  readonly fed: (slots: number, meters?: readonly string[]) => void;
  readonly generated: (days: number, seed?: number) => Promise<FleetPlan>;
  /** A file of two meters; the energy of each hour since the start. */
  readonly replayed: (energies: readonly number[], first?: number) => Promise<FleetPlan>;
  readonly config: Config;
}

function folderOf(t: { after: (work: () => void) => void }): Folder {
  const data = mkdtempSync(join(tmpdir(), "wattveil-earlier-"));
  t.after(() => rmSync(data, { recursive: true }));
  const configOf = (days: number, seed: number): Config => {
    const set = {
      "system.slotSeconds": HOUR,
      "simulation.days": days,
      "simulation.seed": seed,
      "simulation.meters": 10,
    };
    const flags = Object.entries(set).map(([path, value]) => ({ name: "test", path, value }));
    return loadConfig({ profile: "demo", env: {}, flags });
  };
  mkdirSync(join(data, "fleet"));
  return {
    data,
    config: configOf(1, 1),
    fed: (slots, meters = ["m-001"]) => {
      rmSync(join(data, "meters"), { recursive: true, force: true });
      mkdirSync(join(data, "meters"));
      const database = openDatabase(join(data, "meters", "outbox.db"), { synchronous: "NORMAL" });
      const outbox = new Outbox(database);
      const readings = Array.from({ length: slots }, () => 7);
      for (const meter of meters) {
        outbox.append(outbox.boot(meter).number, { kind: KINDS.import, firstSlot: START / HOUR, readings }, () => {});
      }
      outbox.flush();
      database.close();
    },
    generated: (days, seed = 1) => planGenerated(configOf(days, seed), undefined),
    replayed: (energies, first = 0) => {
      const rows = energies.flatMap((wh, i) => ["a", "b"].map((id) => `${id},${START + (first + i) * HOUR},${wh}`));
      writeFileSync(join(data, "readings.csv"), `meter,slot_start,energy_wh\n${rows.join("\n")}\n`);
      return planReplay(configOf(1, 1), join(data, "readings.csv"));
    },
  };
}

function refused(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof EarlierRunError && message.test(error.message);
}

const hours = (count: number, wh = 100): number[] => Array.from({ length: count }, (_, i) => wh + i);

test("a run may follow in an empty folder, and after one that ended where it begins", async (t) => {
  const { data, config, fed, generated } = folderOf(t);
  assert.equal(checkEarlierRuns(data, await generated(1), config), undefined);
  rememberRun(data, await generated(1), config);
  fed(24);
  const history = { firstDate: "2025-01-15", nextDate: "2025-01-16" };
  assert.equal(checkEarlierRuns(data, await planGenerated(config, history), config), undefined);
});

test("a run that ends before what an interrupted one has fed is refused with the days that it takes", async (t) => {
  const { data, config, fed, generated } = folderOf(t);
  rememberRun(data, await generated(30), config);
  fed(30);
  const short = await generated(1);
  assert.throws(
    () => checkEarlierRuns(data, short, config),
    refused(/readings up to 2025-01-16 06:00 already .*1 day from 2025-01-15 .*--days 2 or more/),
  );
  const note = /readings up to 2025-01-16 06:00 are there from an earlier run: this one goes on/;
  assert.match(checkEarlierRuns(data, await generated(2), config) ?? "", note);
});

test("another seed, and a file, may not tell otherwise what was fed", async (t) => {
  const { data, config, fed, generated, replayed } = folderOf(t);
  rememberRun(data, await generated(2), config);
  const other = /other readings of 2025-01-15 from an earlier run: use another --data folder, or --fresh/;
  const plans = [await generated(2, 8), await replayed(hours(24))];
  // Nothing was fed yet: the plan alone binds nobody.
  for (const plan of plans) assert.equal(checkEarlierRuns(data, plan, config), undefined);
  fed(10);
  for (const plan of plans) assert.throws(() => checkEarlierRuns(data, plan, config), refused(other));
});

test("the same file may come again, and a longer one; a changed one and an earlier one may not", async (t) => {
  const { data, config, fed, replayed } = folderOf(t);
  const first = await replayed(hours(48));
  assert.equal(checkEarlierRuns(data, first, config), undefined);
  rememberRun(data, first, config);
  fed(48);
  const check = (plan: FleetPlan): string | undefined => checkEarlierRuns(data, plan, config);
  assert.match(check(await replayed(hours(48))) ?? "", /goes on after them/, "only one of the two meters was fed");
  fed(48, ["a", "b"]);
  assert.match(check(await replayed(hours(48))) ?? "", /^nothing new to feed/);
  assert.match(check(await replayed(hours(72))) ?? "", /goes on after them/);
  const next = await replayed(hours(24, 500), 48);
  assert.equal(check(next), undefined);
  const changed = await replayed([...hours(47), 9]);
  assert.throws(() => check(changed), refused(/other readings of 2025-01-16/));
  const shorter = await replayed(hours(24));
  assert.throws(() => check(shorter), refused(/\(from a file that was replayed\), the file ends before that/));
  rememberRun(data, next, config);
  fed(72);
  const both = await replayed(hours(72));
  assert.throws(() => check(both), refused(/other readings of 2025-01-17/));
});

test("the readings that stand in the way are named after whoever fed them", async (t) => {
  const { data, config, fed, generated } = folderOf(t);
  const short = await generated(1);
  const origin = (words: string): void => {
    assert.throws(() => checkEarlierRuns(data, short, config), refused(new RegExp(`already \\(from ${words}\\)`)));
  };
  rememberRun(data, await generated(2), config);
  fed(30);
  origin("a run that was interrupted");
  writeFileSync(
    join(data, "fleet", "history.json"),
    JSON.stringify({ firstDate: "2025-01-15", nextDate: "2025-01-17" }),
  );
  origin("an earlier run");
  writeFileSync(join(data, "fleet", "meters.json"), JSON.stringify({ nextSlot: START / HOUR + 30 }));
  origin("npm run meters");
});
