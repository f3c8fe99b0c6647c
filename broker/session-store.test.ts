/** Retained messages: found by exact topic and by wildcard, replaced, cleared, and kept as copies. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SessionStore } from "./session-store.ts";

function store(): { store: SessionStore; counters: { retainedNow: number } } {
  const counters = { retainedNow: 0 };
  return { store: new SessionStore(counters), counters };
}

const message = (topic: string, text: string): { topic: string; payload: Buffer } => ({
  topic,
  payload: Buffer.from(text),
});

async function found(from: SessionStore, ...filters: string[]): Promise<string[]> {
  const packets = (await from.createRetainedStreamCombi(filters).toArray()) as { topic: string; payload: Buffer }[];
  return packets.map(({ topic, payload }) => `${topic}=${payload.toString()}`).sort();
}

test("finds what a filter matches, each once", async () => {
  const { store: kept, counters } = store();
  kept.storeRetained(message("wv/1/m/m-001/status", "a"));
  kept.storeRetained(message("wv/1/m/m-002/status", "b"));
  kept.storeRetained(message("wv/1/a/1/status", "c"));
  kept.storeRetained(message("$SYS/broker/messages/sent", "7"));
  assert.deepEqual(await found(kept, "wv/1/m/m-001/status"), ["wv/1/m/m-001/status=a"]);
  assert.deepEqual(await found(kept, "wv/1/m/+/status"), ["wv/1/m/m-001/status=a", "wv/1/m/m-002/status=b"]);
  assert.deepEqual(await found(kept, "wv/1/m/+/status", "wv/1/m/m-001/status"), [
    "wv/1/m/m-001/status=a",
    "wv/1/m/m-002/status=b",
  ]);
  assert.deepEqual(await found(kept, "wv/1/a/+/status"), ["wv/1/a/1/status=c"]);
  assert.deepEqual(await found(kept, "$SYS/broker/#"), ["$SYS/broker/messages/sent=7"]);
  assert.deepEqual(await found(kept, "wv/1/pub/#"), []);
  assert.equal(counters.retainedNow, 4);
});

test("keeps the last message of a topic, and none after an empty one", async () => {
  const { store: kept, counters } = store();
  kept.storeRetained(message("wv/1/a/1/status", "offline"));
  kept.storeRetained(message("wv/1/a/1/status", "online"));
  assert.deepEqual(await found(kept, "wv/1/a/1/status"), ["wv/1/a/1/status=online"]);
  kept.storeRetained(message("wv/1/a/1/status", ""));
  kept.storeRetained(message("wv/1/a/2/status", ""));
  assert.deepEqual(await found(kept, "wv/1/a/+/status"), []);
  assert.equal(counters.retainedNow, 0);
});

test("keeps a copy, not the buffer that the message came in", async () => {
  const { store: kept } = store();
  const packet = message("wv/1/a/1/status", "online");
  kept.storeRetained(packet);
  packet.payload.fill(0);
  assert.deepEqual(await found(kept, "wv/1/a/1/status"), ["wv/1/a/1/status=online"]);
});

test("answers within the call, so that messages keep their order", () => {
  const { store: kept } = store();
  let answered = 0;
  kept.storeRetained(message("wv/1/a/1/status", "online")).then(() => answered++);
  kept.subscriptionsByTopic().then(() => answered++);
  kept.outgoingEnqueueCombi().then(() => answered++);
  assert.equal(answered, 3);
});

test("a filter of public topics is not compared with the status of every meter", () => {
  const { store: kept } = store();
  for (let i = 0; i < 20_000; i++) kept.storeRetained(message(`wv/1/m/m-${i}/status`, "online"));
  const millisecondsOf = (filter: string, times: number): number => {
    const began = performance.now();
    for (let i = 0; i < times; i++) kept.createRetainedStreamCombi([filter]).destroy();
    return performance.now() - began;
  };
  const few = millisecondsOf("wv/1/m/+/status", 5);
  for (const filter of ["wv/1/pub/#", "wv/1/pub/+/x/#", "wv/1/a/+/status"]) {
    assert.ok(millisecondsOf(filter, 5) < few / 4, filter);
  }
});
