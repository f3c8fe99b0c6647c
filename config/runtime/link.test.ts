/** The link against a real Aedes broker over mutual TLS. */
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, before, test } from "node:test";
import type { TestContext } from "node:test";
import { configSchema } from "../schema.ts";
import type { Config } from "../schema.ts";
import { connectLink } from "./link.ts";
import type { Link, LinkError, LinkOptions } from "./link.ts";
import { startTestBroker } from "./testing/broker.ts";
import type { TestBroker } from "./testing/broker.ts";
import { TestAuthority } from "./testing/certificates.ts";
import type { TestTls } from "./testing/certificates.ts";

const SILENT = { info: () => {}, warn: () => {} };
const SETTINGS: Config["link"] = { ...configSchema.parse({}).link, retryMinSeconds: 0.01, retryMaxSeconds: 0.02 };

let authority: TestAuthority;
let brokerTls: TestTls;
let meterTls: TestTls;
let aggregatorTls: TestTls;

before(async () => {
  authority = await TestAuthority.create();
  brokerTls = await authority.issue("broker", "broker");
  meterTls = await authority.issue("m-001", "meter");
  aggregatorTls = await authority.issue("a-1", "aggregator");
});

const brokers: TestBroker[] = [];
after(async () => {
  for (const broker of brokers) await broker.close();
});

async function newBroker(keys: TestTls | "plain" = brokerTls): Promise<TestBroker> {
  const broker = await startTestBroker(keys === "plain" ? undefined : keys);
  brokers.push(broker);
  return broker;
}

interface Received {
  readonly topic: string;
  readonly text: string;
}

/** A queue that tests wait on without polling. */
function inbox(): { push: (topic: string, payload: Uint8Array) => void; next: () => Promise<Received> } {
  const messages: Received[] = [];
  const waiting: ((message: Received) => void)[] = [];
  return {
    push: (topic, payload) => {
      const message = { topic, text: Buffer.from(payload).toString() };
      const waiter = waiting.shift();
      if (waiter) waiter(message);
      else messages.push(message);
    },
    next: () => {
      const message = messages.shift();
      return message ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve));
    },
  };
}

async function connect(t: TestContext, broker: TestBroker, options: Partial<LinkOptions> = {}): Promise<Link> {
  const link = await connectLink({
    party: { id: "m-001", tls: meterTls },
    host: "127.0.0.1",
    port: broker.port,
    subscriptions: [],
    onMessage: () => {},
    log: SILENT,
    settings: SETTINGS,
    ...options,
  });
  t.after(() => link.close());
  return link;
}

test("carries a message from one party to another over mutual TLS", async (t) => {
  const broker = await newBroker();
  const received = inbox();
  const party = { id: "a-1", tls: aggregatorTls };
  await connect(t, broker, { party, subscriptions: ["wv/1/m/+/share/1"], onMessage: received.push });
  const meter = await connect(t, broker);
  await meter.publish("wv/1/m/m-001/share/1", Buffer.from("sealed"));
  assert.deepEqual(await received.next(), { topic: "wv/1/m/m-001/share/1", text: "sealed" });
  assert.equal(meter.inFlight, 0);
});

test("reconnects and subscribes again after the broker broke off, and calls onConnect each time", async (t) => {
  const broker = await newBroker();
  const received = inbox();
  const connects = inbox();
  const options = { subscriptions: ["x/y"], onMessage: received.push };
  const link = await connect(t, broker, { ...options, onConnect: () => connects.push("connected", Buffer.alloc(0)) });
  await connects.next();
  broker.dropAll();
  await connects.next();
  await link.publish("x/y", "after");
  assert.equal((await received.next()).text, "after");
});

test("keeps filters that were added later across a reconnection", async (t) => {
  const broker = await newBroker();
  const received = inbox();
  const connects = inbox();
  const link = await connect(t, broker, {
    onMessage: received.push,
    onConnect: () => connects.push("connected", Buffer.alloc(0)),
  });
  await connects.next();
  await link.subscribe(["late/+"]);
  broker.dropAll();
  await connects.next();
  await link.publish("late/1", "still there");
  assert.equal((await received.next()).topic, "late/1");
});

