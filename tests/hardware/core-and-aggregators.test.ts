/**
 * The device's core on the host with the real aggregators, their intake and databases: hello, shares, acks, kills,
 * restored backups. Only MQTT, gateway and chip are left out (device-round.test.ts has them).
 */
// needs: cc
import assert from "node:assert/strict";
import { copyFileSync, existsSync, rmSync } from "node:fs";
import path from "node:path";
import { test, type TestContext } from "node:test";
import { SETTINGS, temporaryFolder, TestAggregator, TestSystem } from "../../aggregator/testing/system.ts";
import { Street, type StreetAggregator } from "../../hardware/firmware/host/testing/street.ts";
import type { HelloFrame, Provisioning } from "../../hardware/link/index.ts";
import { directionKey } from "../../protocol/envelope/aead.ts";
import { readElement } from "../../protocol/field.ts";
import { interpolate } from "../../protocol/shamir/interpolate.ts";
import { topicOf } from "../../protocol/topics.ts";

const METER = "m-1";
const SLOT_SECONDS = 900;

/** A real aggregator at the other end of the gateway. Commits at once, unless it is told to wait. */
class Endpoint implements StreetAggregator {
  readonly index: number;
  readonly real: TestAggregator;
  readonly file: string;
  online = true;
  commits = true;
  readonly #system: TestSystem;

  constructor(system: TestSystem, index: number, folder: string) {
    this.#system = system;
    this.index = index;
    this.file = path.join(folder, `a-${index}.db`);
    this.real = new TestAggregator(system, index, folder, { ...SETTINGS, windowSlots: 40 });
  }

  onHello(hello: HelloFrame, time: number): readonly Uint8Array[] {
    const challenge = Buffer.from(hello.challenge).toString("hex");
    const status = { state: "online", challenge, boot: hello.boot };
    return this.#hand(topicOf("meterStatus", { meter: METER }), Buffer.from(JSON.stringify(status)), time);
  }

  onShare(message: Uint8Array, time: number): readonly Uint8Array[] {
    return this.#hand(topicOf("share", { meter: METER, agg: String(this.index) }), message, time);
  }

  #hand(topic: string, payload: Uint8Array, time: number): readonly Uint8Array[] {
    this.#system.now = time;
    this.real.aggregator.handle(topic, payload);
    return this.commit();
  }

  commit(): readonly Uint8Array[] {
    if (!this.commits) return [];
    this.real.aggregator.commit();
    return this.real.take().map((sent) => sent.payload);
  }

  /** The share that is stored for a slot, or undefined. */
  share(kind: number, slot: number): bigint | undefined {
    const { store, keys } = this.real.aggregator;
    const { bits, entries } = store.range(keys.numberOf(METER)!, kind, slot, slot + 1);
    return bits[0] === 1 ? readElement(entries, 0) : undefined;
  }
}

async function setUp(context: TestContext) {
  const system = new TestSystem();
  system.addMeter(METER, "f-1");
  const folder = temporaryFolder(context);
  const endpoints = [1, 2, 3].map((index) => new Endpoint(system, index, folder));
  context.after(() => endpoints.forEach(({ real }) => real.stop()));
  const peers = endpoints.map(({ index }) => {
    const root = system.rootKey(METER, index);
    return { shareKey: directionKey(root, "wv/1/share"), ackKey: directionKey(root, "wv/1/ack") };
  });
  const provisioning: Provisioning = {
    ...{ meter: METER, polynomialKey: new Uint8Array(32).fill(5), peers, threshold: 2, checkpoint: 32 },
    ...{ slotSeconds: SLOT_SECONDS, pulsesPerKwh: 1000, resendSeconds: 5 },
  };
  const { now } = system;
  const slot = now / SLOT_SECONDS;
  const street = await Street.create(now - 20, { aggregators: endpoints, provisioning });
  context.after(() => street.device.driver.stop());
  const readings = (kind: number, from: number, to: number): (number | undefined)[] =>
    Array.from({ length: to - from }, (_, at) => {
      const points = endpoints.flatMap((endpoint) => {
        const y = endpoint.share(kind, from + at);
        return y === undefined ? [] : [{ x: endpoint.index, y }];
      });
      if (points.length < 2) return undefined;
      const { value, disagreeing } = interpolate(points, 2);
      assert.equal(disagreeing, 0);
      return Number(value);
    });
  return { street, endpoints, readings, slot };
}

