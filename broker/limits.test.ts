/** Limits: what a hostile or broken client may use up, and that the others go on meanwhile. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectPlain } from "node:net";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { TLSSocket } from "node:tls";
import { createCertificateAuthority } from "../config/enrolment/certificates.ts";
import type { CertificateAuthority } from "../config/enrolment/certificates.ts";
import type { Config } from "../config/schema.ts";
import { assertLoopback } from "./listeners.ts";
import {
  aggregator,
  closed,
  connectPacket,
  lengthBytes,
  meter,
  openTestBed,
  publishPacket,
  utility,
} from "./test-bed.ts";
import type { TestBed } from "./test-bed.ts";

let ca: CertificateAuthority;
const beds: TestBed[] = [];
before(async () => {
  ca = await createCertificateAuthority(Date.now() / 1_000);
});
after(() => Promise.all(beds.map((bed) => bed.close())));

async function open(settings: Partial<Config["broker"]> = {}): Promise<TestBed> {
  const bed = await openTestBed({ ca, settings });
  beds.push(bed);
  return bed;
}

/** A raw connection that the broker has accepted. */
async function accepted(bed: TestBed, id: string, role: "meter" | "aggregator" | "utility"): Promise<TLSSocket> {
  const socket = await bed.raw(await bed.credentials(id, role));
  socket.write(connectPacket(id));
  const [connack] = (await once(socket, "data")) as [Buffer];
  assert.deepEqual([...connack], [0x20, 2, 0, 0]);
  return socket;
}

function subscribePacket(filter: string): Buffer {
  const name = Buffer.from(filter);
  return Buffer.concat([Buffer.from([0x82, name.length + 5, 0, 1, 0, name.length]), name, Buffer.from([1])]);
}

const MIB = 2 ** 20;

test("a CONNECT of 100 MB is refused by its header, and costs no memory", async () => {
  const bed = await open();
  const socket = await bed.raw(await bed.credentials("m-001", "meter"));
  const before = process.memoryUsage();
  socket.write(Buffer.from([0x10, ...lengthBytes(100 * MIB)]));
  const part = Buffer.alloc(MIB);
  const ended = closed(socket);
  const pump = (left: number): void => {
    if (socket.destroyed || left === 0) return;
    if (socket.write(part)) setImmediate(pump, left - 1);
    else socket.once("drain", () => pump(left - 1));
  };
  pump(100);
  await ended;
  await bed.refused("connect-too-large");
  const grown = process.memoryUsage().rss - before.rss;
  assert.ok(grown < 64 * MIB, `${grown} bytes`);
});

test("a CONNECT whose bytes trickle in is cut off after slowSeconds", async () => {
  const bed = await open({ slowSeconds: 0.3 });
  const socket = await bed.raw(await bed.credentials("m-001", "meter"));
  socket.resume();
  const ended = closed(socket);
  const bytes = connectPacket("m-001");
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 60);
  await ended;
  clearInterval(timer);
  assert.equal((await bed.refused("connect-timeout")).detail["client"], "m-001");
});

test("so is a WebSocket whose request trickles in, or a meter could hold all connections that there are", async () => {
  const bed = await open({ slowSeconds: 0.3 });
  const { key, certificate } = await bed.credentials("m-001", "meter");
  const port = bed.broker.ports.wss;
  const socket = connectTls({ key, cert: certificate, ca: ca.credentials.certificate, host: "127.0.0.1", port });
  socket.on("error", () => {});
  const ended = closed(socket);
  socket.write("GET / HTTP/1.1\r\nhost: ");
  let sent = 0;
  const timer = setInterval(() => {
    // Ten times as long as allowed.
    if (++sent < 50) socket.write("x");
    else socket.destroy();
  }, 60);
  await ended;
  clearInterval(timer);
  assert.ok(sent < 50, "it was not cut off");
  assert.equal((await bed.refused("connect-timeout")).detail["client"], "m-001");
});

test("a packet whose bytes trickle in is cut off after slowSeconds", async () => {
  const bed = await open({ slowSeconds: 0.3 });
  const socket = await accepted(bed, "m-001", "meter");
  const ended = closed(socket);
  const bytes = publishPacket("wv/1/m/m-001/share/1", Buffer.alloc(1_000), 1);
  let at = 0;
  const timer = setInterval(() => socket.write(bytes.subarray(at, ++at)), 60);
  await ended;
  clearInterval(timer);
  await bed.refused("slow-packet");
});

test("a connection that says nothing at all is cut off", async () => {
  const bed = await open({ slowSeconds: 0.3 });
  const socket = await bed.rawPublic();
  socket.resume();
  await closed(socket);
  await bed.refused("connect-timeout");
});

