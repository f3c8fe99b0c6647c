/** Clients that subscribe without measure: to thousands of filters, deep and long ones, over and over. Others are served. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import type { Duplex } from "node:stream";
import type { MqttClient } from "mqtt";
import { closed, connectPacket, lengthBytes, meter, openTestBed } from "./test-bed.ts";
import type { TestBed } from "./test-bed.ts";

const SUBSCRIBE = 0x82;
const UNSUBSCRIBE = 0xa2;
/** What `maxSubscriptions` of 64 allows at once: sixteen times all of them. */
const CHANGES = 1_024;
const SERVED = 100;
const MIB = 2 ** 20;
/** What is cut off would otherwise go on for ever. */
const PATIENCE = { timeout: 60_000 };

let bed: TestBed;
before(async () => {
  bed = await openTestBed();
});
after(() => bed.close());

function packet(type: number, filters: readonly string[]): Buffer {
  const listed = filters.flatMap((filter) => {
    const name = Buffer.from(filter);
    const length = Buffer.from([name.length >> 8, name.length & 0xff]);
    return type === SUBSCRIBE ? [length, name, Buffer.from([1])] : [length, name];
  });
  const body = Buffer.concat([Buffer.from([0, 1]), ...listed]);
  return Buffer.concat([Buffer.from([type, ...lengthBytes(body.length)]), body]);
}

async function accepted(socket: Duplex, id: string): Promise<Duplex> {
  socket.write(connectPacket(id));
  await once(socket, "data");
  socket.resume();
  return socket;
}

const hostileMeter = async (id: string): Promise<Duplex> =>
  accepted(await bed.raw(await bed.credentials(id, "meter")), id);
const hostileReader = async (): Promise<Duplex> => accepted(await bed.rawPublic(), "reader");

/** Writes again and again until the connection has ended, as fast as it is taken; returns how often. */
async function flood(socket: Duplex, bytes: Buffer): Promise<number> {
  let written = 0;
  const ended = closed(socket);
  const pump = (): void => {
    if (socket.destroyed) return;
    written++;
    if (socket.write(bytes)) setImmediate(pump);
    else socket.once("drain", pump);
  };
  pump();
  await ended;
  return written;
}

/** Another client that goes on publishing meanwhile; every message of it is acknowledged. */
async function serve(client: MqttClient): Promise<void> {
  for (let i = 0; i < SERVED; i++) {
    await client.publishAsync(`wv/1/m/${client.options.clientId ?? ""}/status`, "online", { qos: 1 });
  }
}

function count(code: string): number {
  return bed.refusals.filter((refusal) => refusal.code === code).length;
}

test(
  "a reader that subscribes and unsubscribes without end is cut off, and a meter is served meanwhile",
  PATIENCE,
  async () => {
    const other = await bed.client(meter("m-001"));
    const reader = await hostileReader();
    const bytes = Buffer.concat(
      Array.from({ length: 250 }, () => [
        packet(SUBSCRIBE, ["wv/1/pub/#"]),
        packet(UNSUBSCRIBE, ["wv/1/pub/#"]),
      ]).flat(),
    );
    await Promise.all([flood(reader, bytes), serve(other)]);
    assert.equal(count("subscription-flood"), 1);
    assert.equal((await bed.refused("subscription-flood")).detail["client"], "public");
    assert.equal(bed.broker.counters.subscriptionsNow, 0);
    assert.equal(other.connected, true);
  },
);

for (const [what, type, code] of [
  ["SUBSCRIBE", SUBSCRIBE, "subscribe-denied"],
  ["UNSUBSCRIBE", UNSUBSCRIBE, undefined],
] as const) {
  test(`packets of 9,000 filters each (${what}) cost what ${CHANGES} do, and no memory`, PATIENCE, async () => {
    const other = await bed.client(meter("m-002"));
    const hostile = await hostileMeter("m-003");
    const [cutOff, denied] = [count("subscription-flood"), count("subscribe-denied")];
    const filters = ["__proto__", "constructor", ...Array.from({ length: 8_998 }, (_, i) => i.toString(36))];
    const before = process.memoryUsage.rss();
    await Promise.all([flood(hostile, packet(type, filters)), serve(other)]);
    assert.equal(count("subscription-flood") - cutOff, 1);
    // Its allowance grows again while it is being used up.
    if (code !== undefined) assert.ok(count(code) - denied < 2 * CHANGES, `${count(code) - denied} denied`);
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 128 * MIB, `${grown} bytes`);
    assert.equal(other.connected, true);
    await other.endAsync();
  });
}

test(
  "filters of 30,000 levels end their connection only, and nothing is kept of them or of long ones",
  PATIENCE,
  async () => {
    const other = await bed.client(meter("m-004"));
    const bombs = [
      `wv/1/pub/${"+/".repeat(30_000)}#`,
      `${"+/".repeat(30_000)}#`,
      `${"a/".repeat(30_000)}b`,
      `wv/1/pub/${"#/".repeat(30_000)}#`,
    ];
    for (const bomb of bombs) {
      for (const type of [SUBSCRIBE, UNSUBSCRIBE]) await flood(await hostileMeter("m-005"), packet(type, [bomb]));
    }
    const long = await hostileMeter("m-005");
    for (let i = 0; i < 100; i++) long.write(packet(i % 2 === 0 ? SUBSCRIBE : UNSUBSCRIBE, ["x".repeat(65_535)]));
    await serve(other);
    assert.equal(bed.broker.counters.subscriptionsNow, 0);
    assert.deepEqual(bed.failures, []);
  },
);

test("a meter that holds as many filters as it may, all deep, slows no publisher of others", PATIENCE, async () => {
  const other = await bed.client(meter("m-006"));
  const greedy = await bed.client(meter("m-007"));
  const filters = Array.from({ length: 65 }, (_, i) => `wv/1/pub/${"+/".repeat(i)}f-${i}/#`);
  await assert.rejects(greedy.subscribeAsync(filters, { qos: 1 }));
  assert.equal(bed.broker.counters.subscriptionsNow, 64);
  await serve(other);
  await greedy.endAsync();
});
