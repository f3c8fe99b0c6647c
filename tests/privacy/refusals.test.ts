/**
 * What is refused on the wire, against real processes: each attack gets its answer while the meters report, each is
 * counted under its code by the party that refused it, and the bills at the end are exact all the same.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import mqtt, { type IClientOptions } from "mqtt";
import { createCertificateAuthority, type Credentials } from "../../config/enrolment/certificates.ts";
import { prepareChange } from "../../config/enrolment/changes.ts";
import { enrol, openCa } from "../../config/enrolment/enrol.ts";
import { ENROL_SUBSCRIPTIONS, OnlineEnrolment } from "../../config/enrolment/online.ts";
import { RollBook } from "../../config/enrolment/roll-book.ts";
import { openDatabase } from "../../config/runtime/database.ts";
import { sealServerMessage, splitChunks } from "../../protocol/envelope/index.ts";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";
import { aggregatorId } from "../../protocol/names.ts";
import { topicOf } from "../../protocol/topics.ts";
import { DAY_SLOTS, DAY_START, SLOT_SECONDS, Stage } from "../testing/stage.ts";
import { again, seeded, WireMeter } from "../testing/wire-meter.ts";

const METERS = ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"];
/** Enrolled, too, with keys that the attacker holds; the last has its place from a later slot on. */
const ATTACKERS = ["x-1", "x-2"];
const LATER = "x-3";
const NOON = DAY_START + 12;

const random = seeded("readings of the refusals");
const readings = new Map(METERS.map((id) => [id, Array.from({ length: DAY_SLOTS }, () => 100 + random(3000))]));
const dayTotal = (id: string): number => readings.get(id)!.reduce((sum, value) => sum + value, 0);

let stage: Stage;
let meters: WireMeter[];
let x1: WireMeter;
let unit: { one: WireMeter; six: WireMeter };

before(async () => {
  stage = await Stage.open({
    meters: [
      ...METERS.map((meter) => ({ meter, feeder: "f-1" })),
      ...ATTACKERS.map((meter) => ({ meter, feeder: "f-2" })),
    ],
    beforeStart: async ({ data }) => {
      await enrol({
        data,
        meters: [{ meter: LATER, feeder: "f-2" }],
        simulation: true,
        slotSeconds: SLOT_SECONDS,
        fromSlot: NOON,
      });
    },
    firstSlot: NOON,
  });
  meters = await Promise.all(METERS.map((id) => WireMeter.open(stage, id)));
  x1 = await WireMeter.open(stage, "x-1");
  unit = { one: meters[0]!, six: meters[5]! };
  // The morning is reported; the afternoon comes after the attacks.
  await Promise.all(meters.map((meter) => meter.report(DAY_START, readings.get(meter.id)!.slice(0, 12))));
});
after(() => stage.close());

/** A client with any certificate and name; says whether the broker let it in. */
async function admitted(
  credentials: Credentials | undefined,
  clientId: string,
  version: 4 | 5 = 4,
  ca = stage.party("x-1").tls.ca,
): Promise<boolean> {
  const options: IClientOptions = {
    protocol: "mqtts",
    host: "127.0.0.1",
    port: stage.port,
    ca,
    clientId,
    protocolVersion: version,
    reconnectPeriod: 0,
  };
  if (credentials !== undefined) Object.assign(options, { key: credentials.key, cert: credentials.certificate });
  const client = mqtt.connect(options);
  client.on("error", () => {});
  const connected = await new Promise<boolean>((resolve) => {
    client.once("connect", () => resolve(true));
    client.once("close", () => resolve(false));
  });
  client.end(true);
  return connected;
}

const credentialsOf = (id: string): Credentials => {
  const { cert, key } = stage.party(id).tls;
  return { certificate: cert, key };
};

