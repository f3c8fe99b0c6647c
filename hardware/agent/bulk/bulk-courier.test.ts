/** Messages that are posted: they reach the broker once, unless nobody wants them any more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { BulkCourier } from "./bulk-courier.ts";
import type { BulkLinkHandlers, BulkSource } from "./bulk-session.ts";
import { Turns } from "./turns.ts";

const PATIENCE = 10_000;

/** A broker whose connections the test makes and breaks. */
class Rig {
  readonly published: string[] = [];
  readonly timers: { readonly milliseconds: number; readonly callback: () => void }[] = [];
  connects = 0;
  closes = 0;
  isReachable = true;
  handlers: BulkLinkHandlers | undefined;
  /** Of a publish in this state: reach the broker, fail. */
  fails = 0;
  readonly courier = new BulkCourier({
    ...{ turns: new Turns(1), bytesPerSecond: 1_000_000, patienceMilliseconds: PATIENCE, random: () => 0.5 },
    monotonic: () => 0,
    after: (milliseconds, callback) => {
      const timer = { milliseconds, callback };
      this.timers.push(timer);
      return () => {
        const at = this.timers.indexOf(timer);
        if (at >= 0) this.timers.splice(at, 1);
      };
    },
    connect: (handlers) => {
      this.connects += 1;
      this.handlers = handlers;
      if (!this.isReachable) return Promise.reject(new Error("no broker"));
      queueMicrotask(() => handlers.onConnect());
      return Promise.resolve({
        connected: true,
        publish: (topic: string, payload: Uint8Array) => {
          if (this.fails-- > 0) return Promise.reject(new Error("cut off"));
          this.published.push(`${topic} ${Buffer.from(payload).toString()}`);
          return Promise.resolve();
        },
        close: () => {
          this.closes += 1;
          return Promise.resolve();
        },
      });
    },
  });

  post(topic: string, text: string, wanted = () => true): Promise<void> {
    this.courier.post(topic, Buffer.from(text), wanted);
    return settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("what is posted is brought once, and the connection ends with it; posted again it is brought again", async () => {
  const rig = new Rig();
  await rig.post("t/1", "a");
  assert.deepEqual([rig.published, rig.connects, rig.closes, rig.courier.busy], [["t/1 a"], 1, 1, false]);
  await rig.post("t/1", "a");
  assert.deepEqual([rig.published, rig.connects, rig.closes], [["t/1 a", "t/1 a"], 2, 2]);
});

test("what nobody wants any more is not brought, and of two under a topic the newer is", async () => {
  const rig = new Rig();
  rig.isReachable = false;
  let wanted = true;
  await rig.post("t/1", "a", () => wanted);
  await rig.post("t/2", "b");
  await rig.post("t/2", "c");
  wanted = false;
  rig.isReachable = true;
  await rig.post("t/3", "d");
  assert.deepEqual(rig.published, ["t/2 c", "t/3 d"]);
  assert.equal(rig.courier.busy, false);
});

test("a publish that fails is done again on the next connection", async () => {
  const rig = new Rig();
  rig.fails = 1;
  await rig.post("t/1", "a");
  assert.deepEqual(rig.published, []);
  rig.handlers!.onConnect();
  await settle();
  assert.deepEqual([rig.published, rig.courier.busy], [["t/1 a"], false]);
});

test("a broker that cannot be reached is tried ever later, but at once when something is posted", async () => {
  const rig = new Rig();
  rig.isReachable = false;
  await rig.post("t/1", "a");
  assert.deepEqual(
    rig.timers.map(({ milliseconds }) => milliseconds),
    [2 * PATIENCE],
  );
  await rig.post("t/1", "a");
  assert.deepEqual([rig.connects, ...rig.timers.map(({ milliseconds }) => milliseconds)], [2, 4 * PATIENCE]);
  await rig.courier.close();
  assert.equal(rig.courier.busy, false);
});

test("what waits for its answer on the same connection does not keep a message from being brought again", async () => {
  const rig = new Rig();
  let waits = true;
  const source: BulkSource = {
    waiting: () => (waits ? [{ topic: "he", key: "1", chunks: () => [Buffer.from("x")] }] : []),
    answered: () => {
      waits = false;
      return true;
    },
  };
  rig.courier.add(source);
  await rig.post("t/1", "a");
  await rig.post("t/1", "a");
  assert.deepEqual([rig.published, rig.connects, rig.closes], [["t/1 a", "he x", "t/1 a"], 1, 0]);
  rig.handlers!.onMessage("ack", new Uint8Array());
  await settle();
  assert.deepEqual([rig.courier.busy, rig.closes], [false, 1]);
});
