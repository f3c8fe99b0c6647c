/** Simulated time: only from the simulator, only in a simulation. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { sealClock } from "../../protocol/envelope/clock.ts";
import { topicOf } from "../../protocol/topics.ts";
import { systemClock } from "./clock.ts";
import { Refusals } from "./refusals.ts";
import { createSimClockFeed } from "./sim-clock-feed.ts";
import type { SimClockFeed, SimClockFeedOptions } from "./sim-clock-feed.ts";

type Directory = SimClockFeedOptions["directory"];

const simulator = generateKeyPairSync("ed25519");
const utility = generateKeyPairSync("ed25519");
const TOPIC = topicOf("simClock", {});

function directoryOf(simulation: boolean): Directory {
  const servers = new Map([
    ["simulator", { role: "simulator", signKey: simulator.publicKey }],
    ["utility", { role: "utility", signKey: utility.publicKey }],
  ]);
  return { simulation, servers } as unknown as Directory;
}

function feedOf(simulation: boolean, enabled: boolean): { feed: SimClockFeed; refusals: Refusals } {
  const refusals = new Refusals({ log: { warn: () => {} }, intervalSeconds: 10 });
  const config = { simulation: { enabled } };
  return { feed: createSimClockFeed({ config, directory: directoryOf(simulation), refusals, start: 1_000 }), refusals };
}

const tick = (time: number, sequence: number, id = "simulator", signKey = simulator.privateKey): Uint8Array =>
  sealClock({ time, sequence }, { id, signKey });

test("follows the simulator's clock", () => {
  const { feed, refusals } = feedOf(true, true);
  const heard: number[] = [];
  feed.onTick((time) => heard.push(time));
  assert.equal(feed.clock.now(), 1_000);
  assert.equal(feed.accept(TOPIC, tick(2_000, 1)), true);
  assert.equal(feed.accept("wv/1/e/roll", new Uint8Array()), false);
  assert.equal(feed.clock.now(), 2_000);
  assert.deepEqual(heard, [2_000]);
  assert.deepEqual(feed.subscriptions, [TOPIC]);
  assert.deepEqual(refusals.snapshot(), {});
});

test("a clock that is wrong in a simulation is wrong for whoever reads it or hears its ticks, not before the first one", () => {
  const refusals = new Refusals({ log: { warn: () => {} }, intervalSeconds: 10 });
  let skewSeconds = -500;
  const given = { config: { simulation: { enabled: true } }, directory: directoryOf(true), refusals, start: 1_000 };
  const feed = createSimClockFeed({ ...given, skew: () => skewSeconds });
  const heard: number[] = [];
  feed.onTick((time) => heard.push(time));
  assert.equal(feed.clock.now(), 1_000);
  feed.accept(TOPIC, tick(2_000, 1));
  assert.equal(feed.clock.now(), 1_500);
  skewSeconds = 0;
  assert.equal(feed.clock.now(), 2_000);
  assert.deepEqual(heard, [1_500]);
});

test("refuses an old tick, a forged one, one of another party and rubbish", () => {
  const { feed, refusals } = feedOf(true, true);
  feed.accept(TOPIC, tick(2_000, 5));
  feed.accept(TOPIC, tick(3_000, 5));
  feed.accept(TOPIC, tick(3_000, 6, "simulator", utility.privateKey));
  feed.accept(TOPIC, tick(3_000, 6, "utility", utility.privateKey));
  feed.accept(TOPIC, Buffer.from("rubbish"));
  assert.equal(feed.clock.now(), 2_000);
  const { "sim-clock-malformed": malformed, ...others } = refusals.snapshot();
  assert.equal(malformed, 1);
  assert.deepEqual(others, { "sim-clock-stale": 1, "sim-clock-bad-signature": 1, "sim-clock-wrong-sender": 1 });
});

for (const [simulation, enabled] of [
  [false, true],
  [true, false],
  [false, false],
] as const) {
  test(`takes no time with simulation ${simulation} in the directory and ${enabled} in the configuration`, () => {
    const { feed, refusals } = feedOf(simulation, enabled);
    assert.equal(feed.clock, systemClock);
    assert.deepEqual(feed.subscriptions, []);
    assert.equal(feed.accept(TOPIC, tick(2_000, 1)), true);
    assert.deepEqual(refusals.snapshot(), { "sim-clock-refused": 1 });
  });
}
