/** The desk of releases without a network: days that are over, one at a time, kills, results, and requests by flags. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { testPlace } from "../../config/runtime/testing/store-place.ts";
import { configSchema } from "../../config/schema.ts";
import { release } from "../../config/schema-releases.ts";
import { type RoundContent, roundOf } from "../../protocol/learning/index.ts";
import { learnResult, resultParts } from "../../protocol/learning/result.ts";
import { ReleaseDesk } from "./desk.ts";
import { firstSlotOf, settingsOf } from "./request.ts";
import { dueAt } from "./schedule.ts";
import { ReleaseStore } from "./store.ts";

const SLOT_SECONDS = 3_600;
const daily = release.parse({
  ...{ name: "daily", type: "histogram", epsilon: 1, minMeters: 10, edgesWh: [5_000], waitSeconds: 7_200 },
});
/** Half past one at night in Berlin: the day before is over, but not its wait. */
const NIGHT = Date.parse("2025-03-05T01:30:00+01:00") / 1_000;
const dayOf = (date: string): number => Date.parse(`${date}T00:00:00+01:00`) / 1_000 / SLOT_SECONDS;

class Bed {
  readonly file: string;
  readonly announced: RoundContent[] = [];
  readonly settled: string[] = [];
  time = NIGHT;
  monotonic = 0;
  store!: ReleaseStore;
  desk!: ReleaseDesk;

  constructor(t: TestContext) {
    const folder = mkdtempSync(path.join(tmpdir(), "wattveil-releases-"));
    this.file = testPlace(path.join(folder, "releases.db"));
    this.start();
    t.after(() => {
      this.store.close();
      rmSync(folder, { recursive: true });
    });
  }

  /** Also as after a kill: nothing but the database is left. */
  start(): void {
    (this.store as ReleaseStore | undefined)?.close();
    this.store = new ReleaseStore(this.file, { alone: true });
    this.desk = new ReleaseDesk({
      ...{ store: this.store, scheduled: [daily], slotSeconds: SLOT_SECONDS, timezone: "Europe/Berlin" },
      timing: { announceSeconds: 2, patienceSeconds: 30 },
      ports: {
        now: () => this.time,
        monotonic: () => this.monotonic,
        sign: (content) => Buffer.from(JSON.stringify(content)),
        announce: (payload) => this.announced.push(JSON.parse(Buffer.from(payload).toString()) as RoundContent),
        settled: ({ settings, step, state }) => this.settled.push(`${settings.name} ${step} ${state}`),
      },
    });
  }

  poll(seconds = 3, mayBegin = true): void {
    this.monotonic += seconds;
    this.desk.poll(mayBegin);
  }

  result(content: RoundContent, value: number): void {
    const { campaign, step, vector } = content;
    const facts = { round: roundOf(content), campaign, step, settledAt: 9, meters: 12, setId: "0".repeat(64) };
    const parts = resultParts({ ...facts, spareAnswers: 1 }, new Array<number>(vector.length).fill(value));
    for (const part of parts) this.desk.take(learnResult.parse(part));
  }
}

test("days are asked for once they and their wait are over, the newest alone, and killed it asks for the same", (t) => {
  const bed = new Bed(t);
  bed.poll();
  // The fourth of March waits for readings; the third is over, and nobody has asked for it yet.
  assert.deepEqual(
    bed.announced.map(({ task }) => task.type === "histogram" && task.slots),
    [{ from: dayOf("2025-03-03"), to: dayOf("2025-03-04") }],
  );
  const [first] = bed.announced;
  bed.time += 20;
  bed.start();
  bed.poll();
  assert.deepEqual(bed.announced, [first, first]);
  bed.result(first!, -2 * first!.vector.scale);
  const [opened] = bed.store.list(1);
  assert.ok(opened?.result !== undefined && "values" in opened.result);
  assert.deepEqual([opened.state, opened.result.values, opened.result.meters], ["opened", [-2, -2], 12]);
  bed.start();
  bed.poll();
  assert.equal(bed.announced.length, 2, "what was opened is not asked for again");
  // Away for a week: of the days that passed only the newest is asked for.
  bed.time += 7 * 86_400;
  bed.poll();
  bed.poll();
  assert.deepEqual(
    [...new Set(bed.announced.map(({ step, task }) => `${step} ${task.type === "histogram" ? task.slots.from : ""}`))],
    [`0 ${dayOf("2025-03-03")}`, `1 ${dayOf("2025-03-10")}`],
  );
  assert.equal(bed.store.list(9).length, 2);
});

test("one is open at a time, what is under way goes on, and what was not opened says why", (t) => {
  const bed = new Bed(t);
  const load = release.parse({
    ...{ name: "street", type: "load", epsilon: 1, minMeters: 10, clipWh: 9_000 },
    waitSeconds: 0,
  });
  const firstSlot = dayOf("2025-03-01");
  bed.poll(3, false);
  assert.deepEqual([bed.announced.length, bed.desk.wants], [0, true], "a round of a campaign is open");
  bed.store.add({ settings: load, firstSlot, dueAt: dueAt(load, firstSlot, SLOT_SECONDS), askedAt: bed.time });
  bed.poll();
  assert.deepEqual([bed.announced.length, bed.desk.isBusy, bed.desk.wants], [1, true, false]);
  const [street] = bed.announced;
  assert.equal(street!.campaign, "street");
  const status = { v: 1, round: roundOf(street!), campaign: "street", step: 0, settledAt: 1, status: "too-few-meters" };
  bed.desk.take(learnResult.parse({ ...status, reason: "3 meters" }));
  bed.poll();
  assert.equal(bed.announced.at(-1)!.campaign, "daily");
  // Its result never comes.
  bed.time += daily.roundSeconds + 1;
  bed.poll();
  bed.poll(31);
  assert.deepEqual(bed.settled, ["street 0 not-opened", "daily 0 not-opened"]);
  assert.deepEqual(
    bed.store.list(2).map(({ reason }) => reason),
    ["too-few-meters: 3 meters", "no-result: no result came"],
  );
  assert.equal(bed.store.same(load, firstSlot), undefined, "what was not opened may be asked again");
});

test("flags that cannot be are named", () => {
  const config = configSchema.parse({ learning: { minMeters: 40, colluderShare: 0.2 } });
  const { colluders, minMeters, name, epsilon } = settingsOf("histogram", { edges: "1,2" }, config);
  assert.deepEqual([minMeters, colluders, name, epsilon], [40, 8, "histogram", 1]);
  const wrong = [
    ["total", {}, /expected load or histogram, got total/],
    ["load", {}, /^--clip:/],
    ["load", { clip: "9", edges: "1" }, /^--edges: not for load/],
    ["histogram", { edges: "5,1" }, /^--edges: expected edges that rise/],
    ["histogram", {}, /^--edges: needed for histogram/],
    ["histogram", { edges: "5,x" }, /^--edges: expected a number, got "x"/],
    ["histogram", { edges: "5", epsilon: "x" }, /^--epsilon:/],
    ["histogram", { edges: "5", minMeters: "1" }, /^--min-meters:/],
  ] as const;
  for (const [type, flags, fault] of wrong) {
    assert.throws(
      () => settingsOf(type, flags, config),
      (error: Error) => fault.test(error.message) || assert.fail(error.message),
    );
  }
  assert.throws(() => firstSlotOf({ from: "1.3.2025" }, config), /--from 1.3.2025: expected a date/);
  assert.equal(firstSlotOf({ from: "2025-03-01" }, config), (dayOf("2025-03-01") * SLOT_SECONDS) / 900);
});