/** Publishes where it is denied: the connection is cut, and a fresh one is used for the next. */
async function publishAs(id: string, topic: string, payload: Uint8Array | string): Promise<string> {
  const link = await stage.connect(stage.party(id));
  const outcome = await link.publish(topic, payload).then(
    () => "passed",
    () => "cut off",
  );
  await link.close();
  return outcome;
}

test("a wrong certificate does not connect: another authority's, an expired one, none, one of two minds", async () => {
  const now = Date.now() / 1000;
  const authority = stage.party("authority");
  const stranger = await createCertificateAuthority(now);
  const expired = await openCa(authority, now - 30 * 365 * 86_400);
  const ca = await openCa(authority, now);
  assert.equal(await admitted(await stranger.issue("m-1", "meter"), "m-1"), false);
  assert.equal(await admitted(await expired.issue("m-1", "meter"), "m-1"), false);
  assert.equal(await admitted(undefined, "m-1"), false);
  // Another role's: a meter's name with a server's role, and the reverse.
  assert.equal(await admitted(await ca.issue("m-1", "utility"), "m-1"), false);
  assert.equal(await admitted(await ca.issue("utility", "meter"), "utility"), false);
  // A right certificate with another's client id, or for another version of MQTT.
  assert.equal(await admitted(credentialsOf("x-2"), "utility"), false);
  assert.equal(await admitted(credentialsOf("x-2"), "x-2", 5), false);
  // Control: the same call with what belongs together.
  assert.equal(await admitted(credentialsOf("x-2"), "x-2"), true);
});

test("a wrong topic is refused by the broker, and by the aggregator where the letter names another", async () => {
  const topics = [
    topicOf("share", { meter: "m-1", agg: "1" }),
    topicOf("ack", { meter: "x-2", agg: "1" }),
    topicOf("roundAnswer", { agg: "1", round: "r", type: "sums" }),
    "wv/1/nowhere",
    "wv/2/m/x-2/share/1",
  ];
  for (const topic of topics) assert.equal(await publishAs("x-2", topic, "{}"), "cut off");
  const message = { type: "open", round: "r-one", purpose: "load", feeder: "f-1", meters: METERS, kinds: [1] };
  const asked = { ...message, segments: [[DAY_START, DAY_START + 1]] };
  const sealed = await sealServerMessage(asked, stage.party("utility"), "a-1");
  for (const chunk of splitChunks(sealed)) {
    assert.equal(await publishAs("utility", topicOf("roundRequest", { agg: "1", round: "r-two" }), chunk), "passed");
  }
});

test("a forged seal, a share for another aggregator, and bytes that are no share message are refused", async () => {
  const shares = unit.one.split(1, NOON, [7]);
  const sealed = unit.one.seal(1, 1, NOON, shares.get(1)!);
  const altered = sealed.map((byte, i) => (i === sealed.length - 1 ? byte ^ 1 : byte));
  const header = sealed.map((byte, i) => (i === 14 ? byte ^ 1 : byte));
  await unit.one.push(1, altered);
  await unit.one.push(1, header);
  await unit.one.push(2, unit.one.seal(1, 1, NOON, shares.get(1)!));
  await unit.one.push(3, new Uint8Array(12));
  // Another version of the envelope: the algorithm in the protected header is not 24.
  await unit.one.push(
    3,
    sealed.map((byte, i) => (i === 7 ? byte + 1 : byte)),
  );
  await unit.one.link.publish(topicOf("meterStatus", { meter: "m-1" }), "{", { retain: true });
});

test("an oversized message cuts its sender off, and nobody else", async () => {
  const topic = topicOf("share", { meter: "x-2", agg: "1" });
  assert.equal(await publishAs("x-2", topic, new Uint8Array(64 * 1024 + 1)), "cut off");
  assert.equal(await publishAs("x-2", topic, new Uint8Array(270_000)), "cut off");
  const { key, cert, ca } = stage.party("x-2").tls;
  const options: ConnectionOptions = { host: "127.0.0.1", port: stage.port, key, cert, ca };
  const socket = connectTls({ ...options, checkServerIdentity: () => undefined });
  await once(socket, "secureConnect");
  socket.write(Buffer.from([0xe0, 0x00])); // DISCONNECT before CONNECT
  await once(socket, "close");
  assert.ok(meters.every(({ link }) => link.connected));
});

