import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { generate, type Packet } from "mqtt-packet";
import { watchFor } from "./publish-watch.ts";

const always = (): boolean => true;
const bytesOf = (packet: Packet): Buffer => generate(packet);
const publish = (qos: 0 | 1, messageId: number): Buffer =>
  bytesOf({ cmd: "publish", topic: "t", payload: "p", qos, messageId, dup: false, retain: false });
const puback = (messageId: number): Buffer => bytesOf({ cmd: "puback", messageId });
const CONNECT = bytesOf({
  cmd: "connect",
  clientId: "m-1",
  protocolVersion: 4,
  protocolId: "MQTT",
  clean: true,
  keepalive: 60,
});

test("a plain PUBLISH of QoS 1 waits for its own PUBACK", () => {
  const watch = watchFor(0x10, always);
  assert.equal(watch.sent(CONNECT), false);
  assert.equal(watch.sent(publish(0, 0)), false);
  assert.equal(watch.sent(publish(1, 7)), true);
  assert.equal(watch.answered(puback(6)), false);
  assert.equal(watch.answered(puback(7)), true);
});

test("packets are found however the network splits them", () => {
  const stream = Buffer.concat([CONNECT, publish(0, 0), publish(1, 300)]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: stream.length - 1 }), { maxLength: 8 }), (cuts) => {
      const watch = watchFor(0x10, always);
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
      for (let i = 1; i < edges.length - 1; i += 1) watch.sent(stream.subarray(edges[i - 1], edges[i]));
      assert.equal(watch.sent(stream.subarray(edges.at(-2))), true);
    }),
  );
});

test("nothing waits where no repeat is drawn", () => {
  const watch = watchFor(0x10, () => false);
  assert.equal(watch.sent(Buffer.concat([CONNECT, publish(1, 1)])), false);
  assert.equal(watch.answered(puback(1)), false);
});

test("a stream that is not MQTT is never repeated", () => {
  const watch = watchFor(0x47, always);
  assert.equal(watch.sent(Buffer.from("GET / HTTP/1.1\r\n\r\n")), false);
  assert.equal(watch.sent(publish(1, 1)), false);
});

function record(type: number, length: number): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 3, length >> 8, length & 255]), Buffer.alloc(length, 0x17)]);
}

test("under TLS a long record after the handshake counts as a PUBLISH, the next bytes as its answer", () => {
  const stream = Buffer.concat([
    record(0x16, 400),
    record(0x14, 1),
    ...Array.from({ length: 6 }, () => record(0x17, 500)),
    record(0x17, 24),
  ]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700 }), (step) => {
      const watch = watchFor(0x16, always);
      for (let at = 0; at < stream.length; at += step) assert.equal(watch.sent(stream.subarray(at, at + step)), false);
      assert.equal(watch.answered(Buffer.from([0x17])), false);
      assert.equal(watch.sent(record(0x17, 300).subarray(0, 304)), false);
      assert.equal(watch.sent(Buffer.from([0])), true);
      assert.equal(watch.answered(Buffer.from([0x17])), true);
    }),
  );
});
