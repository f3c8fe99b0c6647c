import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { decodeCbor } from "../../protocol/cbor.ts";
import { ChunkAssembler, openServerMessage, sealServerMessage, splitChunks } from "../../protocol/envelope/index.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import { acceptRecord, countersign, type SignedRecord, verifyMembership } from "../../protocol/membership.ts";
import { enrolMessage, membershipCertificate } from "../../protocol/messages/enrolment.ts";
import { filterOf, topicOf } from "../../protocol/topics.ts";
import { encodeCustomers, openCustomerList } from "../keys/customers-file.ts";
import { openMeterKeys, openMeterSecrets, openParty, openRoll } from "../keys/index.ts";
import { connectLink } from "../runtime/link.ts";
import { startTestBroker } from "../runtime/testing/broker.ts";
import type { Change } from "./change.ts";
import { type ChangeContext, prepareChange } from "./changes.ts";
import { enrol } from "./enrol.ts";
import { EnrolmentError } from "./files.ts";
import { meterList } from "./meter-list.ts";
import { applyOffline } from "./offline.ts";
import { ENROL_SUBSCRIPTIONS, OnlineEnrolment } from "./online.ts";
import { customerKeyOf } from "./new-meters.ts";
import { pendingMeters } from "./pending.ts";
import { RollBook } from "./roll-book.ts";
import { openAuthority } from "./system.ts";

const root = mkdtempSync(join(tmpdir(), "enrol-online-"));
after(() => rmSync(root, { recursive: true, force: true }));

const NOW = 1_737_504_000;
const SLOT = NOW / 900;

/** An aggregator's answer to enrol messages, from its own folder; keeps in memory what a process keeps in its database. */
class Aggregator {
  readonly #party;
  readonly #chunks = new ChunkAssembler(() => 0);
  readonly records = new Map<string, SignedRecord>();
  readonly rootKeys = new Map<string, Uint8Array>();
  currentSlot = SLOT;
  asked = 0;
  readonly index: number;

