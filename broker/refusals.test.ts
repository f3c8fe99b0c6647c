/** Every rule has a client that breaks it: what it gets, what is counted, and that nobody else gets anything. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { after, before, test } from "node:test";
import mqtt from "mqtt";
import { createCertificateAuthority, openCertificateAuthority } from "../config/enrolment/certificates.ts";
import {
  aggregator,
  closed,
  connected,
  connectPacket,
  meter,
  nextMessage,
  openTestBed,
  publishPacket,
  utility,
} from "./test-bed.ts";
import type { Refusal, TestBed } from "./test-bed.ts";
import type { ClientIdentity } from "../protocol/topics.ts";

let bed: TestBed;
before(async () => {
  bed = await openTestBed();
});
after(() => bed.close());

/** The refusals of one client, or with a reason of its own. */
function of(client: string): readonly string[] {
  return bed.refusals.filter(({ detail }) => detail["client"] === client).map(({ code }) => code);
}

async function refusedTls(own: { key: string; certificate: string } | undefined): Promise<void> {
  const identity = own === undefined ? {} : { key: own.key, cert: own.certificate };
  const ca = bed.ca.credentials.certificate;
  const socket = connectTls({ ...identity, ca, host: "127.0.0.1", port: bed.broker.ports.tls });
  socket.on("error", () => {});
  let received = 0;
  socket.on("data", (chunk: Buffer) => (received += chunk.length));
  socket.write(connectPacket("m-001"));
  await closed(socket);
  assert.equal(received, 0);
}

function certificateReasons(): unknown[] {
  return bed.refusals.filter(({ code }) => code === "certificate").map(({ detail }) => detail["reason"]);
}

test("refuses a client without a certificate", async () => {
  await refusedTls(undefined);
  assert.ok(certificateReasons().includes("none given"));
});

test("refuses a certificate of another authority", async () => {
  const other = await createCertificateAuthority(Date.now() / 1_000);
  await refusedTls(await other.issue("m-001", "meter"));
  assert.ok(certificateReasons().some((reason) => /UNABLE_TO|SELF_SIGNED|SIGNATURE/.test(String(reason))));
});

test("refuses an expired certificate", async () => {
  const thirtyYears = 30 * 365 * 86_400;
  const { certificate, key } = bed.ca.credentials;
  // The authority's own certificate is valid; the client's ran out years ago.
  const past = await openCertificateAuthority(certificate, createPrivateKey(key), Date.now() / 1_000 - thirtyYears);
  await refusedTls(await past.issue("m-001", "meter"));
  assert.ok(certificateReasons().includes("CERT_HAS_EXPIRED"));
});

test("refuses certificates that name no party that connects", async () => {
  const before = bed.refusals.filter(({ code }) => code === "identity").length;
  await refusedTls(await bed.ca.issue("utility", "meter")); // a meter that calls itself a server
  await refusedTls(await bed.ca.issue("m-001", "utility"));
  await refusedTls(await bed.ca.issue("a-8", "aggregator"));
  await refusedTls(await bed.ca.issue("M 1", "meter"));
  await refusedTls(await bed.ca.issue("public", "public"));
  assert.equal(bed.refusals.filter(({ code }) => code === "identity").length, before + 5);
});

test("refuses a client id that is not the certificate's name, and no other client notices", async () => {
  const honest = await bed.client(meter("m-010"));
  const { key, certificate } = await bed.credentials("m-011", "meter");
  const thief = mqtt.connect({
    protocol: "mqtts",
    host: "127.0.0.1",
    port: bed.broker.ports.tls,
    key,
    cert: certificate,
    ca: bed.ca.credentials.certificate,
    clientId: "m-010",
    protocolVersion: 4,
    reconnectPeriod: 0,
  });
  await assert.rejects(connected(thief), /Identifier rejected/);
  assert.deepEqual(of("m-011"), ["wrong-client-id"]);
  await honest.publishAsync("wv/1/m/m-010/status", "online", { qos: 1 });
  assert.equal(honest.connected, true);
  await honest.endAsync();
});

test("an aggregator's workers connect beside each other, each under a name that nobody else gets", async () => {
  const [first, second] = [
    await bed.client(aggregator(1), { clientId: "a-1.w1" }),
    await bed.client(aggregator(1), { clientId: "a-1.w32" }),
  ];
  await first.subscribeAsync("wv/1/m/+/share/1", { qos: 1 });
  await second.publishAsync("wv/1/a/1/status", "online", { qos: 1 });
  const thieves: [ClientIdentity, string][] = [
    [aggregator(2), "a-1.w1"],
    [aggregator(1), "a-1.w0"],
    [aggregator(1), "a-1.w33"],
    [aggregator(1), "a-1.w1.w1"],
    [aggregator(1), "a-2.w1"],
    [meter("m-011"), "m-011.w1"],
    [{ id: "utility", role: "utility" }, "utility.w1"],
  ];
  for (const [identity, clientId] of thieves) {
    await assert.rejects(bed.client(identity, { clientId }), /Identifier rejected/, clientId);
    assert.equal(of(identity.id).at(-1), "wrong-client-id", clientId);
  }
  assert.equal(first.connected && second.connected, true);
  await first.endAsync();
  await second.endAsync();
});