test("a client without keepalive is cut off when it is silent, one that breaks its keepalive as well", async () => {
  const bed = await open({ idleSeconds: 1, slowSeconds: 2 });
  const silent = await accepted(bed, "m-001", "meter");
  await closed(silent);
  await bed.refused("idle");
  const pinging = await bed.client(meter("m-002"), { keepalive: 1 });
  const lying = await bed.raw(await bed.credentials("m-003", "meter"));
  lying.resume();
  lying.write(connectPacket("m-003", { keepalive: 1 }));
  await closed(lying);
  assert.equal(pinging.connected, true);
});

test("a packet above the limit of its role is refused by its header", async () => {
  const bed = await open();
  const socket = await accepted(bed, "m-001", "meter");
  socket.resume();
  socket.write(Buffer.from([0x32, ...lengthBytes(70_000)]));
  await closed(socket);
  assert.equal((await bed.refused("packet-too-large")).detail["client"], "m-001");
});

test("more connections than allowed, in number or per second, are ended at once", async () => {
  const many = await open({ maxConnections: 2 });
  await Promise.all([many.rawPublic(), many.rawPublic()]);
  const third = await many.rawPublic();
  third.resume();
  await closed(third);
  await many.refused("too-many-connections");

  const fast = await open({ connectionsPerSecond: 2 });
  const sockets = await Promise.all([1, 2, 3].map(() => fast.rawPublic()));
  await Promise.any(
    sockets.map((socket) => {
      socket.resume();
      return closed(socket);
    }),
  );
  await fast.refused("connection-rate");
  // Those with a certificate have a limit of their own.
  await fast.client(meter("m-001"));
});

test("a client above its rate is held back, not cut, and all of its messages arrive", async () => {
  const bed = await open({ messagesPerSecond: 200 });
  const u = await bed.client(utility);
  await u.subscribeAsync("wv/1/m/m-001/status", { qos: 1 });
  let arrived = 0;
  const all = new Promise<void>((resolve) => u.on("message", () => ++arrived === 300 && resolve()));
  const begin = performance.now();
  const socket = await accepted(bed, "m-001", "meter");
  for (let i = 1; i <= 300; i++) socket.write(publishPacket("wv/1/m/m-001/status", Buffer.from("online"), i));
  await all;
  assert.ok(performance.now() - begin > 300, `${performance.now() - begin} ms`);
  assert.deepEqual(bed.refusals, []);
});

test("a client that never stops above its rate is cut off, and others are not slowed", async () => {
  const bed = await open({ messagesPerSecond: 20, idleSeconds: 1, slowSeconds: 1 });
  const other = await bed.client(meter("m-002"), { keepalive: 1 });
  const socket = await accepted(bed, "m-001", "meter");
  const flood = Buffer.concat(
    Array.from({ length: 2_000 }, (_, i) => publishPacket("wv/1/m/m-001/status", Buffer.from("online"), i + 1)),
  );
  const ended = closed(socket);
  const pump = (): void => {
    if (!socket.destroyed && socket.write(flood)) setImmediate(pump);
    else if (!socket.destroyed) socket.once("drain", pump);
  };
  pump();
  await other.publishAsync("wv/1/m/m-002/status", "online", { qos: 1 });
  await ended;
  assert.equal((await bed.refused("flooding")).detail["client"], "m-001");
  assert.equal(other.connected, true);
});

test("a stalled meter is cut off without holding back who sends to it", async () => {
  const bed = await open({ maxQueuedBytes: 2 ** 20, slowSeconds: 60 });
  const stalled = await accepted(bed, "m-001", "meter");
  stalled.write(subscribePacket("wv/1/a/+/ack/m-001"));
  await once(stalled, "data");
  stalled.pause();
  const a1 = await bed.client(aggregator(1));
  const payload = Buffer.alloc(60_000);
  const refused = bed.refused("slow-client");
  const isCut = (): boolean => bed.refusals.length > 0;
  for (let i = 0; i < 1_000 && !isCut(); i++) await a1.publishAsync("wv/1/a/1/ack/m-001", payload, { qos: 1 });
  assert.equal((await refused).detail["client"], "m-001");
  await a1.publishAsync("wv/1/a/1/status", "online", { qos: 1, retain: true });
});

