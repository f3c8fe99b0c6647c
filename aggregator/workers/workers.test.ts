/**
 * Two workers of one aggregator over one schema, in one process: what each takes in is seen by whoever answers rounds,
 * meters move when a worker comes or loses its connection, and nobody's numbers are used twice.
 */
// needs: initdb
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { StorageError } from "../../config/runtime/database.ts";
import { TemporaryServer } from "../../config/runtime/postgres/temporary-server.ts";
import type { SqlDatabase } from "../../config/runtime/sql.ts";
import { migrateStore, openStore } from "../../config/runtime/store.ts";
import { bitmapOf, members } from "../../protocol/bitmap.ts";
import { ACK_CODES, compareMessageNumbers, type MessageNumber } from "../../protocol/messages/ack-codes.ts";
import type { ManifestMessage } from "../../protocol/messages/round.ts";
import { topicOf } from "../../protocol/topics.ts";
import { Aggregator } from "../aggregator.ts";
import { MIGRATIONS } from "../store/schema.ts";
import { ShareStore } from "../store/share-store.ts";
import { entriesOf, type Receiver, type Sent, SETTINGS, TestMeter, TestSystem } from "../testing/system.ts";
import { PARTS, partOf } from "./assignment.ts";
import { Worker } from "./worker.ts";

let server: TemporaryServer;
let schemas = 0;

before(async () => {
  server = await TemporaryServer.start();
});
after(() => server.stop());

function open(place: string, number: number): SqlDatabase {
  const db = openStore(place, { synchronous: "FULL", several: { name: `worker ${number}`, silentSeconds: 60 } });
  migrateStore(db, MIGRATIONS);
  return db;
}

const FEEDER = "f-1";
const METERS = Array.from({ length: 12 }, (_, i) => `m-${i + 10}`);

/** A worker with all that it needs but the broker. */
class Process {
  readonly db: SqlDatabase;
  readonly worker: Worker;
  readonly refused: string[] = [];
  readonly #system: TestSystem;
  aggregator: Aggregator;
  isAlive = true;
  sent: Sent[] = [];

  constructor(system: TestSystem, place: string, number: number) {
    this.db = open(place, number);
    this.worker = new Worker(this.db, number, SETTINGS);
    this.#system = system;
    this.aggregator = this.#begin();
  }

  #begin(): Aggregator {
    const { db, worker } = this;
    const system = this.#system;
    const aggregator = new Aggregator({
      ...{ index: 1, db, party: system.party("a-1"), settings: SETTINGS, subsetKeys: system.subsetKeys(1) },
      ...{ now: () => system.now, wallTime: () => system.seconds, monotonic: () => system.seconds },
      scheduleCommit: () => {},
      send: (topic, payload) => this.sent.push({ topic, payload }),
      refuse: (code) => this.refused.push(code),
      pause: async () => {},
      part: worker.begin(),
    });
    aggregator.load(system.certificates, system.rootKeys(1));
    worker.serve(aggregator);
    return aggregator;
  }

  /** As when it has got the desk. Returns the one that it was until now, which may still hear something. */
  async beginAnew(): Promise<Aggregator> {
    const before = this.aggregator;
    await before.close();
    this.aggregator = this.#begin();
    return before;
  }

  owns(meter: string): boolean {
    return this.worker.seat.has(partOf(meter));
  }

  /** As after kill -9. */
  kill(): void {
    this.isAlive = false;
    this.db.close();
  }
}

/** The workers of aggregator 1: each hears all meters, and servers reach whoever has the desk. */
class Workers implements Receiver {
  readonly index = 1;
  readonly system = new TestSystem();
  readonly place = server.place(`w_${++schemas}`);
  readonly all: Process[] = [];
  readonly #meters = new Map<string, TestMeter>();
  readonly aggregator = {
    handle: (topic: string, payload: Uint8Array): void => {
      const isForDesk = topic.startsWith("wv/1/u/") || topic.startsWith("wv/1/e/");
      for (const { aggregator, worker } of this.alive) {
        if (!isForDesk || worker.seat.hasDesk) aggregator.handle(topic, payload);
      }
    },
    commit: (): void => this.alive.forEach(({ aggregator }) => aggregator.commit()),
    idle: async (): Promise<void> => {
      for (const { aggregator } of this.alive) await aggregator.idle();
    },
  };

