/** The second connection of a meter, for ciphertexts: what it may do, and that it may do nothing else. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import mqtt from "mqtt";
import type { MqttClient } from "mqtt";
import { connectLink } from "../config/runtime/link.ts";
import { BULK_SUFFIX, CHUNK_BYTES, filterOf, SMALL_UPDATE_BYTES, topicOf, TOPICS } from "../protocol/topics.ts";
import { aggregator, closed, connected, meter, nextMessage, openTestBed, utility } from "./test-bed.ts";
import type { TestBed } from "./test-bed.ts";

let bed: TestBed;
let analytics: MqttClient;
before(async () => {
  bed = await openTestBed();
  analytics = await bed.client({ id: "analytics", role: "analytics" });
  await analytics.subscribeAsync(filterOf("heCiphertext"), { qos: 1 });
});
after(() => bed.close());

const bulkOf = (id: string): Promise<MqttClient> => bed.client(meter(id), { clientId: `${id}${BULK_SUFFIX}` });
const chunk = Buffer.alloc(CHUNK_BYTES + 512, 7);

function reasons(client: string): readonly string[] {
  return bed.refusals.filter(({ detail }) => detail["client"] === client).map(({ code }) => code);
}

test("carries a whole chunk of a ciphertext to analytics, and its ack back, beside the first connection", async () => {
  const main = await bed.client(meter("m-001"));
  const bulk = await bulkOf("m-001");
  const ack = topicOf("heAck", { meter: "m-001" });
  await bulk.subscribeAsync(ack, { qos: 1 });
  const received = nextMessage(analytics);
  await bulk.publishAsync(topicOf("heCiphertext", { meter: "m-001", series: "load" }), chunk, { qos: 1 });
  assert.equal((await received).topic, "wv/1/m/m-001/he/load");
  const acked = nextMessage(bulk);
  await analytics.publishAsync(ack, "stored", { qos: 1 });
  assert.equal((await acked).text, "stored");
  assert.ok(main.connected && bulk.connected);
  await main.endAsync();
  await bulk.endAsync();
});

test("a link connects as the second connection by its suffix", async () => {
  const { key, certificate } = await bed.credentials("m-002", "meter");
  const party = { id: "m-002", tls: { key, cert: certificate, ca: bed.ca.credentials.certificate } };
  const link = await connectLink({
    party,
    host: "127.0.0.1",
    port: bed.broker.ports.tls,
    clientIdSuffix: BULK_SUFFIX,
    subscriptions: [topicOf("heAck", { meter: "m-002" })],
    onMessage: () => {},
    log: { info: () => {}, warn: () => {} },
  });
  await link.publish(topicOf("heCiphertext", { meter: "m-002", series: "load" }), "x");
  await link.close();
  assert.deepEqual(reasons("m-002"), []);
});

for (const [what, topic] of [
  ["a share", "wv/1/m/m-100/share/1"],
  ["a digest", "wv/1/m/m-100/digest/1"],
  ["a status", "wv/1/m/m-100/status"],
  ["another meter's ciphertext", "wv/1/m/m-999/he/load"],
  ["an ack", "wv/1/an/ack/m-100"],
  ["the share of its own name as a client", "wv/1/m/m-100.bulk/share/1"],
  ["its ciphertext under its client id", "wv/1/m/m-100.bulk/he/load"],
] as const) {
  test(`is cut off when it publishes ${what}`, async () => {
    const id = "m-100";
    const bulk = await bulkOf(id);
    const ended = closed(bulk);
    const before = reasons(id).length;
    bulk.publish(topic, "x", { qos: 1 });
    await ended;
    assert.deepEqual(reasons(id).slice(before), ["publish-denied"]);
  });
}

test("is granted its own acks and nothing else", async () => {
  const bulk = await bulkOf("m-003");
  for (const filter of [
    "wv/1/a/1/ack/m-003",
    "wv/1/a/+/ack/m-003",
    "wv/1/c/m-003/bill",
    "wv/1/a/1/status",
    "wv/1/an/ack/m-004",
    "wv/1/an/ack/+",
    "wv/1/an/ack/m-003.bulk",
    "wv/1/pub/#",
    "wv/1/pub/feeder/f-1/load",
    "wv/1/sim/clock",
    "wv/1/m/+/he/+",
    "$SYS/#",
    "#",
  ]) {
    await assert.rejects(bulk.subscribeAsync(filter, { qos: 1 }), `granted ${filter}`);
  }
  assert.equal(reasons("m-003").filter((code) => code === "subscribe-denied").length, 13);
  await bulk.subscribeAsync("wv/1/an/ack/m-003", { qos: 1 });
  await bulk.endAsync();
});

const update = (id: string): string => topicOf("update", { meter: id, round: "0f".repeat(16), agg: "1" });

test("updates of models go on either connection when they are small, and on the second only when they are large", async () => {
  const a1 = await bed.client(aggregator(1));
  await a1.subscribeAsync(filterOf("update", { agg: "1" }), { qos: 1 });
  const main = await bed.client(meter("m-004"));
  const bulk = await bulkOf("m-004");
  for (const [client, bytes] of [
    [main, SMALL_UPDATE_BYTES],
    [bulk, SMALL_UPDATE_BYTES],
    [bulk, TOPICS.update.maxBytes],
  ] as const) {
    const got = nextMessage(a1);
    await client.publishAsync(update("m-004"), Buffer.alloc(bytes, "u"), { qos: 1 });
    assert.equal((await got).text.length, bytes);
  }
  const ended = closed(main);
  main.publish(update("m-004"), Buffer.alloc(SMALL_UPDATE_BYTES + 1), { qos: 1 });
  await ended;
  assert.deepEqual(reasons("m-004"), ["payload-too-large"]);
  const other = closed(bulk);
  bulk.publish(update("m-005"), "u", { qos: 1 });
  await other;
  assert.deepEqual(reasons("m-004"), ["payload-too-large", "publish-denied"]);
  await a1.endAsync();
});

test("the first connection may send no ciphertext and gets no ack for one, so its packets stay small", async () => {
  const main = await bed.client(meter("m-004"));
  const before = reasons("m-004").length;
  await assert.rejects(main.subscribeAsync("wv/1/an/ack/m-004", { qos: 1 }));
  const ended = closed(main);
  main.publish("wv/1/m/m-004/he/load", chunk, { qos: 1 });
  await ended;
  assert.deepEqual(reasons("m-004").slice(before), ["subscribe-denied", "packet-too-large"]);
  const again = await bed.client(meter("m-004"));
  const cut = closed(again);
  again.publish("wv/1/m/m-004/he/load", "x", { qos: 1 });
  await cut;
  assert.equal(reasons("m-004").at(-1), "publish-denied");
});

test("takes over only from an older second connection of the same meter", async () => {
  const main = await bed.client(meter("m-005"));
  const neighbour = await bulkOf("m-006");
  const first = await bulkOf("m-005");
  const ended = closed(first);
  const second = await bulkOf("m-005");
  await ended;
  assert.ok(main.connected && neighbour.connected && second.connected);
  const mainEnded = closed(main);
  const newMain = await bed.client(meter("m-005"));
  await mainEnded;
  for (const client of [second, newMain]) assert.ok(client.connected);
  await Promise.all([newMain.endAsync(), second.endAsync(), neighbour.endAsync()]);
});

for (const [what, id, role, clientId] of [
  ["another meter's name", "m-007", "meter", "m-008.bulk"],
  ["another suffix", "m-007", "meter", "m-007.bulky"],
  ["the suffix twice", "m-007", "meter", "m-007.bulk.bulk"],
  ["a server's name", "a-1", "aggregator", "a-1.bulk"],
  ["the utility's name", "utility", "utility", "utility.bulk"],
] as const) {
  test(`nobody gets a second connection under ${what}`, async () => {
    const { key, certificate } = await bed.credentials(id, role);
    const client = mqtt.connect({
      protocol: "mqtts",
      host: "127.0.0.1",
      port: bed.broker.ports.tls,
      key,
      cert: certificate,
      ca: bed.ca.credentials.certificate,
      clientId,
      protocolVersion: 4,
      reconnectPeriod: 0,
    });
    await assert.rejects(connected(client), /Identifier rejected/);
    assert.equal(reasons(id).at(-1), "wrong-client-id");
  });
}

test("curious parties get no ciphertext, no digest of another, and no partial", async () => {
  const asking: readonly (readonly [MqttClient, readonly string[]])[] = [
    [await bed.client(utility), ["wv/1/m/+/he/+", "wv/1/m/+/digest/+", "wv/1/an/job/+/+", "wv/1/a/+/job/+/+"]],
    [await bed.client(aggregator(1)), ["wv/1/m/+/he/+", "wv/1/m/+/digest/2", "wv/1/a/+/partial/+", "wv/1/an/output/+"]],
    [analytics, ["wv/1/m/+/share/1", "wv/1/m/+/digest/+", "wv/1/a/+/partial/+", "wv/1/a/+/round/+/+", "wv/1/c/+/bill"]],
    [await bed.client(meter("m-009")), ["wv/1/m/m-010/he/load", "wv/1/an/#", "wv/1/an/job/+/1", "wv/1/u/job/+"]],
  ];
  for (const [client, filters] of asking) {
    for (const filter of filters) await assert.rejects(client.subscribeAsync(filter, { qos: 1 }), filter);
  }
});

test("a last will of the second connection must be one that it may publish", async () => {
  const will = { topic: "wv/1/m/m-011/status", payload: Buffer.from("offline"), qos: 1 as const, retain: true };
  await assert.rejects(bed.client(meter("m-011"), { clientId: "m-011.bulk", will }), /Not authorized/);
  assert.deepEqual(reasons("m-011"), ["will-denied"]);
});