test("a second connection of the same certificate takes over from the first", async () => {
  const first = await bed.client(meter("m-012"));
  const ended = closed(first);
  const second = await bed.client(meter("m-012"));
  await ended;
  await second.publishAsync("wv/1/m/m-012/status", "online", { qos: 1 });
  await second.endAsync();
});

for (const [what, topic] of [
  ["another meter's share topic", "wv/1/m/m-999/share/1"],
  ["an aggregator's ack topic", "wv/1/a/1/ack/m-020"],
  ["a topic outside the table", "wv/1/else"],
  ["$SYS", "$SYS/broker/messages/received"],
  ["the roll", "wv/1/e/roll"],
  ["the clock", "wv/1/sim/clock"],
] as const) {
  test(`cuts off a meter that publishes to ${what}`, async () => {
    const id = `m-p${topic.length}`;
    const a1 = await bed.client(aggregator(1));
    let got = 0;
    a1.on("message", (_topic, _payload, { retain }) => {
      if (!retain) got++;
    });
    await a1.subscribeAsync(["wv/1/m/+/share/1", "wv/1/e/roll", "wv/1/sim/clock", "$SYS/broker/messages/received"]);
    const m = await bed.client(meter(id));
    const ended = closed(m);
    m.publish(topic, "x", { qos: 1 }, () => {});
    await ended;
    assert.deepEqual(of(id), ["publish-denied"]);
    assert.equal(got, 0);
    await a1.endAsync();
  });
}

test("refuses wildcards over others, $SYS and other meters' topics to a meter", async () => {
  const m = await bed.client(meter("m-030"));
  const filters = [
    "#",
    "+/+/#",
    "$SYS/#",
    "$SYS/broker/#",
    "wv/1/a/1/ack/m-001",
    "wv/1/a/+/ack/+",
    "wv/1/c/m-001/bill",
  ];
  for (const filter of filters) await assert.rejects(m.subscribeAsync(filter, { qos: 1 }), filter);
  assert.deepEqual(
    of("m-030"),
    filters.map(() => "subscribe-denied"),
  );
  assert.equal(m.connected, true);
  await m.endAsync();
});

test("a SUBSCRIBE with an allowed and a denied filter grants the allowed one only, also after a persistent session", async () => {
  const persistent = { clean: false } as const;
  const m = await bed.client(meter("m-031"), persistent);
  const filters = ["wv/1/a/+/ack/m-031", "wv/1/a/+/ack/m-032"];
  await assert.rejects(m.subscribeAsync(filters, { qos: 1 }));
  await m.endAsync();

  const a1 = await bed.client(aggregator(1));
  await a1.publishAsync("wv/1/a/1/ack/m-032", "not yours, while away", { qos: 1 });
  const again = await bed.client(meter("m-031"), { ...persistent, resubscribe: false });
  const got: string[] = [];
  again.on("message", (topic) => got.push(topic));
  await again.subscribeAsync("wv/1/a/+/ack/m-031", { qos: 1 });
  const own = nextMessage(again);
  await a1.publishAsync("wv/1/a/1/ack/m-032", "not yours", { qos: 1 });
  await a1.publishAsync("wv/1/a/1/ack/m-031", "yours", { qos: 1 });
  assert.equal((await own).text, "yours");
  assert.deepEqual(got, ["wv/1/a/1/ack/m-031"]);
  await Promise.all([again.endAsync(), a1.endAsync()]);
});

test("refuses wills that the client could not publish, with return code 5", async () => {
  const wills: readonly mqtt.IClientOptions["will"][] = [
    { topic: "wv/1/m/m-999/status", payload: Buffer.from("offline"), qos: 1, retain: true },
    { topic: "wv/1/m/m-040/share/1", payload: Buffer.from("x"), qos: 1, retain: true },
    { topic: "wv/1/m/m-040/status", payload: Buffer.alloc(513), qos: 1, retain: true },
    { topic: "wv/1/m/m-040/status", payload: Buffer.from("x"), qos: 2, retain: true },
    { topic: "wv/1/pub/alert/x", payload: Buffer.from("x"), qos: 0 },
  ];
  for (const will of wills) {
    await assert.rejects(bed.client(meter("m-040"), { will: will! }), /Not authorized/);
  }
  assert.deepEqual(
    of("m-040"),
    wills.map(() => "will-denied"),
  );
});