  constructor(context: { after(done: () => void): void }) {
    for (const meter of METERS) this.system.addMeter(meter, FEEDER);
    context.after(() => this.alive.forEach((one) => one.kill()));
  }

  get alive(): Process[] {
    return this.all.filter(({ isAlive }) => isAlive);
  }

  start(number: number): Process {
    const started = new Process(this.system, this.place, number);
    this.all.push(started);
    return started;
  }

  /** Each looks at the others, twice: what one gives away another one may take. */
  look(): void {
    for (let i = 0; i < 2; i++) for (const { worker } of this.alive) worker.look();
  }

  take(): Sent[] {
    return this.all.flatMap((one) => one.sent.splice(0));
  }

  meter(id: string): TestMeter {
    let meter = this.#meters.get(id);
    if (meter === undefined) {
      this.#meters.set(id, (meter = new TestMeter(id, this, this.system.rootKey(id, 1))));
      meter.boot = 1;
    }
    return meter;
  }

  /** Sends a reading of every meter at a slot, and returns what each was told of it. */
  put(slot: number): Map<string, string[]> {
    for (const id of METERS) this.meter(id).put(1, slot, entriesOf([[7, 1_000 + slot]]));
    this.aggregator.commit();
    const sent = this.take();
    const codes = new Map<string, string[]>();
    for (const id of METERS) {
      const topic = topicOf("ack", { meter: id, agg: "1" });
      const acks = sent.filter((one) => one.topic === topic).map(({ payload }) => this.meter(id).read(payload));
      for (const { number } of acks) this.#note(id, number);
      codes.set(
        id,
        acks.flatMap(({ ack }) => ack.entries.map(({ code }) => nameOfCode(code))),
      );
    }
    return codes;
  }

  readonly #numbers = new Map<string, MessageNumber>();

  /** A meter takes acks in the order of their numbers alone, and a number used twice would give the key away. */
  #note(meter: string, number: MessageNumber): void {
    const last = this.#numbers.get(meter);
    assert.ok(last === undefined || compareMessageNumbers(number, last) > 0, `${meter}: ${number.boot} again`);
    this.#numbers.set(meter, number);
  }
}

function nameOfCode(code: number): string {
  return Object.entries(ACK_CODES).find(([, value]) => value === code)![0];
}

function everybody(code: string): Map<string, string[]> {
  return new Map(METERS.map((meter) => [meter, [code]]));
}

/** Which meters the worker with the desk says it holds at a slot. */
async function heldAt(workers: Workers, slot: number): Promise<string[]> {
  const asked = { purpose: "load", feeder: FEEDER, meters: METERS, segments: [[slot, slot + 1]], kinds: [1] };
  const [answer] = (await workers.system.ask(workers, { type: "open", round: `r-${slot}`, ...asked })) as [
    ManifestMessage,
  ];
  assert.equal(answer.type, "manifest", JSON.stringify(answer));
  return [...members(answer.units[0]![0])].map((index) => METERS[index]!);
}

test("each meter is taken in by one worker, and whoever answers rounds sees all of them", async (context) => {
  const workers = new Workers(context);
  const [one, two] = [workers.start(1), workers.start(2)];
  workers.look();
  assert.deepEqual([one.worker.seat.hasDesk, two.worker.seat.hasDesk], [true, false]);
  assert.equal(one.worker.seat.parts + two.worker.seat.parts, PARTS);
  for (const meter of METERS) assert.notEqual(one.owns(meter), two.owns(meter));
  assert.ok(METERS.some((meter) => one.owns(meter)) && METERS.some((meter) => two.owns(meter)));
  const slot = workers.system.slot - 1;
  assert.deepEqual(workers.put(slot), everybody("stored"));
  assert.deepEqual(workers.put(slot), everybody("duplicate"));
  assert.deepEqual(await heldAt(workers, slot), METERS);
  // Of a row that nobody has asked the desk's worker for before.
  assert.deepEqual(workers.put(slot - 96), everybody("stored"));
  assert.deepEqual(await heldAt(workers, slot - 96), METERS);
  assert.deepEqual([one.refused, two.refused], [[], []]);
});