test("a replayed message is answered as a repeat, and changes nothing", async () => {
  const slot = DAY_START + 3;
  const reading = readings.get("m-1")![3]!;
  const sealed = unit.one.seal(1, 1, slot, unit.one.split(1, slot, [reading]).get(1)!);
  for (let i = 0; i < 3; i++) assert.equal(await unit.one.deliver(1, sealed, 1, slot), ACK_CODES.duplicate);
});

test("another reading for a stored slot, under the right keys, is a conflict: the first stands", async () => {
  const slot = DAY_START + 4;
  const other = readings.get("m-1")![4]! + 1;
  for (const [index, entries] of unit.one.split(1, slot, [other])) {
    assert.equal(await unit.one.deliver(index, unit.one.seal(index, 1, slot, entries), 1, slot), ACK_CODES.conflict);
  }
});

test("a slot outside the window is closed, and one before the meter's place, too", async () => {
  const { windowSlots } = stage.config.aggregator;
  const late = NOON - windowSlots - 1;
  const later = await WireMeter.open(stage, LATER);
  for (const [meter, slot] of [
    [x1, late],
    [later, NOON - 1],
  ] as const) {
    for (const [index, entries] of meter.split(1, slot, [5])) {
      assert.equal(await meter.deliver(index, meter.seal(index, 1, slot, entries), 1, slot), ACK_CODES.closed);
    }
  }
  // Control: the oldest slot inside the window, and the first of the place.
  await x1.report(NOON - windowSlots, [5]);
  await later.report(NOON, [5]);
});

test("an unknown meter is refused, though its certificate is of the right authority", async () => {
  const ca = await openCa(stage.party("authority"), Date.now() / 1000);
  const { certificate, key } = await ca.issue("m-99", "meter");
  const tls = { key, cert: certificate, ca: stage.party("x-1").tls.ca };
  const link = await stage.connect({ id: "m-99", tls });
  const sealed = x1.seal(1, 1, NOON, x1.split(1, NOON, [9]).get(1)!);
  await link.publish(topicOf("share", { meter: "m-99", agg: "1" }), sealed);
  const hello = { state: "online", challenge: "00".repeat(16), boot: 0 };
  await link.publish(topicOf("meterStatus", { meter: "m-99" }), JSON.stringify(hello), { retain: true });
});

test("a revoked meter is cut off at once and does not come back", async () => {
  const authority = stage.party("authority");
  const book = new RollBook(authority);
  const ports: { publish: (topic: string, payload: Uint8Array) => Promise<void> } = {
    publish: () => Promise.resolve(),
  };
  const online = new OnlineEnrolment({
    keys: stage.keys(""),
    authority,
    book,
    link: { publish: (topic, payload) => ports.publish(topic, payload) },
    now: () => performance.now() / 1000,
    retryMilliseconds: 500,
  });
  const link = await stage.connect(
    authority,
    ENROL_SUBSCRIPTIONS,
    (topic, payload) => void online.receive(topic, payload),
  );
  ports.publish = (topic, payload) => link.publish(topic, payload);
  const revoked = await WireMeter.open(stage, "x-2");
  assert.equal(revoked.link.connected, true);
  const times = { now: Date.now() / 1000, currentSlot: NOON, fromSlot: NOON + 1 };
  const change = { action: "revoke", meter: "x-2" } as const;
  const pending = await prepareChange({ keys: stage.keys(""), authority, book, ...times }, change);
  const { countersignedBy } = await online.apply(pending!, AbortSignal.timeout(20_000));
  assert.deepEqual(countersignedBy, [1, 2, 3]);
  await revoked.link.close();
  assert.equal(await admitted(credentialsOf("x-2"), "x-2"), false);
  assert.equal(await admitted(credentialsOf("x-1"), "x-1"), true, "control: another meter of the same feeder");
});