test("publishes an allowed will when its client vanishes, retained", async () => {
  const u = await bed.client(utility);
  await u.subscribeAsync("wv/1/m/m-041/status", { qos: 1 });
  const will = { topic: "wv/1/m/m-041/status", payload: Buffer.from("offline"), qos: 1, retain: true } as const;
  const m = await bed.client(meter("m-041"), { will });
  const seen = nextMessage(u);
  m.stream.destroy();
  assert.equal((await seen).text, "offline");
  await u.unsubscribeAsync("wv/1/m/m-041/status");
  const later = nextMessage(u);
  await u.subscribeAsync("wv/1/m/m-041/status", { qos: 1 });
  const { text, packet } = await later;
  assert.deepEqual([text, packet.retain], ["offline", true]);
  await u.endAsync();
});

test("refuses the retain flag where the table has none, and lets only the owner clear what is retained", async () => {
  const m = await bed.client(meter("m-050"));
  const ended = closed(m);
  m.publish("wv/1/m/m-050/share/1", "x", { qos: 1, retain: true }, () => {});
  await ended;
  assert.deepEqual(of("m-050"), ["retain-denied"]);

  const owner = await bed.client(meter("m-051"));
  await owner.publishAsync("wv/1/m/m-051/status", "online", { qos: 1, retain: true });
  const other = await bed.client(meter("m-052"));
  const cut = closed(other);
  other.publish("wv/1/m/m-051/status", "", { qos: 1, retain: true }, () => {});
  await cut;
  const u = await bed.client(utility);
  const kept = nextMessage(u);
  await u.subscribeAsync("wv/1/m/m-051/status", { qos: 1 });
  assert.equal((await kept).text, "online");
  const retained = bed.broker.counters.retainedNow;
  await owner.publishAsync("wv/1/m/m-051/status", "", { qos: 1, retain: true });
  assert.equal(bed.broker.counters.retainedNow, retained - 1);
  await Promise.all([owner.endAsync(), u.endAsync()]);
});

test("refuses a payload that is too large for its topic", async () => {
  const m = await bed.client(meter("m-060"));
  const ended = closed(m);
  m.publish("wv/1/m/m-060/status", Buffer.alloc(513), { qos: 1 }, () => {});
  await ended;
  assert.deepEqual(of("m-060"), ["payload-too-large"]);
});

test("refuses QoS 2", async () => {
  const m = await bed.client(meter("m-061"));
  const ended = closed(m);
  m.publish("wv/1/m/m-061/status", "x", { qos: 2 }, () => {});
  await ended;
  assert.deepEqual(of("m-061"), ["qos-2"]);
});

test("the public listener reads public topics and nothing else", async () => {
  const reader = await connected(
    mqtt.connect({ port: bed.broker.ports.public, host: "127.0.0.1", protocolVersion: 4, reconnectPeriod: 0 }),
  );
  const load = nextMessage(reader);
  await reader.subscribeAsync("wv/1/pub/#", { qos: 1 });
  for (const filter of [
    "#",
    "wv/1/#",
    "wv/1/m/+/status",
    "wv/1/a/+/status",
    "wv/1/e/roll",
    "$SYS/#",
    "$SYS/broker/#",
  ]) {
    await assert.rejects(reader.subscribeAsync(filter, { qos: 1 }), filter);
  }
  const u = await bed.client(utility);
  await u.publishAsync("wv/1/c/m-001/bill", "private", { qos: 1 });
  await u.publishAsync("wv/1/pub/feeder/f-1/load", "{}", { qos: 1 });
  assert.equal((await load).topic, "wv/1/pub/feeder/f-1/load");
  const ended = closed(reader);
  reader.publish("wv/1/pub/feeder/f-1/load", "{}", { qos: 1 }, () => {});
  await ended;
  assert.ok(of("public").includes("publish-denied"));
  await u.endAsync();
});

test("a public reader cannot take a party's client id, nor leave a will", async () => {
  const u = await bed.client(utility);
  const options = { port: bed.broker.ports.public, host: "127.0.0.1", protocolVersion: 4, reconnectPeriod: 0 } as const;
  const impostor = await connected(mqtt.connect({ ...options, clientId: "utility" }));
  await u.publishAsync("wv/1/pub/feeder/f-1/load", "{}", { qos: 1 });
  assert.equal(u.connected, true);
  await impostor.endAsync();
  const will = { topic: "wv/1/pub/alert/x", payload: Buffer.from("x"), qos: 0, retain: false } as const;
  await assert.rejects(connected(mqtt.connect({ ...options, will })), /Not authorized/);
  await u.endAsync();
});