test("waits for a broker that is not there yet", async (t) => {
  const broker = await newBroker();
  await broker.stop();
  const warned = inbox();
  const log = { info: () => {}, warn: (_: unknown, message: string) => warned.push(message, Buffer.alloc(0)) };
  const connecting = connect(t, broker, { log });
  assert.match((await warned.next()).topic, /cannot be reached/);
  await broker.start();
  assert.equal((await connecting).connected, true);
});

test("goes on with the next node when one is not there, or ends", async (t) => {
  const [missing, first, second] = [await newBroker(), await newBroker(), await newBroker()];
  await missing.stop();
  const connections = inbox();
  const others = [first, second].map(({ port }) => ({ host: "127.0.0.1", port }));
  const log = {
    info: ({ broker }: { broker?: unknown }) => connections.push(String(broker), Buffer.alloc(0)),
    warn: () => {},
  };
  // By chance it begins with the one that is not there.
  await connect(t, missing, { others, random: () => 0, log });
  assert.equal((await connections.next()).topic, `127.0.0.1:${first.port}`);
  await first.stop();
  assert.equal((await connections.next()).topic, `127.0.0.1:${second.port}`);
});

test("begins with any of the nodes, by chance", async (t) => {
  const nodes = [await newBroker(), await newBroker()];
  const others = nodes.slice(1).map(({ port }) => ({ host: "127.0.0.1", port }));
  await connect(t, nodes[0]!, { others, random: () => 0.99 });
  assert.deepEqual(
    nodes.map(({ aedes }) => aedes.connectedClients),
    [0, 1],
  );
});

test("rejects what is published while it is down, and says so", async (t) => {
  const broker = await newBroker();
  const down = inbox();
  const link = await connect(t, broker, { onDisconnect: (reason) => down.push(reason.code, Buffer.alloc(0)) });
  await broker.stop();
  await down.next();
  assert.equal(link.connected, false);
  await assert.rejects(link.publish("x", "y"), (error: LinkError) => error.code === "offline");
});

test("reports as lost what the broker had not acknowledged, and does not send it again", async (t) => {
  const broker = await newBroker();
  const publishes: string[] = [];
  broker.aedes.authorizePublish = (_client, packet, _callback) => {
    publishes.push(packet.topic);
    broker.dropAll(); // never acknowledged
  };
  const connects = inbox();
  const link = await connect(t, broker, { onConnect: () => connects.push("connected", Buffer.alloc(0)) });
  await connects.next();
  await assert.rejects(link.publish("lost/1", "x"), (error: LinkError) => error.code === "lost");
  broker.aedes.authorizePublish = (_client, packet, callback) => {
    publishes.push(packet.topic);
    callback(null);
  };
  await connects.next();
  await link.publish("fresh/1", "x");
  assert.deepEqual(publishes, ["lost/1", "fresh/1"]);
});

test("goes on with the next node when one takes messages and acknowledges none", async (t) => {
  const [deaf, sound] = [await newBroker(), await newBroker()];
  deaf.aedes.authorizePublish = () => {}; // pings are answered, and nothing else
  const connections = inbox();
  const log = {
    info: ({ broker }: { broker?: unknown }) => connections.push(String(broker), Buffer.alloc(0)),
    warn: () => {},
  };
  const others = [{ host: "127.0.0.1", port: sound.port }];
  const settings = { ...SETTINGS, ackSeconds: 0.1 };
  const link = await connect(t, deaf, { others, random: () => 0, log, settings });
  assert.equal((await connections.next()).topic, `127.0.0.1:${deaf.port}`);
  await assert.rejects(link.publish("x", "y"), { code: "lost", message: /acknowledged nothing for 0\.1 s/ });
  assert.equal((await connections.next()).topic, `127.0.0.1:${sound.port}`);
  await link.publish("x", "y");
});

