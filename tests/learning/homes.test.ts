/**
 * Real homes with real aggregators and the utility's desk: readings in a database, the household's own rules and account,
 * noise, shares, acks. Homes and an aggregator are killed on the way.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import Database from "better-sqlite3";
import { configSchema } from "../../config/schema.ts";
import { MeterAgent } from "../../hardware/agent/agent.ts";
import type { AgentLink } from "../../hardware/agent/agent-options.ts";
import { openLearning } from "../../hardware/agent/learning/index.ts";
import type { LearningAgent, LearningEvent } from "../../hardware/agent/learning/learning-agent.ts";
import { Outbox } from "../../hardware/agent/outbox.ts";
import { agentSettings } from "../../hardware/agent/settings.ts";
import { reach, type RoundContent, signAnnouncement } from "../../protocol/learning/index.ts";
import { topicOf } from "../../protocol/topics.ts";
import { KINDS } from "../../protocol/units.ts";
import { LearningBed, opened, sumOf } from "../testing/learning-bed.ts";

const LENGTH = 9;
const config = configSchema.parse({
  learning: { enabled: true, minMeters: 3, colluderShare: 0, minNoise: 0, exact: true },
});

/** One household: what it has trained, and its connections to the aggregators that are there for it. */
class Home {
  readonly events: LearningEvent[] = [];
  /** Aggregators that its messages reach. */
  reachable: readonly number[] = [1, 2, 3];
  readonly #bed: LearningBed;
  readonly #name: string;
  readonly #values: readonly number[];
  readonly #database = new Database(":memory:");
  #waiting: { index: number; topic: string; payload: Uint8Array }[] = [];
  agent!: MeterAgent;
  learning!: LearningAgent;
  outbox!: Outbox;

  constructor(bed: LearningBed, name: string, values: readonly number[]) {
    [this.#bed, this.#name, this.#values] = [bed, name, values];
    this.start();
  }

  /** Also as after a kill: what was not committed is lost. */
  start(): void {
    const { system } = this.#bed;
    this.#waiting = [];
    const outbox = new Outbox(this.#database);
    const link: AgentLink = {
      connected: true,
      send: (topic, payload, _options, done) => {
        const bytes = typeof payload === "string" ? Buffer.from(payload) : Uint8Array.from(payload);
        const levels = topic.split("/");
        const to = levels[4] === "status" ? [1, 2, 3] : [Number(levels.at(-1))];
        for (const index of to) this.#waiting.push({ index, topic, payload: bytes });
        done();
      },
    };
    const secrets = {
      meter: this.#name,
      polynomialKey: createHash("sha256").update(this.#name).digest(),
      rootKeys: new Map([1, 2, 3].map((x) => [x, system.rootKey(this.#name, x)])),
    };
    this.outbox = outbox;
    this.agent = new MeterAgent({
      ...{ secrets, settings: { ...agentSettings(config, 2), batchSlots: 1 }, outbox, link, randomBytes },
      monotonic: () => system.seconds * 1_000,
    });
    const shared = openLearning({
      ...{ config, party: system.party("analytics"), database: this.#database, outbox },
      now: () => system.now,
      monotonic: () => system.seconds * 1_000,
      trainer: { train: () => Promise.resolve(this.#values) },
    })!;
    const events = { learning: (_meter: string, event: LearningEvent) => this.events.push(event) };
    // What is large goes the same way here.
    const bulk = { post: (topic: string, payload: Uint8Array) => link.send(topic, payload, {}, () => undefined) };
    this.learning = shared.agentFor({ agent: this.agent, secrets, link, bulk, events });
    this.agent.onConnect();
  }

  async hear(announcement: Uint8Array): Promise<void> {
    this.learning.accept(topicOf("learnAnnounce", {}), announcement);
    await this.learning.idle();
  }

  /** Everything goes its way until nothing moves. */
  exchange(): void {
    while (this.#waiting.length > 0) {
      const sent = this.#waiting;
      this.#waiting = [];
      for (const { index, topic, payload } of sent) {
        if (this.reachable.includes(index)) this.#bed.aggregators[index - 1]!.aggregator.handle(topic, payload);
      }
      for (const to of this.#bed.aggregators) {
        to.aggregator.commit();
        for (const { topic, payload } of to.take()) {
          if (topic.endsWith(`/ack/${this.#name}`)) this.agent.onMessage(topic, payload);
        }
      }
    }
  }

  codes(): string[] {
    return this.events.map(({ code }) => code);
  }
}

function homesOf(bed: LearningBed, count: number): Home[] {
  // In eighths of a small number, so that scaling leaves nothing to round.
  const valuesOf = (i: number) => Array.from({ length: LENGTH }, (_, j) => (((i * 5 + j * 3) % 9) - 4) / 32);
  return Array.from({ length: count }, (_, i) => new Home(bed, bed.homes[i]!, valuesOf(i)));
}

async function everyoneHears(bed: LearningBed, homes: readonly Home[], content: RoundContent): Promise<void> {
  await bed.announce(content);
  const announcement = signAnnouncement(content, bed.system.party("analytics"));
  for (const home of homes) await home.hear(announcement);
}

test("the sum is that of the homes which the agreed set holds, whoever was killed or left half-way", async (t) => {
  const bed = await LearningBed.make(t, { homes: 6 });
  const homes = homesOf(bed, 6);
  const content = bed.round(LENGTH, { vector: { ...bed.round(LENGTH).vector, clip: 1, scale: 32_000 } });
  await everyoneHears(bed, homes, content);
  // The sixth never gets through to more than one aggregator; the second is killed twice before anything has left.
  homes[5]!.reachable = [1];
  homes[1]!.start();
  homes[1]!.start();
  for (const home of homes.slice(0, 3)) home.exchange();
  bed.aggregators[2]!.kill();
  for (const home of homes) home.exchange();
  const row = await bed.finish(content);
  const integers = homes
    .slice(0, 5)
    .map((_, i) => Array.from({ length: LENGTH }, (_, j) => 1_000 * (((i * 5 + j * 3) % 9) - 4)));
  assert.deepEqual(opened(row), sumOf(integers));
  assert.deepEqual(homes[0]!.codes(), ["made", "settled"]);
  assert.deepEqual(homes[5]!.codes(), ["made"]);
});

test("noised loads of real readings open near their sum, and each household was charged once", async (t) => {
  const bed = await LearningBed.make(t, { homes: 4 });
  const homes = homesOf(bed, 4);
  const from = bed.system.slot - 8;
  for (const [i, home] of homes.entries()) {
    home.agent.addReadings(
      KINDS.import,
      from,
      [10, 20, 30, 40].map((value) => value * (i + 1)),
    );
    home.outbox.flush();
  }
  const content = bed.round(4, {
    task: { type: "load", kind: KINDS.import, slots: { from, to: from + 4 } },
    vector: { length: 4, bits: 12, clip: 400, scale: 1, laneBits: 30, lanes: 2 },
    noise: { mechanism: "discrete-gaussian", variance: 1e6, colluders: 1 },
  });
  await everyoneHears(bed, homes, content);
  for (const home of homes) home.exchange();
  const sum = opened(await bed.finish(content))!;
  const noise = sum.map((value, i) => value - 100 * (i + 1));
  assert.ok(noise.some((value) => value !== 0));
  assert.ok(
    noise.every((value) => Math.abs(value) <= reach(content, 4)),
    String(noise),
  );
  for (const home of homes) assert.deepEqual(home.codes(), ["made", "settled"]);
});