  constructor(keys: string, index: number) {
    this.index = index;
    this.#party = openParty(join(keys, `a-${index}`));
    const roll = openRoll(this.#party);
    for (const meter of roll.meters()) this.records.set(meter, roll.signedRecord(meter)!);
  }

  async answer(payload: Uint8Array): Promise<{ topic: string; chunks: Uint8Array[] }> {
    this.asked += 1;
    const sealed = this.#chunks.add("authority", payload)!;
    const { message } = await openServerMessage(sealed, this.#party, "authority");
    const { record: signed, rootKey } = enrolMessage.parse(message);
    const reply = this.#decide(signed, rootKey);
    const answer = { type: "countersign", aggregator: this.index, ...reply };
    const topic = topicOf("enrolAnswer", { agg: String(this.index), meter: reply.meter });
    return { topic, chunks: splitChunks(await sealServerMessage(answer, this.#party, "authority")) };
  }

  #decide(signed: Uint8Array, rootKey: Uint8Array | undefined) {
    const { directory } = this.#party;
    const known = acceptRecord(signed, { directory, previous: () => undefined, currentSlot: 0 });
    const { meter, serial } = known;
    try {
      const previous = (name: string): SignedRecord | undefined => this.records.get(name);
      const record = acceptRecord(signed, { directory, previous, currentSlot: this.currentSlot });
      this.records.set(meter, { signed, record });
      if (rootKey !== undefined) this.rootKeys.set(meter, rootKey);
      return { meter, serial, countersignature: countersign(signed, this.index, this.#party) };
    } catch (error) {
      assert.ok(error instanceof ProtocolError);
      return { meter, serial, refusal: error.message };
    }
  }
}

/** A system of five meters, its aggregators, and a broker that is a function call. */
async function start(name: string) {
  const { keys } = await enrol({ data: join(root, name), meters: meterList(5, 2) });
  const authority = openAuthority(keys);
  const aggregators = [1, 2, 3].map((index) => new Aggregator(keys, index));
  const down = new Set<number>();
  const published: Uint8Array[] = [];
  const customers: Uint8Array[] = [];
  let deadline = new AbortController();
  let publishing = 0;
  const open = () => {
    const book = new RollBook(authority);
    const online: OnlineEnrolment = new OnlineEnrolment({
      ...{ keys, authority, book, now: () => 0, retryMilliseconds: 60_000 },
      link: {
        async publish(topic, payload) {
          publishing += 1;
          await deliver(online, topic, payload);
          publishing -= 1;
          // The next message of the same attempt follows at once: if none does, all answers are in.
          setImmediate(() => publishing === 0 && deadline.abort());
        },
      },
    });
    return { book, online };
  };
  const deliver = async (online: OnlineEnrolment, topic: string, payload: Uint8Array): Promise<void> => {
    const index = Number(topic.split("/").at(-1));
    if (topic === topicOf("roll", {})) published.push(payload);
    else if (topic === topicOf("customers", {})) customers.push(payload);
    else if (!down.has(index)) {
      const { topic: answerTopic, chunks } = await aggregators[index - 1]!.answer(payload);
      for (const chunk of chunks) await online.receive(answerTopic, chunk);
    }
  };
  const context = (book: RollBook, currentSlot = SLOT): ChangeContext => {
    return { keys, authority, book, now: NOW, currentSlot, fromSlot: currentSlot + 1 };
  };
  /** One run of the command: everything is read from the folders anew. */
  const command = async (change: Change, currentSlot = SLOT) => {
    const { book, online } = open();
    deadline = new AbortController();
    const pending = await prepareChange(context(book, currentSlot), change);
    // Where somebody is down the deadline has come as soon as everything is sent.
    return pending === undefined ? undefined : online.apply(pending, down.size === 0 ? NEVER : deadline.signal);
  };
  return { keys, authority, aggregators, down, published, customers, open, command, context };
}

const NEVER = new AbortController().signal;

test("a meter is added on a running system", async () => {
  const { keys, authority, aggregators, published, command } = await start("add");
  const result = await command({ action: "add", meter: "m-006", feeder: "f-1" });
  assert.deepEqual(result?.countersignedBy, [1, 2, 3]);
  const certificate = membershipCertificate.parse(decodeCbor(published[0]!));
  const { record } = verifyMembership(certificate, authority.directory);
  assert.deepEqual(record.places, [{ feeder: "f-1", from: SLOT + 1, to: null }]);
  const secrets = openMeterSecrets(join(keys, "m-006"));
  for (const { index, rootKeys } of aggregators) {
    assert.deepEqual(Buffer.from(rootKeys.get("m-006")!), Buffer.from(secrets.rootKeys.get(index)!));
  }
  assert.deepEqual(pendingMeters(authority), []);
  assert.equal(openRoll(openParty(join(keys, "utility"))).feederOf("m-006", SLOT + 1), "f-1");
  assert.equal(await command({ action: "add", meter: "m-006", feeder: "f-1" }), undefined);
});

test("the customer's key of a new meter goes to a utility on another machine, and sync repeats all", async () => {
  const { keys, authority, customers, command, open } = await start("customers");
  rmSync(join(keys, "utility"), { recursive: true });
  await command({ action: "add", meter: "m-006", feeder: "f-1" });
  const listed = openCustomerList(customers[0]!, authority.directory);
  assert.deepEqual([...listed.keys()], ["m-006"]);
  assert.deepEqual(
    Buffer.from(listed.get("m-006")!),
    Buffer.from(customerKeyOf(openMeterSecrets(join(keys, "m-006")))),
  );
  await open().online.sync(NEVER);
  assert.equal(openCustomerList(customers[1]!, authority.directory).size, 6);
  const forged = encodeCustomers(listed, { id: "authority", signKey: openParty(join(keys, "a-1")).signKey! });
  assert.throws(() => openCustomerList(forged, authority.directory), { code: "bad-signature" });
});

test("moving, revoking and taking back a meter leaves the past as it was", async () => {
  const { command, open } = await start("move");
  await command({ action: "move", meter: "m-001", feeder: "f-2" });
  await command({ action: "revoke", meter: "m-001" }, SLOT + 10);
  await command({ action: "add", meter: "m-001", feeder: "f-1" }, SLOT + 20);
  assert.deepEqual(open().book.get("m-001")?.record.places, [
    { feeder: "f-1", from: 0, to: SLOT + 1 },
    { feeder: "f-2", from: SLOT + 1, to: SLOT + 11 },
    { feeder: "f-1", from: SLOT + 21, to: null },
  ]);
});

test("a re-keyed meter gets its keys when enough aggregators know them", async () => {
  const { keys, aggregators, down, command } = await start("rekey");
  const path = join(keys, "m-002", "meter.json");
  const before = readFileSync(path, "utf8");
  const old = openMeterSecrets(join(keys, "m-002"));
  down.add(2).add(3);
  await assert.rejects(command({ action: "rekey", meter: "m-002" }), /2 of 3 aggregators must countersign, 1 did/);
  assert.equal(readFileSync(path, "utf8"), before);
  down.clear();
  await command({ action: "rekey", meter: "m-002" });
  const secrets = openMeterSecrets(join(keys, "m-002"));
  assert.equal(secrets.keyVersion, 2);
  assert.deepEqual(secrets.polynomialKey, old.polynomialKey);
  for (const { index, rootKeys } of aggregators) {
    assert.notDeepEqual(secrets.rootKeys.get(index), old.rootKeys.get(index));
    assert.deepEqual(Buffer.from(rootKeys.get("m-002")!), Buffer.from(secrets.rootKeys.get(index)!));
  }
});

test("re-keying needs the meter's folder, and is done when it is back", async () => {
  const { keys, command } = await start("elsewhere");
  const folder = join(keys, "m-002");
  await command({ action: "rekey", meter: "m-002" });
  renameSync(folder, `${folder}-away`);
  await assert.rejects(command({ action: "rekey", meter: "m-002" }), /m-002 is missing: bring it here/);
  renameSync(`${folder}-away`, folder);
  await command({ action: "rekey", meter: "m-002" });
  assert.equal(openMeterSecrets(folder).keyVersion, 3);
});

test("with too few aggregators a change fails, and the same command repeated completes it", async () => {
  const { aggregators, down, published, command, authority, open } = await start("few");
  const add: Change = { action: "add", meter: "m-006", feeder: "f-2" };
  down.add(1).add(2);
  await assert.rejects(
    command(add),
    (error) => error instanceof EnrolmentError && error.message.includes("no answer from a-1, a-2"),
  );
  assert.equal(published.length, 0);
  await assert.rejects(command({ action: "move", meter: "m-006", feeder: "f-1" }), /"add .*" is under way/);
  down.clear();
  down.add(1);
  const result = await command(add, SLOT + 3);
  assert.deepEqual(result?.countersignedBy, [2, 3]);
  assert.deepEqual(result.silent, [1]);
  assert.equal(aggregators[2]!.asked, 1); // it had countersigned before
  assert.deepEqual(pendingMeters(authority), ["m-006"]);

  // The one that was away gets its key by sync.
  down.clear();
  const synced = await open().online.sync(NEVER);
  assert.deepEqual([...synced.keys()], ["m-006"]);
  assert.ok(aggregators[0]!.rootKeys.has("m-006"));
  assert.deepEqual(pendingMeters(authority), []);
  assert.equal(published.length, 1 + 1 + 6);
});

test("an aggregator that was away when keys were given gets them with whatever change comes next", async () => {
  const { keys, aggregators, down, command, open } = await start("late-keys");
  down.add(3);
  await command({ action: "add", meter: "m-006", feeder: "f-1" });
  await command({ action: "rekey", meter: "m-002" });
  // Still away: the keys are owed beyond one change.
  await command({ action: "move", meter: "m-006", feeder: "f-2" }, SLOT + 2);
  down.clear();
  await command({ action: "move", meter: "m-006", feeder: "f-1" }, SLOT + 4);
  await command({ action: "move", meter: "m-002", feeder: "f-1" }, SLOT + 4);
  assert.deepEqual([...(await open().online.sync(NEVER)).keys()], []);
  for (const meter of ["m-006", "m-002"]) {
    const given = openMeterSecrets(join(keys, meter)).rootKeys;
    for (const { index, rootKeys } of aggregators) {
      assert.deepEqual(Buffer.from(rootKeys.get(meter) ?? []), Buffer.from(given.get(index)!), `${meter} a-${index}`);
    }
  }
});

test("keys that an aggregator lacks and nobody has here hold up a move, and no revocation", async () => {
  const { keys, down, command } = await start("keys-away");
  down.add(3);
  await command({ action: "rekey", meter: "m-002" });
  rmSync(join(keys, "m-002"), { recursive: true });
  await assert.rejects(command({ action: "move", meter: "m-002", feeder: "f-1" }), /m-002: a-3 lacks its keys.*sync/);
  assert.deepEqual((await command({ action: "revoke", meter: "m-002" }))?.countersignedBy, [1, 2]);
});

test("a refusal is named; a move whose slot has passed is signed anew", async () => {
  const { aggregators, down, command, open } = await start("late");
  const move: Change = { action: "move", meter: "m-003", feeder: "f-2" };
  for (const aggregator of aggregators) aggregator.currentSlot = SLOT + 5;
  await assert.rejects(command(move), /a-1 refuses: .*rewrites the past/);
  down.clear();
  await command(move, SLOT + 5);
  assert.deepEqual(open().book.get("m-003")?.record, {
    ...{ meter: "m-003", serial: 3, keyVersion: 1 },
    places: [
      { feeder: "f-1", from: 0, to: SLOT + 6 },
      { feeder: "f-2", from: SLOT + 6, to: null },
    ],
  });
});

test("answers on another's topic, forged, altered or of another meter are counted and change nothing", async () => {
  const { keys, open, context, aggregators } = await start("forged");
  const { book, online } = open();
  const pending = (await prepareChange(context(book), { action: "add", meter: "m-006", feeder: "f-1" }))!;
  const [request] = splitChunks(pending.messages.get("a-1")!);
  const { topic, chunks } = await aggregators[0]!.answer(request!);
  const [chunk] = chunks;
  await online.receive(topicOf("enrolAnswer", { agg: "2", meter: "m-006" }), chunk!);
  await online.receive(topicOf("enrolAnswer", { agg: "1", meter: "m-001" }), chunk!);
  await online.receive("wv/1/u/round/r-1/1", chunk!);
  const altered = Uint8Array.from(chunk!);
  altered[altered.length - 1]! ^= 1;
  await online.receive(topic, altered);
  await online.receive(topic, Uint8Array.of(1));
  // Of the five, one claims another aggregator, one was altered, one is no chunk, two are on a wrong topic.
  assert.equal(
    [...online.refused.values()].reduce((sum, count) => sum + count, 0),
    5,
  );
  assert.equal(online.refused.get("wrong-topic"), 2);
  assert.equal(online.refused.get("bad-seal"), 1);
  assert.equal(online.refused.get("wrong-sender"), 1);
  assert.equal(new RollBook(openAuthority(keys)).get("m-006")?.countersignatures.size, 0);
});

test("contradicting commands are refused", async () => {
  const { command } = await start("contradict");
  await assert.rejects(
    command({ action: "move", meter: "m-009", feeder: "f-1" }),
    /m-009 is not enrolled: `npm run enrol -- list`/,
  );
  await assert.rejects(command({ action: "add", meter: "m-001", feeder: "f-2" }), /m-001 is enrolled on f-1: use move/);
  await assert.rejects(command({ action: "add", meter: "a-1", feeder: "f-2" }), /"a-1" is no meter id/);
  await command({ action: "revoke", meter: "m-001" });
  await assert.rejects(command({ action: "move", meter: "m-001", feeder: "f-2" }), /m-001 is revoked: use add/);
});

test("while nothing runs, a change is written into the folders", async () => {
  const { keys, open, context } = await start("offline");
  const changes: Change[] = [
    { action: "add", meter: "m-006", feeder: "f-2" },
    { action: "rekey", meter: "m-006" },
    { action: "revoke", meter: "m-001" },
  ];
  for (const change of changes) assert.equal((await applyOffline(context(open().book), change))?.complete, true);
  const secrets = openMeterSecrets(join(keys, "m-006"));
  assert.equal(secrets.keyVersion, 2);
  for (const index of [1, 2, 3]) {
    const held = (await openMeterKeys(openParty(join(keys, `a-${index}`)))).get("m-006");
    assert.equal(held?.keyVersion, 2);
    assert.deepEqual(Buffer.from(held.rootKey), Buffer.from(secrets.rootKeys.get(index)!));
  }
  assert.equal(openRoll(openParty(join(keys, "a-1"))).isActive("m-001", SLOT + 1), false);
});

test("enrolment works over a real broker with the keys that were made", async () => {
  const { keys, authority, aggregators, context } = await start("broker");
  const { tls } = openParty(join(keys, "broker"));
  const broker = await startTestBroker(tls);
  const log = { info: () => {}, warn: () => {} };
  const at = { host: "127.0.0.1", port: broker.port, log };
  const links = await Promise.all(
    aggregators.map(async (aggregator) => {
      const link = await connectLink({
        ...at,
        party: openParty(join(keys, `a-${aggregator.index}`)),
        subscriptions: [filterOf("enrolRequest", { agg: String(aggregator.index) })],
        onMessage: async (_topic, payload) => {
          const { topic, chunks } = await aggregator.answer(Uint8Array.from(payload));
          for (const chunk of chunks) await link.publish(topic, chunk);
        },
      });
      return link;
    }),
  );
  const book = new RollBook(authority);
  const link = await connectLink({
    ...at,
    party: authority,
    subscriptions: ENROL_SUBSCRIPTIONS,
    onMessage: (topic, payload) => online.receive(topic, Uint8Array.from(payload)),
  });
  const online = new OnlineEnrolment({ keys, authority, book, link, now: () => 0, retryMilliseconds: 1000 });
  const pending = (await prepareChange(context(book), { action: "add", meter: "m-006", feeder: "f-1" }))!;
  const result = await online.apply(pending, AbortSignal.timeout(20_000));
  assert.deepEqual(result.countersignedBy, [1, 2, 3]);
  await Promise.all([...links, link].map((one) => one.close()));
  await broker.close();
});
