/** A coordinator without a network: rounds written down before they are announced, results applied once, plans refused. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { resultParts } from "../../../protocol/learning/result.ts";
import { type RoundContent, roundOf } from "../../../protocol/learning/index.ts";
import { Campaign } from "../campaign.ts";
import { startOf } from "../start.ts";
import { CampaignStore } from "./campaign-store.ts";
import { Coordinator, type RoundEvent } from "./coordinator.ts";
import { readPlan } from "./plan.ts";

const PLAN = { roundSeconds: 60, announceSeconds: 2, patienceSeconds: 30 };
const NAME = "winter";
const campaign = async (): Promise<Campaign> =>
  new Campaign(
    { campaign: NAME, homes: 6, minMeters: 3, rounds: 2, epsilon: null },
    await startOf({ kind: "linear", hidden: 1, seed: 1 }, () => Promise.reject(new Error("no backend"))),
  );

class Bed {
  readonly file: string;
  readonly announced: RoundContent[] = [];
  readonly events: RoundEvent[] = [];
  readonly refused: string[] = [];
  time = 1_000;
  monotonic = 0;
  #store: CampaignStore | undefined;
  coordinator!: Coordinator;

  private constructor(file: string) {
    this.file = file;
  }

  static async open(t: TestContext): Promise<Bed> {
    const folder = mkdtempSync(join(tmpdir(), "wattveil-coordinator-"));
    const bed = new Bed(join(folder, "coordinator.db"));
    await bed.start();
    t.after(() => {
      bed.#store?.close();
      rmSync(folder, { recursive: true });
    });
    return bed;
  }

  /** Also as after a kill: nothing but the database is left. */
  async start(): Promise<void> {
    this.#store?.close();
    const store = new CampaignStore(this.file);
    this.#store = store;
    const state = store.load(NAME) ?? { campaign: await campaign(), pending: undefined };
    this.coordinator = new Coordinator(
      state,
      { ...PLAN },
      {
        now: () => this.time,
        monotonic: () => this.monotonic,
        save: (saved) => store.save(saved),
        sign: (content) => Buffer.from(JSON.stringify(content)),
        announce: (payload) => this.announced.push(JSON.parse(Buffer.from(payload).toString()) as RoundContent),
        settled: (event) => this.events.push(event),
        refused: (code) => this.refused.push(code),
      },
    );
  }

  poll(seconds = 0): void {
    this.monotonic += seconds;
    this.coordinator.poll();
  }

  async result(content: RoundContent, value: number, homes = 4): Promise<void> {
    const { campaign: name, step, vector } = content;
    const facts = { round: roundOf(content), campaign: name, step, settledAt: 1, meters: homes, setId: "0".repeat(64) };
    const parts = resultParts({ ...facts, spareAnswers: 0 }, new Array<number>(vector.length).fill(value));
    for (const part of parts) this.coordinator.take(Buffer.from(JSON.stringify(part)));
    await this.coordinator.idle();
  }
}

test("killed at any moment, it announces the very same round, and moves the model once", async (t) => {
  const bed = await Bed.open(t);
  bed.poll();
  const [first] = bed.announced;
  bed.time += 7;
  await bed.start();
  bed.poll();
  assert.deepEqual(bed.announced, [first, first]);
  await bed.result(first!, 100);
  const moved = [...bed.coordinator.campaign.weights];
  await bed.result(first!, 100);
  await bed.start();
  assert.deepEqual([...bed.coordinator.campaign.weights], moved);
  assert.deepEqual(
    bed.events.map(({ entry }) => [entry.step, entry.homes]),
    [[0, 4]],
  );
  bed.poll();
  assert.equal(bed.announced.at(-1)!.step, 1);
  await bed.result(bed.announced.at(-1)!, -50);
  assert.equal(bed.coordinator.isOver, true);
  bed.poll(100);
  assert.equal(bed.announced.length, 3);
});

test("it repeats a round until its result is there, and passes one over that was not opened", async (t) => {
  const bed = await Bed.open(t);
  bed.poll();
  bed.poll(1);
  bed.poll(1);
  assert.equal(bed.announced.length, 2);
  bed.time += PLAN.roundSeconds;
  bed.poll(2);
  assert.equal(bed.announced.length, 3, "whoever missed the result asks by announcing");
  bed.poll(PLAN.patienceSeconds + 1);
  await bed.coordinator.idle();
  assert.deepEqual([bed.events[0]!.entry.homes, bed.events[0]!.reason], [0, "no result came"]);
  bed.poll();
  const { campaign: name, step } = bed.announced.at(-1)!;
  const facts = { v: 1, round: roundOf(bed.announced.at(-1)!), campaign: name, step, settledAt: 1 };
  bed.coordinator.take(Buffer.from(JSON.stringify({ ...facts, status: "too-few-meters", reason: "2 meters" })));
  await bed.coordinator.idle();
  assert.equal(bed.events[1]!.reason, "too-few-meters: 2 meters");
  assert.equal(bed.coordinator.isOver, true);
});

test("a sum of too many homes, or beyond their reach, moves nothing; what is no result is counted", async (t) => {
  const bed = await Bed.open(t);
  bed.coordinator.take(Buffer.from("{}"));
  assert.deepEqual(bed.refused, ["malformed-result"]);
  bed.poll();
  const before = [...bed.coordinator.campaign.weights];
  await bed.result(bed.announced[0]!, 1, 7);
  assert.match(bed.events[0]!.reason!, /homes: expected a set of 3 to 6, got 7/);
  bed.poll(3);
  await bed.result(bed.announced.at(-1)!, 2 ** 30);
  assert.match(bed.events[1]!.reason!, /sum\[0\]: expected an integer within/);
  assert.deepEqual([...bed.coordinator.campaign.weights], before);
});

test("a plan that is wrong is refused with its file and fields", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "wattveil-plan-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "plan.json");
  assert.throws(() => readPlan(`--plan ${file}`, file), /--plan .*plan.json: cannot be read \(ENOENT\)/);
  writeFileSync(file, "{");
  assert.throws(() => readPlan(`--plan ${file}`, file), /no JSON/);
  writeFileSync(file, JSON.stringify({ campaign: { homes: 5, minMeters: 9 }, roundSeconds: 0 }));
  assert.throws(() => readPlan(`--plan ${file}`, file), /minMeters.*at most the 5 homes|roundSeconds/);
});
