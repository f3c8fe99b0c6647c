import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { Aedes } from "aedes";
import { connectAsync } from "mqtt";
import { ManualClock } from "./clock.ts";
import { type LinkConditions, linkConditions } from "./conditions.ts";
import { Link } from "./link.ts";
import { type Relay, type RelayOptions, startRelay } from "./relay.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
      }),
  );
  return (server.address() as AddressInfo).port;
}

async function relayTo(
  port: number,
  changes: Partial<LinkConditions>,
  options: Partial<RelayOptions> = {},
): Promise<{ relay: Relay; link: Link }> {
  const link = new Link(linkConditions("perfect", changes), "seed", "m-1");
  const upstream = { host: "127.0.0.1", port };
  const relay = await startRelay({ port: 0, upstream, linkFor: () => link, ...options });
  cleanups.push(() => relay.close());
  return { relay, link };
}

/** A server that keeps what it gets, and answers with it when the client has finished. */
async function collector(): Promise<{ port: number; received: Buffer[]; sockets: Socket[] }> {
  const received: Buffer[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => received.push(bytes));
    socket.on("end", () => socket.end(Buffer.concat(received)));
  });
  return { port: await listen(server), received, sockets };
}

function dial(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  cleanups.push(() => Promise.resolve(socket.destroy()));
  return socket;
}

async function client(port: number): Promise<Socket> {
  const socket = dial(port);
  await once(socket, "connect");
  return socket;
}

/** Unlike `once`, takes a reset for an end. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

test("passes megabytes both ways unchanged, half-closed connections included", async () => {
  const { port } = await collector();
  const { relay } = await relayTo(port, {});
  const sent = randomBytes(3_000_000);
  const socket = await client(relay.port);
  socket.end(sent);
  assert.ok((await readAll(socket)).equals(sent));
  assert.equal(relay.stats().bytesUp, sent.length);
  assert.equal(relay.stats().bytesDown, sent.length);
});

test("loss and jitter delay bytes but neither change nor reorder them", async () => {
  const { port } = await collector();
  const { relay } = await relayTo(port, { loss: 0.2, jitterMs: 2, retransmissionMs: 1, maxRetransmissions: 30 });
  const sent = randomBytes(200_000);
  const socket = await client(relay.port);
  socket.end(sent);
  assert.ok((await readAll(socket)).equals(sent));
  assert.ok(relay.stats().retransmissions > 20);
});

test("bytes arrive when the latency has passed, and not before", async () => {
  const clock = new ManualClock();
  const { port, received } = await collector();
  const { relay } = await relayTo(port, { latencyMs: 250 }, { clock });
  const socket = await client(relay.port);
  socket.write("late");
  await clock.pending(1);
  clock.advance(249);
  assert.equal(relay.stats().bytesUp, 0);
  clock.advance(1);
  assert.equal(relay.stats().bytesUp, 4);
  socket.end();
  // The answer is the end of what the client sent, under way for another 250 ms.
  await clock.pending(1);
  clock.advance(250);
  assert.equal((await readAll(socket)).toString(), "late");
  assert.equal(Buffer.concat(received).toString(), "late");
});

test("a segment lost too often in a row cuts the connection", async () => {
  const { port } = await collector();
  const { relay } = await relayTo(port, { loss: 1 });
  const socket = await client(relay.port);
  socket.write("never");
  await closed(socket);
  assert.equal(relay.stats().cuts.loss, 1);
  assert.equal(relay.stats().bytesUp, 0);
});

test("a cutting outage ends connections and refuses new ones until it is over", async () => {
  const clock = new ManualClock();
  const { port } = await collector();
  const { relay, link } = await relayTo(port, { outagesPerHour: 60, outageSeconds: 10, silentShare: 0 }, { clock });
  const socket = await client(relay.port);
  await clock.pending(1);
  while (link.state === "up") clock.advance(1000);
  await closed(socket);
  assert.equal(relay.stats().cuts.outage, 1);
  await closed(dial(relay.port));
  assert.equal(relay.stats().cuts.refused, 1);
  const states: string[] = [];
  link.onChange((state) => states.push(state));
  while (states.length === 0) clock.advance(1);
  assert.deepEqual(states, ["up"]);
  const back = await client(relay.port);
  back.end("hello");
  assert.equal((await readAll(back)).toString(), "hello");
});

test("in a silent outage bytes wait and arrive afterwards, in order", async () => {
  const clock = new ManualClock();
  const { port } = await collector();
  const { relay, link } = await relayTo(port, { outagesPerHour: 60, outageSeconds: 10, silentShare: 1 }, { clock });
  const states: string[] = [];
  link.onChange((state) => states.push(state));
  const socket = await client(relay.port);
  await clock.pending(1);
  while (link.state === "up") clock.advance(100);
  socket.end("waits");
  socket.resume();
  await once(socket, "finish");
  assert.equal(relay.stats().bytesUp, 0);
  while (states.at(-1) !== "up") clock.advance(100);
  link.stop();
  await closed(socket);
  assert.equal(relay.stats().bytesUp, 5);
  assert.equal(relay.stats().bytesDown, 5);
  assert.deepEqual(states, ["silent", "up"]);
});

test("an upstream that is not there ends the client's connection", async () => {
  const gone = createServer();
  const port = await listen(gone);
  gone.close();
  await once(gone, "close");
  const { relay } = await relayTo(port, {});
  await closed(dial(relay.port));
  assert.equal(relay.stats().open, 0);
});

test("a port that is taken is an error of the system", async () => {
  const { port } = await collector();
  await assert.rejects(relayTo(port, {}, { port }), { code: "EADDRINUSE" });
});

test("forces QoS 1 messages of a real client to be delivered to a real broker twice", async () => {
  const broker = await Aedes.createBroker();
  const server = createServer(broker.handle);
  const port = await listen(server);
  cleanups.push(
    () =>
      new Promise<void>((resolve) => {
        broker.close(() => {
          resolve();
        });
      }),
  );
  const arrived: string[] = [];
  broker.on("publish", (packet, from) => {
    if (from !== null) arrived.push(packet.payload.toString());
  });
  const { relay } = await relayTo(port, { duplicates: 0.4 });
  const publisher = await connectAsync(`mqtt://127.0.0.1:${relay.port}`, { reconnectPeriod: 1, protocolVersion: 4 });
  publisher.on("error", () => undefined);
  cleanups.push(() => publisher.endAsync(true));
  const expected = Array.from({ length: 30 }, (_, i) => `reading ${i}`);
  for (const message of expected) await publisher.publishAsync("wv/1/test", message, { qos: 1 });
  assert.deepEqual([...new Set(arrived)].sort(), [...expected].sort());
  const { duplicate } = relay.stats().cuts;
  assert.ok(duplicate >= 3, `${duplicate} forced`);
  assert.equal(arrived.length, expected.length + duplicate);
});