function copyDatabase(from: string, to: string): void {
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(`${to}${suffix}`, { force: true });
    if (existsSync(`${from}${suffix}`)) copyFileSync(`${from}${suffix}`, `${to}${suffix}`);
  }
}

/** One pulse a second. */
const steady = (): number => 1;

void test("readings arrive once each at every aggregator, also when some are killed before they commit", async (context) => {
  const { street, endpoints, readings, slot } = await setUp(context);
  await street.run(20 + 900 + 30, steady);
  const [one, two] = [endpoints[0]!, endpoints[1]!];
  one.commits = false;
  await street.run(900, steady);
  one.real.kill();
  one.commits = true;
  two.real.kill();
  await street.run(900, steady);
  assert.deepEqual(readings(1, slot, slot + 3), [900, 900, 900]);
  for (const endpoint of endpoints) {
    assert.notEqual(endpoint.share(1, slot + 2), undefined);
    assert.deepEqual(endpoint.real.codes(), []);
  }
  const status = await street.status();
  assert.deepEqual([status.pending, status.refused, status.conflicts, status.closed], [0, 0, 0, 0]);
});

void test("after a power cut the same readings come again and are duplicates", async (context) => {
  const { street, endpoints, readings, slot } = await setUp(context);
  await street.run(40, steady);
  // No ack comes through: everything is stored, and everything is pending.
  street.onAck = () => false;
  await street.run(3 * 900, steady);
  assert.equal((await street.status()).pending, 3);
  street.onAck = () => true;
  await street.restart(60);
  await street.run(2 * 900, steady);
  assert.equal((await street.status()).pending, 0);
  assert.deepEqual(readings(1, slot, slot + 3), [900, 900, 900]);
  for (const { real } of endpoints) {
    assert.ok(real.aggregator.intake.counters.slotsRepeated >= 3);
    assert.deepEqual(real.codes(), []);
  }
});

void test("an aggregator with an older backup is told again, under a new boot number", async (context) => {
  const { street, endpoints, readings, slot } = await setUp(context);
  const one = endpoints[0]!;
  await street.run(20 + 900 + 30, steady);
  const backup = `${one.file}.backup`;
  one.real.stop();
  copyDatabase(one.file, backup);
  // Each start of an aggregator has a number of its own, which the backup does not know of.
  for (let start = 0; start < 3; start++) {
    if (start === 0) one.real.start();
    else one.real.kill();
  }
  await street.run(900, steady);
  const before = one.real.aggregator.intake.channel(METER)!.seen.boot;
  one.real.stop();
  copyDatabase(backup, one.file);
  one.real.start();
  await street.run(3 * 900, steady);
  assert.ok((await street.status()).renewals > 0, "its acks looked replayed, so the challenge was renewed");
  assert.equal((await street.status()).pending, 0);
  assert.ok(one.real.aggregator.intake.channel(METER)!.seen.boot > before);
  assert.equal(readings(1, slot + 3, slot + 5).includes(undefined), false);
  assert.notEqual(one.share(1, slot + 4), undefined);
});

void test("what is older than the window is settled as closed", async (context) => {
  const { street, endpoints } = await setUp(context);
  await street.run(20 + 900 + 30, steady);
  const [one] = endpoints;
  one!.online = false;
  await street.run(2 * 900, steady);
  // The device is without power for longer than the window of 40 slots.
  await street.restart(45 * SLOT_SECONDS);
  one!.online = true;
  await street.run(2 * 900, steady);
  const { closed, pending } = await street.status();
  assert.deepEqual([closed, pending], [2, 0]);
});
