/** Bytes leave in order, in few writes, and what waits is counted. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import mqttPacket from "mqtt-packet";
import { SendQueue } from "./send-queue.ts";

interface Sink {
  readonly writable: Writable;
  readonly writes: Buffer[][];
  /** Lets the writes under way return. */
  take(): void;
}

/** A socket that takes nothing until it is told to. */
function slowSink(): Sink {
  const writes: Buffer[][] = [];
  let pending: (() => void) | undefined;
  const accept = (chunks: Buffer[], done: () => void): void => {
    writes.push(chunks.map((chunk) => Buffer.from(chunk)));
    pending = done;
  };
  const writable = new Writable({
    highWaterMark: 1,
    write: (chunk: Buffer, _encoding, done) => accept([chunk], done),
    writev: (chunks, done) =>
      accept(
        chunks.map(({ chunk }) => chunk as Buffer),
        done,
      ),
  });
  return {
    writable,
    writes,
    take: () => {
      const done = pending;
      pending = undefined;
      done?.();
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("a hundred packets of one turn leave as one write", async () => {
  const sink = slowSink();
  let messages = 0;
  const queue = new SendQueue(
    sink.writable,
    () => {},
    () => messages++,
  );
  const stream = { write: (piece: Buffer | string) => queue.add(piece) > 0 } as unknown as NodeJS.WritableStream;
  const expected: Buffer[] = [];
  for (let i = 1; i <= 100; i++) {
    const qos = (i % 2) as 0 | 1;
    const packet = {
      cmd: "publish",
      topic: `wv/1/m/m-${i}/share/1`,
      payload: Buffer.alloc(i % 7 === 0 ? 0 : i),
      qos,
      retain: false,
      dup: false,
      ...(qos === 1 ? { messageId: i } : {}),
    } as mqttPacket.IPublishPacket;
    mqttPacket.writeToStream(packet, stream);
    expected.push(mqttPacket.generate(packet));
    mqttPacket.writeToStream({ cmd: "puback", messageId: i }, stream);
    expected.push(mqttPacket.generate({ cmd: "puback", messageId: i }));
    mqttPacket.writeToStream({ cmd: "pingresp" }, stream);
    expected.push(mqttPacket.generate({ cmd: "pingresp" }));
  }
  assert.equal(sink.writes.length, 0);
  await turn();
  assert.equal(sink.writes.length, 1);
  assert.deepEqual(Buffer.concat(sink.writes.flat()), Buffer.concat(expected));
  assert.equal(messages, 50); // QoS 1 only, and not fooled by payloads
  assert.equal(queue.length, Buffer.concat(expected).length);
});

test("keeps one write under way, collects meanwhile, and counts what waits", async () => {
  const sink = slowSink();
  let sent = 0;
  const queue = new SendQueue(
    sink.writable,
    (bytes) => (sent += bytes),
    () => {},
  );
  const all: Buffer[] = [];
  const add = (bytes: Buffer): void => {
    all.push(bytes);
    queue.add(bytes);
  };
  add(Buffer.from("first"));
  await turn();
  // More than a block, a large piece between small ones, and more than one write takes.
  for (let i = 0; i < 300; i++) add(Buffer.alloc(i % 10 === 0 ? 20_000 : 1_000, i & 0xff));
  await turn();
  assert.equal(sink.writes.length, 1);
  assert.equal(queue.length, Buffer.concat(all).length);
  while (queue.length > 0) {
    sink.take();
    await turn();
  }
  assert.deepEqual(Buffer.concat(sink.writes.flat()), Buffer.concat(all));
  assert.equal(sent, Buffer.concat(all).length);
  const writes: number = sink.writes.length;
  assert.ok(writes < 10, `${writes} writes`);
});

test("where it gathers, waits for more until the time is over or a block is full", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const sink = slowSink();
  const queue = new SendQueue(
    sink.writable,
    () => {},
    () => {},
    50,
  );
  queue.add(Buffer.from("a"));
  await turn();
  t.mock.timers.tick(49);
  queue.add(Buffer.from("b"));
  assert.equal(sink.writes.length, 0);
  t.mock.timers.tick(1);
  assert.deepEqual(Buffer.concat(sink.writes.flat()), Buffer.from("ab"));
  sink.take();
  await turn();
  for (let i = 0; i < 17; i++) queue.add(Buffer.alloc(1_000));
  await turn();
  assert.equal(sink.writes.length, 2, "a block is full: nothing is gained by waiting");
  queue.add(Buffer.from("c"));
  queue.close();
  t.mock.timers.tick(50);
  assert.equal(sink.writes.length, 2);
});

test("forgets what waits when it is closed", async () => {
  const sink = slowSink();
  const queue = new SendQueue(
    sink.writable,
    () => {},
    () => {},
  );
  queue.add(Buffer.from("never sent"));
  queue.close();
  queue.add(Buffer.from("nor this"));
  await turn();
  assert.deepEqual([queue.length, sink.writes.length], [0, 0]);
});