test("goes on with the next node when one takes a connection and grants it no subscription", async (t) => {
  const [deaf, sound] = [await newBroker(), await newBroker()];
  deaf.aedes.authorizeSubscribe = () => {};
  const warned = inbox();
  const log = { info: () => {}, warn: (_: unknown, text: string) => warned.push(text, Buffer.alloc(0)) };
  const others = [{ host: "127.0.0.1", port: sound.port }];
  const settings = { ...SETTINGS, ackSeconds: 0.1 };
  const link = await connect(t, deaf, { others, random: () => 0, log, settings, subscriptions: ["x/+"] });
  assert.match((await warned.next()).topic, new RegExp(`:${deaf.port} acknowledged nothing for 0\\.1 s`));
  assert.equal(sound.aedes.connectedClients, 1);
  await link.publish("x/1", "y");
});

test("goes on with the next node of a cluster when what it awaits does not come, and stays where it does", async (t) => {
  const [deaf, sound] = [await newBroker(), await newBroker()];
  const warned = inbox();
  const log = { info: () => {}, warn: (_: unknown, text: string) => warned.push(text, Buffer.alloc(0)) };
  const connections = inbox();
  const link = await connect(t, deaf, {
    others: [{ host: "127.0.0.1", port: sound.port }],
    random: () => 0,
    log,
    settings: { ...SETTINGS, deafSeconds: 0.1 },
    onConnect: () => connections.push("connected", Buffer.alloc(0)),
  });
  await connections.next();
  const timer = setInterval(() => link.noteWaiting(() => sound.aedes.connectedClients === 0), 10);
  t.after(() => clearInterval(timer));
  await connections.next();
  assert.match((await warned.next()).topic, new RegExp(`:${deaf.port}: what is awaited does not come .* next node`));
  assert.deepEqual(
    [deaf, sound].map(({ aedes }) => aedes.connectedClients),
    [0, 1],
  );
});

test("goes on with the next node of a cluster when nothing comes of what should", async (t) => {
  const [deaf, sound] = [await newBroker(), await newBroker()];
  const connections = inbox();
  const clock = { cmd: "publish", topic: "x/clock", payload: "now", qos: 0, retain: false, dup: false } as const;
  const talk = setInterval(() => deaf.aedes.publish(clock, () => {}), 10);
  t.after(() => clearInterval(talk));
  await connect(t, deaf, {
    subscriptions: ["x/#"],
    others: [{ host: "127.0.0.1", port: sound.port }],
    random: () => 0,
    settings: { ...SETTINGS, deafSeconds: 0.1 },
    expectsMessages: "x/m/",
    onConnect: () => connections.push("connected", Buffer.alloc(0)),
  });
  await connections.next();
  await connections.next();
  assert.equal(sound.aedes.connectedClients, 1);
});

test("does not give up a broker that is slow with each acknowledgement, but goes on", async (t) => {
  const broker = await newBroker();
  const waiting: (() => void)[] = [];
  broker.aedes.authorizePublish = (_client, _packet, callback) => waiting.push(() => callback(null));
  const settings = { ...SETTINGS, ackSeconds: 0.4 };
  const link = await connect(t, broker, { settings });
  const published = Promise.all(Array.from({ length: 12 }, (_, i) => link.publish(`x/${i}`, "y")));
  const timer = setInterval(() => waiting.shift()?.(), 100); // for three times as long as it may be silent
  t.after(() => clearInterval(timer));
  await published;
});

for (const deliveryQos of [0, 1] as const) {
  test(`subscribes with QoS ${deliveryQos} when told so`, async (t) => {
    const broker = await newBroker();
    const granted = new Promise((resolve) => {
      broker.aedes.on("subscribe", (subscriptions) => resolve(subscriptions.map(({ qos }) => qos)));
    });
    await connect(t, broker, { subscriptions: ["x/+"], deliveryQos });
    assert.deepEqual(await granted, [deliveryQos]);
  });
}

test("refuses a party of our own authority that plays the broker", async (t) => {
  const impostor = await newBroker(aggregatorTls);
  await assert.rejects(connect(t, impostor), (error: LinkError) => {
    return error.code === "untrusted" && error.message.includes("aggregator");
  });
});

test("refuses a broker of another authority", async (t) => {
  const stranger = await newBroker(await (await TestAuthority.create()).issue("broker", "broker"));
  await assert.rejects(connect(t, stranger), (error: LinkError) => error.code === "untrusted");
});