test("answers MQTT 5 and MQTT 3.1 in their own words and hangs up", async () => {
  const answers: readonly (readonly [Buffer, string])[] = [
    [connectPacket("m-070", { level: 5 }), "2003008400"],
    [connectPacket("m-070", { level: 3, name: "MQIsdp" }), "20020001"],
    [connectPacket("m-070", { level: 6 }), "20020001"],
  ];
  for (const [packet, expected] of answers) {
    const socket = await bed.raw(await bed.credentials("m-070", "meter"));
    const received: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => received.push(chunk));
    socket.write(packet);
    await closed(socket);
    assert.equal(Buffer.concat(received).toString("hex"), expected);
  }
  assert.deepEqual(
    of("m-070"),
    answers.map(() => "wrong-version"),
  );
});

const MALFORMED: readonly (readonly [string, string, Buffer])[] = [
  ["a packet before CONNECT", "no-connect", publishPacket("wv/1/m/m-080/share/1", Buffer.alloc(1), 1)],
  ["a remaining length of five bytes", "malformed", Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01])],
  ["a protocol that is not MQTT", "malformed", connectPacket("m-080", { name: "HTTP" })],
  ["HTTP", "no-connect", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ["a CONNECT above the limit", "connect-too-large", Buffer.from([0x10, 0xff, 0xff, 0x7f])],
  ["a second CONNECT", "unexpected-packet", Buffer.concat([connectPacket("m-080"), connectPacket("m-080")])],
  ["a CONNACK", "unexpected-packet", Buffer.concat([connectPacket("m-080"), Buffer.from([0x20, 2, 0, 0])])],
  ["QoS 3", "malformed", Buffer.concat([connectPacket("m-080"), Buffer.from([0x36, 5, 0, 1, 0x61, 0, 1])])],
  ["a PINGREQ with a body", "malformed", Buffer.concat([connectPacket("m-080"), Buffer.from([0xc0, 1, 0])])],
  [
    "a topic longer than its packet",
    "protocol",
    Buffer.concat([connectPacket("m-080"), Buffer.from([0x32, 4, 0xff, 0xff, 0x61, 0x62])]),
  ],
  ["a SUBSCRIBE without filters", "malformed", Buffer.concat([connectPacket("m-080"), Buffer.from([0x82, 2, 0, 1])])],
];

for (const [what, code, bytes] of MALFORMED) {
  test(`cuts off ${what} (${code})`, async () => {
    const before = of("m-080").length;
    const socket = await bed.raw(await bed.credentials("m-080", "meter"));
    socket.resume();
    socket.write(bytes);
    await closed(socket);
    assert.deepEqual(of("m-080").slice(before), [code]);
  });
}

test("only servers read the broker's counters", async () => {
  const u = await bed.client(utility);
  const counter = nextMessage(u);
  await u.subscribeAsync("$SYS/broker/connections/now", { qos: 1 });
  assert.equal((await counter).text, "0"); // as it was when the broker started
  await u.subscribeAsync("$SYS/broker/#", { qos: 1 });
  await assert.rejects(u.subscribeAsync("$SYS/#", { qos: 1 }));
  await assert.rejects(u.subscribeAsync("$SYS/+/new/clients", { qos: 1 }));
  await u.endAsync();
});

test("bounds the subscriptions of one client", async () => {
  const u = await bed.client(utility);
  const filters = Array.from({ length: 65 }, (_, i) => `wv/1/m/m-${i}/status`);
  await assert.rejects(u.subscribeAsync(filters, { qos: 1 }));
  assert.ok(of("utility").includes("too-many-subscriptions"));
  await u.endAsync();
});

test("hundred clients with random bytes end with their connection, not with the broker", async () => {
  const credentials = await bed.credentials("m-090", "meter");
  for (let i = 0; i < 100; i++) {
    const socket = await bed.raw(credentials);
    socket.resume();
    const ended = closed(socket);
    const body = Buffer.from(Array.from({ length: 40 }, (_, k) => (i * 37 + k * 101 + ((i * k) % 13) * 17) & 0xff));
    const types = [0x30, 0x32, 0x82, 0xa2, 0xc0, 0x40, 0xe0, 0x3d];
    const head = Buffer.from([types[i % types.length]!, body.length]);
    socket.write(Buffer.concat([connectPacket("m-090"), head, body]));
    socket.end(body);
    await ended;
  }
  assert.deepEqual(bed.failures, []);
  const m = await bed.client(meter("m-090"));
  await m.publishAsync("wv/1/m/m-090/status", "online", { qos: 1 });
  await m.endAsync();
});

test("plain HTTP on the WebSocket port is told what to do", async () => {
  const { key, certificate } = await bed.credentials("m-091", "meter");
  const ca = bed.ca.credentials.certificate;
  const socket = connectTls({ key, cert: certificate, ca, host: "127.0.0.1", port: bed.broker.ports.wss });
  socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 426 /);
  const { code }: Refusal = await bed.refused("not-websocket");
  assert.equal(code, "not-websocket");
  socket.destroy();
});