test("a stalled server holds back its publishers, and is cut off when it does not catch up in slowSeconds", async () => {
  const bed = await open({ maxQueuedBytes: 8 * MIB, slowSeconds: 1 });
  const stalled = await accepted(bed, "a-1", "aggregator");
  stalled.write(subscribePacket("wv/1/m/+/share/1"));
  await once(stalled, "data");
  stalled.pause();
  const m = await bed.client(meter("m-001"));
  const payload = Buffer.alloc(60_000);
  let sent = 0;
  const publishing = (async () => {
    while (sent++ < 400) await m.publishAsync("wv/1/m/m-001/share/1", payload, { qos: 1 });
  })();
  assert.equal((await bed.refused("slow-client")).detail["client"], "a-1");
  assert.ok(bed.broker.counters.queuedBytesNow < 8 * MIB);
  await publishing;
  assert.equal(m.connected, true);
});

test("a server that stops acknowledging is held back at maxInFlight and goes on where it acknowledges again", async () => {
  const bed = await open({ maxInFlight: 10, slowSeconds: 60 });
  const a1 = await accepted(bed, "a-1", "aggregator");
  a1.write(subscribePacket("wv/1/m/+/share/1"));
  await once(a1, "data");
  let received = Buffer.alloc(0);
  a1.on("data", (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  const m = await accepted(bed, "m-001", "meter");
  const packet = (i: number): Buffer => publishPacket("wv/1/m/m-001/share/1", Buffer.from([i]), i);
  // One batch is under way when the limit is met; the next waits.
  for (let i = 1; i <= 10; i++) m.write(packet(i));
  while (bed.broker.counters.messagesSent < 10) await once(a1, "data");
  m.write(packet(11));
  const m2 = await bed.client(meter("m-002"));
  await m2.publishAsync("wv/1/m/m-002/status", "online", { qos: 1 });
  const size = 2 + 2 + "wv/1/m/m-001/share/1".length + 2 + 1;
  const acks = Array.from({ length: 10 }, (_, i) => {
    const at = i * size + size - 3;
    return Buffer.from([0x40, 2, received[at]!, received[at + 1]!]);
  });
  a1.write(Buffer.concat(acks));
  while (bed.broker.counters.messagesSent < 11) await once(a1, "data");
  assert.deepEqual(bed.refusals, []);
});

test("survives a stalled subscriber that drops while publishers have a long backlog", async () => {
  const bed = await open({ slowSeconds: 60 });
  const stalled = await accepted(bed, "a-1", "aggregator");
  stalled.write(subscribePacket("wv/1/m/+/share/1"));
  await once(stalled, "data");
  stalled.pause();
  const publishers = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      const id = `m-${String(i).padStart(3, "0")}`;
      const socket = await accepted(bed, id, "meter");
      socket.resume();
      const one = publishPacket(`wv/1/m/${id}/share/1`, Buffer.alloc(200), 1);
      return { socket, batch: Buffer.concat(Array.from({ length: 5_000 }, () => one)) };
    }),
  );
  for (const { socket, batch } of publishers) socket.write(batch);
  while (bed.broker.counters.messagesReceived < 20_000) await new Promise((resolve) => setImmediate(resolve));
  stalled.destroy();
  while (bed.broker.counters.messagesReceived < 100_000) await new Promise((resolve) => setImmediate(resolve));
  const m = await bed.client(meter("m-900"));
  await m.publishAsync("wv/1/m/m-900/status", "online", { qos: 1 });
  for (const { socket } of publishers) socket.destroy();
  assert.deepEqual(bed.failures, []);
});

test("the public listener binds to loopback only", async () => {
  for (const host of ["127.0.0.1", "127.8.8.8", "::1", "localhost"]) assertLoopback(host);
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.evil", "::ffff:10.0.0.1", ""]) {
    assert.throws(() => assertLoopback(host), RangeError, host);
  }
});

test("500 connections that say nothing, 500 that never begin TLS: all are ended, and a meter is served meanwhile", async () => {
  const bed = await open({ slowSeconds: 1, connectionsPerSecond: 50, maxConnections: 400 });
  const m = await bed.client(meter("m-001"));
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < 500; i++) {
    for (const port of [bed.broker.ports.public, bed.broker.ports.tls]) {
      const socket = connectPlain({ host: "127.0.0.1", port });
      socket.on("error", () => {});
      socket.resume();
      ended.push(closed(socket));
    }
  }
  for (let i = 0; i < 100; i++) await m.publishAsync("wv/1/m/m-001/status", "online", { qos: 1 });
  await Promise.all(ended);
  await m.publishAsync("wv/1/m/m-001/status", "online", { qos: 1 });
  assert.equal(m.connected, true);
  assert.equal(bed.broker.counters.connectionsNow, 1);
  assert.ok(bed.refusals.filter(({ code }) => code === "connection-rate").length >= 400, "beyond the rate, at once");
  assert.deepEqual(bed.failures, []);
});