test("gives up when the broker refuses the party", async (t) => {
  const broker = await newBroker();
  broker.aedes.authenticate = (_client, _user, _password, callback) => {
    callback(Object.assign(new Error("no"), { returnCode: 5 }), false);
  };
  await assert.rejects(connect(t, broker), (error: LinkError) => error.code === "refused");
});

test("gives up when the broker refuses a subscription", async (t) => {
  const broker = await newBroker();
  broker.aedes.authorizeSubscribe = (_client, _subscription, callback) => callback(null, null);
  await assert.rejects(connect(t, broker, { subscriptions: ["secret"] }), (error: LinkError) => {
    return error.code === "subscription" && error.message.includes("secret");
  });
});

test("stops trying when the signal aborts", async (t) => {
  const broker = await newBroker();
  await broker.stop();
  const controller = new AbortController();
  const connecting = connect(t, broker, { signal: controller.signal });
  controller.abort();
  await assert.rejects(connecting, (error: LinkError) => error.code === "closed");
});

/** Counts the writes that reach the system, whatever is gathered above. */
function countWrites(socket: net.Socket): () => number {
  let writes = 0;
  const stream = socket as unknown as Record<"_write" | "_writev", (...rest: unknown[]) => void>;
  for (const name of ["_write", "_writev"] as const) {
    const original = stream[name];
    stream[name] = (...rest) => {
      writes++;
      original.apply(socket, rest);
    };
  }
  return () => writes;
}

test("sends a hundred publishes of one turn in few writes", async (t) => {
  const broker = await newBroker("plain");
  const socket = net.connect(broker.port, "127.0.0.1").setNoDelay(true);
  const link = await connect(t, broker, { openStream: () => socket });
  const writes = countWrites(socket);
  await Promise.all(Array.from({ length: 100 }, (_, i) => link.publish(`x/${i}`, Buffer.alloc(60))));
  assert.ok(writes() <= 3, `${writes()} writes`);
});

test("gathers what it is told to wait for in one write, and waits no longer", async (t) => {
  const broker = await newBroker("plain");
  const socket = net.connect(broker.port, "127.0.0.1").setNoDelay(true);
  const settings = { ...SETTINGS, gatherMilliseconds: 100 };
  const link = await connect(t, broker, { openStream: () => socket, settings });
  const writes = countWrites(socket);
  const published: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) {
    published.push(link.publish(`x/${i}`, Buffer.alloc(60)));
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(writes(), 0);
  await Promise.all(published);
  assert.ok(writes() <= 2, `${writes()} writes`);
});

test("acknowledges a batch of received messages in few writes", async (t) => {
  const broker = await newBroker("plain");
  let got = 0;
  let finish: () => void;
  const complete = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const socket = net.connect(broker.port, "127.0.0.1").setNoDelay(true);
  const link = await connect(t, broker, {
    subscriptions: ["x/+"],
    onMessage: () => {
      if (++got === 200) finish();
    },
    openStream: () => socket,
  });
  const writes = countWrites(socket);
  await Promise.all(Array.from({ length: 200 }, (_, i) => link.publish(`x/${i}`, Buffer.alloc(60))));
  await complete;
  assert.ok(writes() <= 60, `${writes()} writes for 200 publishes and 200 acknowledgements`);
});

test("holds the broker back while too many handlers are at work, and goes on when they are done", async (t) => {
  const broker = await newBroker();
  const open: (() => void)[] = [];
  const started = inbox();
  await connect(t, broker, {
    party: { id: "a-1", tls: aggregatorTls },
    subscriptions: ["x/+"],
    settings: { ...SETTINGS, maxPending: 3 },
    onMessage: (topic, payload) => {
      started.push(topic, payload);
      return new Promise<void>((resolve) => open.push(resolve));
    },
  });
  const sender = await connect(t, broker);
  await Promise.all(Array.from({ length: 10 }, (_, i) => sender.publish(`x/${i}`, "m")));
  for (let i = 0; i < 3; i++) await started.next();
  await sender.publish("other", "by now a fourth would have arrived");
  assert.equal(open.length, 3);
  for (let i = 3; i < 10; i++) {
    open.shift()?.();
    assert.equal((await started.next()).topic, `x/${i}`);
  }
});