test("a message from the future waits: it settles neither as stored nor as a gap, until its time has come", async () => {
  const afternoon = readings.get("m-6")!.slice(12);
  const answers = [...unit.six.split(1, NOON, afternoon)].map(async ([index, entries]) => {
    const sealed = unit.six.seal(index, 1, NOON, entries);
    const last = unit.six.acked(index, 1, DAY_START + DAY_SLOTS - 1);
    const answered: { early: boolean } = { early: false };
    void last.then(() => (answered.early = true));
    // What the aggregator takes of it (now and the next slot) it says at once; of the rest it says nothing.
    assert.equal(await unit.six.deliver(index, sealed, 1, NOON), ACK_CODES.stored);
    assert.equal(answered.early, false);
    return { index, sealed, last };
  });
  const waiting = await Promise.all(answers);
  await stage.setSlot(DAY_START + DAY_SLOTS);
  for (const { index, sealed, last } of waiting) {
    await again(last, () => unit.six.push(index, sealed));
    assert.equal(await last, ACK_CODES.stored);
  }
});

test("after all of it the bills and loads are exact, and every refusal is counted under its code", async () => {
  const rest = meters.filter((meter) => meter !== unit.six);
  await Promise.all(rest.map((meter) => meter.report(NOON, readings.get(meter.id)!.slice(12))));
  await stage.setSlot(DAY_START + DAY_SLOTS + 8);
  await stage.startUtility();
  await Promise.all(meters.map((meter) => meter.bill()));
  await stage.supervisor.stop("utility");
  const utility = openDatabase(path.join(stage.data, "utility", "utility.db"), {
    synchronous: "NORMAL",
    readonly: true,
  });
  const bills = utility
    .prepare("SELECT meter_id AS id, energy_wh AS wh, status FROM current_bills WHERE meter_id LIKE 'm-%' ORDER BY 1")
    .all();
  utility.close();
  assert.deepEqual(
    bills,
    METERS.map((id) => ({ id, wh: dayTotal(id), status: "final" })),
  );

  const first = await stage.refusalsOf("a-1");
  assert.equal(first["bad-seal"], 2, "the forged ones");
  assert.equal(first["unknown-meter"], 2, "a share and a hello");
  assert.equal(first["wrong-topic"], 1);
  // A message that was answered slowly was sent again, and refused again.
  for (const code of ["conflict", "closed", "not-yet-enrolled", "future"]) assert.ok((first[code] ?? 0) >= 1, code);
  assert.equal(first["malformed"], 1, "the status");
  assert.equal((await stage.refusalsOf("a-2"))["bad-seal"], 1, "meant for another aggregator");
  assert.equal((await stage.refusalsOf("a-3"))["malformed"], 3, "too short, another algorithm, and the status");

  const broker = await stage.refusalsOf("broker");
  assert.equal(broker["certificate"], 3);
  assert.equal(broker["identity"], 2);
  assert.equal(broker["wrong-client-id"], 1);
  assert.equal(broker["wrong-version"], 1);
  assert.equal(broker["publish-denied"], 5);
  assert.equal(broker["payload-too-large"], 1);
  assert.equal(broker["packet-too-large"], 1);
  assert.equal(broker["no-connect"], 1);
  assert.ok((broker["revoked"] ?? 0) >= 1);
  for (const index of stage.aggregators) {
    const db = openDatabase(path.join(stage.data, aggregatorId(index), "aggregator.db"), { synchronous: "NORMAL" });
    const events = db.prepare("SELECT id, slot FROM tamper_events JOIN meters ON meter = number").all();
    db.close();
    assert.deepEqual(events, [{ id: "m-1", slot: DAY_START + 4 }]);
  }
});