test("a third comes, one is killed, one loses its connection: meters move, nothing is lost or there twice", async (context) => {
  const workers = new Workers(context);
  const [one, two] = [workers.start(1), workers.start(2)];
  workers.look();
  const slot = workers.system.slot - 10;
  assert.deepEqual(workers.put(slot), everybody("stored"));

  const before = METERS.map((meter) => one.owns(meter));
  const three = workers.start(3);
  workers.look();
  for (const [i, meter] of METERS.entries()) if (!three.owns(meter)) assert.equal(one.owns(meter), before[i]);
  assert.equal(
    [one, two, three].reduce((sum, { worker }) => sum + worker.seat.parts, 0),
    PARTS,
  );
  assert.ok(three.worker.seat.parts > 40);
  assert.deepEqual(workers.put(slot), everybody("duplicate"));
  assert.deepEqual(workers.put(slot + 1), everybody("stored"));

  // What it had not committed was not acknowledged either, and comes again.
  for (const meter of METERS) workers.meter(meter).put(1, slot + 2, entriesOf([[7, 1_002 + slot]]));
  two.kill();
  workers.look();
  const after = workers.put(slot + 2);
  assert.ok(
    METERS.every((meter) => ["stored", "duplicate"].includes(after.get(meter)!.at(-1)!)),
    JSON.stringify([...after]),
  );
  assert.deepEqual(workers.put(slot + 2), everybody("duplicate"));

  // The desk is there as long as its connection is.
  assert.equal(one.worker.seat.hasDesk, true);
  const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wattveil";
  server.query(`${cut} ${workers.place.split("#")[1]} worker 1'`);
  for (const meter of METERS) workers.meter(meter).put(1, slot + 3, entriesOf([[7, 1_003 + slot]]));
  assert.throws(() => one.aggregator.commit(), StorageError);
  one.isAlive = false;
  workers.look();
  assert.equal(three.worker.seat.hasDesk, true);
  assert.equal(three.worker.seat.parts, PARTS);
  workers.put(slot + 3);
  assert.deepEqual(workers.put(slot + 3), everybody("duplicate"));
  for (const at of [slot, slot + 1, slot + 2, slot + 3]) assert.deepEqual(await heldAt(workers, at), METERS);
});

test("a meter whose boot one worker granted is not granted it again by the next", (context) => {
  const workers = new Workers(context);
  workers.start(1);
  const two = workers.start(2);
  workers.look();
  const meter = METERS.find((id) => two.owns(id))!;
  const grants = (challenge: string): number[] => {
    workers.meter(meter).hello(challenge);
    return workers
      .meter(meter)
      .acks()
      .flatMap(({ hello }) => (hello === undefined ? [] : [hello.boot]));
  };
  const [first] = grants("01".repeat(16));
  two.kill();
  workers.look();
  assert.deepEqual(grants("02".repeat(16)), [first! + 1]);
});