test("gives a handler's error to onFailure and goes on", async (t) => {
  const broker = await newBroker();
  const failures = inbox();
  const link = await connect(t, broker, {
    subscriptions: ["x/+"],
    onMessage: (topic) => {
      if (topic === "x/sync") throw new Error("sync");
      return Promise.reject(new Error("async"));
    },
    onFailure: (error) => failures.push((error as Error).message, Buffer.alloc(0)),
  });
  await link.publish("x/sync", "");
  assert.equal((await failures.next()).topic, "sync");
  await link.publish("x/async", "");
  assert.equal((await failures.next()).topic, "async");
});

test("refuses more than maxInFlight messages at a time", async (t) => {
  const broker = await newBroker();
  const link = await connect(t, broker, { settings: { ...SETTINGS, maxInFlight: 2 } });
  const results = await Promise.allSettled(["a", "b", "c"].map((topic) => link.publish(topic, "x")));
  assert.deepEqual(
    results.map((result) => (result.status === "fulfilled" ? "sent" : (result.reason as LinkError).code)),
    ["sent", "sent", "full"],
  );
});

test("publishes its will when it vanishes, and not when it closes", async (t) => {
  const broker = await newBroker("plain");
  const sockets: net.Socket[] = [];
  const openStream = (): net.Socket => {
    const socket = net.connect(broker.port, "127.0.0.1");
    sockets.push(socket);
    return socket;
  };
  const watcher = inbox();
  const party = { id: "a-1", tls: aggregatorTls };
  await connect(t, broker, { party, subscriptions: ["status/+"], onMessage: watcher.push, openStream });
  const closing = await connect(t, broker, { will: { topic: "status/closed", payload: "offline" }, openStream });
  const left = once(broker.aedes, "clientDisconnect");
  await closing.close();
  await left;
  await connect(t, broker, { will: { topic: "status/vanished", payload: "offline" }, openStream });
  sockets.at(-1)?.destroy();
  assert.deepEqual(await watcher.next(), { topic: "status/vanished", text: "offline" });
});

test("waits for what is in flight when it is closed, and rejects what comes after", async (t) => {
  const broker = await newBroker();
  const link = await connect(t, broker);
  const last = link.publish("x/last", "x");
  await link.close();
  await last;
  await assert.rejects(link.publish("x/after", "x"), (error: LinkError) => error.code === "closed");
});

test("closes in bounded time when the broker never acknowledges", async (t) => {
  const broker = await newBroker();
  broker.aedes.authorizePublish = () => {};
  const link = await connect(t, broker, { settings: { ...SETTINGS, closeSeconds: 0.05 } });
  const unanswered = assert.rejects(link.publish("x", "x"), (error: LinkError) => error.code === "closed");
  await link.close();
  await unanswered;
});

test("one of two processes with the same keys gives up, and the other one keeps the place", async (t) => {
  const broker = await newBroker();
  const settings = { ...SETTINGS, retryMaxSeconds: 5, takeovers: 3 };
  const failures = inbox();
  const connects = { first: inbox(), second: inbox() };
  const start = (name: "first" | "second"): Promise<Link> =>
    connect(t, broker, {
      settings,
      alone: true,
      onConnect: () => connects[name].push("connected", Buffer.alloc(0)),
      onFailure: (error) => failures.push(name, Buffer.from((error as LinkError).message)),
    });
  const links = { first: await start("first"), second: await start("second") };
  const { topic: loser, text } = await failures.next();
  assert.match(text, /^another process runs with the keys of m-001 .*3 connections in a row.*stop one of the two$/);
  const [gone, stays] = loser === "first" ? (["first", "second"] as const) : (["second", "first"] as const);
  await assert.rejects(links[gone].publish("x/y", "late"), { code: "closed" });
  while (!links[stays].connected) await connects[stays].next();
  await links[stays].publish("x/y", "still here");
});

test("a party that need not be alone never gives up", async (t) => {
  const broker = await newBroker();
  const settings = { ...SETTINGS, takeovers: 2 };
  const connects = inbox();
  await connect(t, broker, { settings, onConnect: () => connects.push("connected", Buffer.alloc(0)) });
  for (let times = 0; times < 4; times++) {
    await connects.next();
    broker.dropAll();
  }
  await connects.next();
});
