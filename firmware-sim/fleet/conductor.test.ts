import assert from "node:assert/strict";
import { test } from "node:test";
import { Conductor } from "./conductor.ts";
import type { HostCommand, HostProgress } from "./host-messages.ts";

const NONE = {
  readings: 0,
  exports: 0,
  settled: 0,
  shareMessages: 0,
  shareSlots: 0,
  shareBytes: 0,
  gaps: 0,
  refused: 0,
};

function progress(fed: number | null, oldest: number | null, more: Partial<HostProgress> = {}): HostProgress {
  return { type: "progress", fed, oldest, absent: [], connected: 1, flushed: null, counters: NONE, ...more };
}

/** A conductor with one host, whose answers the test gives; microtasks are enough, no time passes. */
function stage(lagSlots = 1, speed: number | "max" = "max") {
  const sent: HostCommand[] = [];
  const times: number[] = [];
  const conductor = new Conductor({
    slotSeconds: 900,
    hosts: ["meters"],
    send: (_host, command) => sent.push(command) > 0,
    publishClock: (time) => Promise.resolve(void times.push(time)),
    lagSlots,
    speed,
    monotonic: () => 0,
  });
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const say = async (one: HostProgress): Promise<void> => {
    conductor.onProgress("meters", one);
    await settle();
  };
  return { conductor, sent, times, say, settle };
}

test("a slot ends only when those before it are acknowledged, up to the allowed lag", async () => {
  const { conductor, sent, times, say, settle } = stage(2);
  const done = conductor.run(10, 13);
  await settle();
  await say(progress(null, null));
  assert.deepEqual(sent, [{ type: "advance", slot: 10 }]);
  await say(progress(10, 10));
  assert.deepEqual(sent.at(-1), { type: "advance", slot: 11 });
  await say(progress(11, 10));
  assert.deepEqual(sent.at(-1), { type: "advance", slot: 11 }, "slot 10 is still on its way");
  await say(progress(11, 11));
  assert.deepEqual(sent.at(-1), { type: "advance", slot: 12 });
  await say(progress(12, 12));
  assert.equal(await done, 13);
  assert.deepEqual(times, [9000, 9900, 10800, 11700]);
});

test("the end of feeding lets what has begun be finished, and says where it ended", async () => {
  const { conductor, sent, say, settle } = stage();
  const done = conductor.run(10, 20);
  await settle();
  await say(progress(null, null));
  conductor.endFeeding();
  await say(progress(10, 10));
  assert.equal(await done, 11);
  const drained = conductor.drain();
  await settle();
  assert.deepEqual(sent.at(-1), { type: "flush", number: 1 });
  let isOver = false;
  void drained.then(() => (isOver = true));
  await say(progress(10, null));
  assert.equal(isOver, false, "batches may still hold slots back");
  await say(progress(10, 10, { flushed: 1 }));
  assert.equal(isOver, false);
  await say(progress(10, null, { flushed: 1 }));
  assert.equal(isOver, true);
});

test("counters of a host that was restarted are added to what it had counted before", async () => {
  const { conductor, say } = stage();
  await say(progress(10, null, { counters: { ...NONE, readings: 7 } }));
  await say(progress(null, null));
  await say(progress(11, null, { counters: { ...NONE, readings: 2 } }));
  assert.equal(conductor.counters().readings, 9);
});

test("slots that had ended before it started are fed at once, the running one when it ends", async () => {
  const { conductor, sent, say, settle } = stage(1, 1);
  // Slot 10 began two slots and a half ago.
  const done = conductor.run(10, 14, -2.5 * 900_000);
  await settle();
  await say(progress(null, null));
  await say(progress(10, null));
  await say(progress(11, null));
  assert.deepEqual(sent, [
    { type: "advance", slot: 10 },
    { type: "advance", slot: 11 },
  ]);
  conductor.endFeeding();
  assert.equal(await done, 12);
});
