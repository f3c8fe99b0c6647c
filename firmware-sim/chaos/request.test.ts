/** What the flags of the command ask for, by the command itself: nothing is run for a wrong one. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { loadEffective } from "../../config/load.ts";
import type { RoleContext } from "../../config/runtime/role-command.ts";
import { chaosRequest } from "./request.ts";
import { formatSchedule } from "./schedule.ts";
import { daysFor, SLOTS_PER_SECOND } from "./settings.ts";

type Flags = NonNullable<Parameters<typeof loadEffective>[0]["flags"]>;

function requestOf(options: Record<string, unknown>, flags: Flags = []) {
  const effective = loadEffective({ profile: "demo", env: {}, flags });
  return chaosRequest({ ...effective, options, operands: [], json: true } as unknown as RoleContext);
}

test("a seed and minutes make days of slots, and as many events as seconds allow", () => {
  const { runs } = requestOf({ minutes: "0.5", out: "/x" }, [{ name: "--seed", path: "simulation.seed", value: 7 }]);
  const [{ schedule, config, folder } = assert.fail()] = runs;
  assert.deepEqual([schedule.seed, schedule.days, schedule.broker, schedule.events.length], [7, 5, "embedded", 12]);
  assert.deepEqual([config.simulation.seed, config.simulation.days, folder], [7, 5, "/x/embedded-7"]);
  assert.ok(daysFor(10) * 24 >= 10 * 60 * SLOTS_PER_SECOND);
  assert.deepEqual(
    requestOf({ minutes: "0.5" }, [{ name: "--seed", path: "simulation.seed", value: 7 }]).runs[0]?.schedule,
    schedule,
  );
});

test("what the user sets is kept, what nobody sets is chaos's own", () => {
  const [run] = requestOf({}, [{ name: "--set", path: "simulation.meters", value: 20 }]).runs;
  assert.deepEqual([run?.config.simulation.meters, run?.config.system.slotSeconds], [20, 3_600]);
});

test("a range of seeds is a run each", () => {
  assert.deepEqual(
    requestOf({ seeds: "3-5" }).runs.map(({ schedule }) => schedule.seed),
    [3, 4, 5],
  );
});

test("a schedule brings its seed, days and broker", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-request-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "s.yaml");
  const events = [{ action: "kill", atSlot: 5, target: "node-2" }] as const;
  writeFileSync(file, formatSchedule({ seed: 9, days: 3, broker: "nats", events: [...events] }));
  const [run] = requestOf({ schedule: file }).runs;
  assert.deepEqual(run?.schedule.events, events);
  assert.deepEqual(
    [run.config.simulation.seed, run.config.simulation.days, run.config.simulation.broker],
    [9, 3, "nats"],
  );
  writeFileSync(file, formatSchedule({ seed: 9, days: 3, broker: "embedded", events: [...events] }));
  assert.throws(() => requestOf({ schedule: file }), /s\.yaml: there is no node-2 in this run, only broker, a-1/);
});

test("wrong flags are refused by name", () => {
  assert.throws(() => requestOf({ minutes: "soon" }), /--minutes: expected a number from 0.05 to 1440, got soon/);
  assert.throws(() => requestOf({ seeds: "9-3" }), /--seeds: expected two numbers such as 1-20, got 9-3/);
  assert.throws(
    () => requestOf({ schedule: "/nowhere.yaml" }),
    /--schedule \/nowhere\.yaml: cannot be read \(ENOENT\)/,
  );
  assert.throws(() => requestOf({ shrinkRuns: "0" }), /--shrink-runs: /);
});