test("a worker that has got the desk goes on from what it wrote: what it was before takes and says nothing more", async (context) => {
  const workers = new Workers(context);
  const [one, two] = [workers.start(1), workers.start(2)];
  workers.look();
  const slot = workers.system.slot - 2;
  workers.put(slot);
  one.kill();
  workers.look();
  assert.equal(two.worker.seat.hasDesk, true);
  const before = await two.beginAnew();
  assert.deepEqual(workers.put(slot + 1), everybody("stored"));
  // Its link is still being closed.
  const meter = workers.meter(METERS[0]!);
  const status = { state: "online", challenge: "01".repeat(16), boot: 0 };
  before.handle(topicOf("meterStatus", { meter: meter.id }), Buffer.from(JSON.stringify(status)));
  const share = meter.seal(1, slot + 2, entriesOf([[8, 2_000]]));
  before.handle(topicOf("share", { meter: meter.id, agg: "1" }), share);
  before.commit();
  assert.deepEqual(workers.take(), []);
  assert.deepEqual(workers.put(slot + 2), everybody("stored"));
  assert.deepEqual(workers.put(slot + 1), everybody("duplicate"));
  for (const at of [slot, slot + 1, slot + 2]) assert.deepEqual(await heldAt(workers, at), METERS);
});

test("what the desk's worker learns or wants reaches the worker that takes in the meter", async (context) => {
  const workers = new Workers(context);
  const [, two] = [workers.start(1), workers.start(2)];
  workers.look();
  const { system } = workers;
  const slot = system.slot - 1;
  workers.put(slot);
  // Slots to be sent again.
  const theirs = METERS.findIndex((id) => two.owns(id));
  await heldAt(workers, slot - 1);
  const bitmap = bitmapOf(METERS.length, [theirs]);
  await system.ask(workers, { type: "want", round: `r-${slot - 1}`, units: [[0, bitmap]] } as never);
  workers.look();
  const [asked] = workers.meter(METERS[theirs]!).acks();
  assert.deepEqual(asked!.entries, [{ kind: 1, firstSlot: slot - 1, count: 1, code: ACK_CODES.resend }]);
  // A meter that is enrolled now.
  const added = Array.from({ length: 100 }, (_, i) => `n-${i}`).find((id) => two.owns(id))!;
  const record = system.record(added, [{ feeder: FEEDER, from: system.slot, to: null }]);
  const rootKey = new Uint8Array(32).fill(9);
  const [answer] = await system.ask(workers, { type: "enrol", record, rootKey } as never, "authority");
  assert.ok((answer as { countersignature?: Uint8Array }).countersignature !== undefined, JSON.stringify(answer));
  workers.look();
  const meter = new TestMeter(added, workers, rootKey);
  meter.boot = 1;
  meter.put(1, system.slot, entriesOf([[1, 2]]));
  assert.deepEqual(
    meter.acks().map(({ entries }) => entries.map(({ code }) => code)),
    [[ACK_CODES.stored]],
  );
  assert.deepEqual(two.refused, []);
});

test("what a process that was alone left in its journal is there for all workers", async (context) => {
  const workers = new Workers(context);
  const alone = openStore(workers.place, { synchronous: "FULL", alone: true });
  migrateStore(alone, MIGRATIONS);
  alone.exec("INSERT INTO meters (id) VALUES ('m-10')");
  const store = new ShareStore(alone, SETTINGS);
  const slot = workers.system.slot - 1;
  store.put(1, 1, slot, entriesOf([[7, 1_000 + slot]]), 0, () => {});
  alone.transaction(() => store.writePending())();
  assert.throws(() => open(workers.place, 1), is("locked", /in use by another process/));
  alone.close();
  const one = workers.start(1);
  const two = workers.start(2);
  workers.look();
  assert.equal(two.db.prepare("SELECT 1 FROM journal").get(), undefined);
  assert.deepEqual(await heldAt(workers, slot), ["m-10"]);
  assert.deepEqual(workers.put(slot).get("m-10"), ["duplicate"]);
  // And none of them lets one in that would be alone, or a second one of the same number.
  const second = { synchronous: "FULL", alone: true, busyMilliseconds: 50 } as const;
  assert.throws(() => openStore(workers.place, second), is("locked", /in use by another process/));
  const db = open(workers.place, 2);
  assert.throws(
    () => new Worker(db, 2, SETTINGS),
    is("locked", /another process runs as worker 2; stop that one first/),
  );
  db.close();
  assert.equal(one.worker.seat.workers.join(), "1,2");
});

function is(code: StorageError["code"], text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, text);
    return true;
  };
}
