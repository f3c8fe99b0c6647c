import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import fc from "fast-check";
import { ACK_CODES } from "../../protocol/messages/ack-codes.ts";
import { KINDS } from "../../protocol/units.ts";
import { cellKey } from "./pending-runs.ts";
import { Rig } from "./testing/bench-rig.ts";

function connectedRig(...args: ConstructorParameters<typeof Rig>): Rig {
  const rig = new Rig(...args);
  rig.agent.onConnect();
  rig.answerHello();
  return rig;
}

test("sends nothing to an aggregator before it has answered this start's challenge", () => {
  const rig = new Rig();
  rig.agent.onConnect();
  rig.agent.addReadings(KINDS.import, 100, [250]);
  rig.commit();
  assert.equal(rig.takeShares(1).length + rig.takeShares(2).length + rig.takeShares(3).length, 0);
  rig.answerHello([2]);
  assert.equal(rig.deliver(), 1);
  rig.answerHello([1, 3]);
  assert.equal(rig.deliver(), 2);
  assert.equal(rig.agent.unsettledSlots, 0);
});

test("no share leaves before its reading is committed", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [250]);
  assert.equal(rig.deliver(), 0);
  rig.commit();
  assert.equal(rig.deliver(), 3);
});

test("resends until acknowledged, with the same shares under a new message number", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [250]);
  rig.commit();
  const [first] = rig.takeShares(1);
  assert.ok(first);
  rig.agent.tick();
  assert.equal(rig.takeShares(1).length, 0, "not before the resend time");
  rig.now += 2_001;
  rig.agent.tick();
  const [second] = rig.takeShares(1);
  assert.ok(second);
  assert.notDeepEqual(first, second);
  const [aggregator] = rig.aggregators;
  assert.ok(aggregator);
  aggregator.take(first);
  rig.agent.onMessage(aggregator.topic, aggregator.take(second, ACK_CODES.duplicate));
  const [one, two] = aggregator.received;
  assert.deepEqual(one?.entries, two?.entries);
  assert.notDeepEqual(one?.number, two?.number);
  assert.equal(rig.deliver([2, 3]), 4, "the other two get it and its repetition");
  assert.equal(rig.agent.unsettledSlots, 0);
});

test("knows that it is unheard when fewer aggregators answer than a total needs, or one is silent for long", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [250]);
  rig.commit();
  rig.deliver([1, 2]);
  rig.now += 5_000;
  assert.equal(rig.agent.isUnheard(4_000, 60_000), false, "the third alone is silent");
  assert.equal(rig.agent.isUnheard(4_000, 4_500), true, "the third alone is silent, for long");
  rig.agent.addReadings(KINDS.import, 101, [250]);
  rig.commit();
  rig.deliver([1]);
  rig.now += 5_000;
  assert.equal(rig.agent.isUnheard(4_000, 60_000), true, "one of the two that are needed is silent");
  assert.equal(rig.agent.isUnheard(11_000, 60_000), false, "it was heard 10 s ago");
});

test("a restart resends what was not settled, and never what was not committed", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [250]);
  rig.commit();
  rig.deliver([1, 2]);
  rig.agent.addReadings(KINDS.import, 101, [999]);
  rig.restart();
  assert.equal(rig.agent.nextSlot(KINDS.import), 101);
  rig.answerHello();
  rig.deliver();
  for (const { cells } of rig.aggregators) assert.deepEqual([...cells.keys()], [cellKey(KINDS.import, 100)]);
  assert.equal(rig.agent.unsettledSlots, 0);
});

test("settled slots are not sent again after a restart", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.agent.addReadings(KINDS.import, 101, [2]);
  rig.commit();
  rig.deliver();
  rig.agent.tick();
  rig.commit();
  rig.restart();
  rig.answerHello();
  assert.equal(rig.deliver(), 0);
});

test("no slot is read twice", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [1, 2]);
  assert.throws(() => rig.agent.addReadings(KINDS.import, 101, [2]), /already taken up to slot 102, got 101/);
  rig.agent.addReadings(KINDS.export, 100, [0]);
});

test("refuses readings that are negative or fractional, without printing them", () => {
  const rig = connectedRig();
  for (const value of [-7, 0.25, Number.NaN]) {
    assert.throws(
      () => rig.agent.addReadings(KINDS.import, 100, [value]),
      (error: Error) => error instanceof RangeError && !error.message.includes(String(value)),
    );
  }
});

test("conflict and closed settle a slot as a gap", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.commit();
  rig.deliver([1], ACK_CODES.conflict);
  rig.deliver([2], ACK_CODES.closed);
  rig.deliver([3]);
  rig.commit();
  assert.equal(rig.agent.unsettledSlots, 0);
  assert.deepEqual(
    rig.agent.gaps().map(({ from, to, reason }) => ({ from, to, reason })),
    [
      { from: 100, to: 101, reason: "closed:2" },
      { from: 100, to: 101, reason: "conflict:1" },
    ],
  );
});

test("a resend request brings back a settled reading from the history, for that aggregator alone", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [5, 6, 7]);
  rig.commit();
  rig.deliver();
  const [, second] = rig.aggregators;
  assert.ok(second);
  const before = second.cells.get(cellKey(KINDS.import, 101));
  second.cells.clear();
  const entry = { kind: KINDS.import, firstSlot: 101, count: 1, code: ACK_CODES.resend };
  rig.agent.onMessage(second.topic, second.seal([entry]));
  assert.equal(rig.deliver([1, 3]), 0);
  assert.equal(rig.deliver([2]), 1);
  assert.deepEqual(second.cells.get(cellKey(KINDS.import, 101)), before);
});

test("beyond the outbox bound the oldest reading is given up and reported as a gap", () => {
  const rig = new Rig({ outboxSlots: 3 });
  rig.agent.onConnect();
  for (let slot = 100; slot < 105; slot++) {
    rig.agent.addReadings(KINDS.import, slot, [slot]);
    rig.commit();
  }
  assert.deepEqual(
    rig.gaps.map(({ from, reason }) => [from, reason]),
    [
      [100, "outbox-full"],
      [101, "outbox-full"],
    ],
  );
  rig.answerHello();
  rig.deliver();
  assert.deepEqual(
    [...(rig.aggregators[0]?.cells.keys() ?? [])],
    [102, 103, 104].map((slot) => cellKey(1, slot)),
  );
});

test("waiting slots are packed into few messages when a way opens, up to the bound", () => {
  const rig = new Rig({ maxSlotsPerMessage: 4 });
  rig.agent.onConnect();
  for (let slot = 100; slot < 110; slot++) rig.agent.addReadings(KINDS.import, slot, [slot]);
  rig.commit();
  rig.answerHello([1]);
  assert.equal(rig.deliver([1]), 3);
  assert.equal(rig.aggregators[0]?.cells.size, 10);
});

test("batches are aligned, sent when full, and flushed on demand", () => {
  const rig = connectedRig({ batchSlots: 4 });
  for (let slot = 102; slot < 107; slot++) {
    rig.agent.addReadings(KINDS.import, slot, [slot]);
    rig.commit();
  }
  assert.equal(rig.deliver([1]), 1);
  assert.deepEqual(
    rig.aggregators[0]?.received.map(({ firstSlot, entries }) => [firstSlot, entries.length / 16]),
    [[102, 2]],
  );
  assert.equal(rig.agent.unsettledSlots, 5);
  rig.agent.flushBatches();
  rig.deliver();
  assert.equal(rig.agent.unsettledSlots, 0);
});

test("never has more messages in flight than allowed", () => {
  const rig = connectedRig({ maxInFlight: 2, maxSlotsPerMessage: 1 });
  for (let slot = 100; slot < 110; slot++) rig.agent.addReadings(KINDS.import, slot, [slot]);
  rig.commit();
  assert.equal(rig.takeShares(1).length, 2);
  rig.now += 2_001;
  rig.agent.tick();
  assert.equal(rig.takeShares(1).length, 2);
});

test("a replayed or older ack is refused", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.commit();
  const [aggregator] = rig.aggregators;
  const [payload] = rig.takeShares(1);
  assert.ok(aggregator && payload);
  const ack = aggregator.take(payload);
  rig.agent.onMessage(aggregator.topic, ack);
  rig.agent.onMessage(aggregator.topic, ack);
  assert.deepEqual(
    rig.refused.map((error) => (error as { code: string }).code),
    ["replayed"],
  );
});

test("an ack recorded in an earlier life opens no session", () => {
  const rig = new Rig();
  rig.agent.onConnect();
  const [aggregator] = rig.aggregators;
  assert.ok(aggregator);
  const old = aggregator.hello("ff".repeat(16), 1);
  rig.agent.onMessage(aggregator.topic, old);
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.commit();
  assert.equal(rig.takeShares(1).length, 0);
  assert.equal((rig.refused[0] as { code: string }).code, "replayed");
});

test("an aggregator that grants a boot number far ahead shuts the meter out from itself, not from the others", () => {
  const rig = new Rig();
  const [dishonest] = rig.aggregators;
  assert.ok(dishonest);
  dishonest.highestBoot = 4_000_000_000;
  rig.agent.onConnect();
  rig.answerHello();
  rig.restart();
  const hello = rig.sent.findLast(({ topic }) => topic.endsWith("/status"));
  const { boot } = JSON.parse(String(hello?.payload)) as { boot: number };
  assert.ok(boot < 65_536, `named ${boot}`);
  rig.answerHello();
  assert.equal((rig.refused.at(-1) as { code: string }).code, "boot-leap");
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.commit();
  assert.equal(rig.takeShares(1).length, 0);
  assert.equal(rig.deliver(), 2);
});

test("an aggregator restored from an old backup is greeted anew, under a boot number never used with it", () => {
  const rig = connectedRig();
  rig.agent.addReadings(KINDS.import, 100, [1]);
  rig.commit();
  rig.deliver();
  const [aggregator] = rig.aggregators;
  assert.ok(aggregator);
  const used = aggregator.received.at(-1)?.number.boot ?? 0;
  aggregator.restore(0);
  rig.agent.addReadings(KINDS.import, 101, [2]);
  rig.commit();
  for (let period = 0; period < 8; period++) {
    rig.now += 2_001;
    rig.agent.tick();
  }
  rig.takeShares(1);
  rig.answerHello([1]);
  rig.deliver([1]);
  assert.ok((aggregator.received.at(-1)?.number.boot ?? 0) > used);
});

test("never repeats a message number with an aggregator: restarts, restored backups on either side, lost answers", () => {
  const step = fc.oneof(
    fc.constant("read" as const),
    fc.constant("restart" as const),
    fc.constant("restore-meter" as const),
    fc.constant("backup" as const),
    fc.constant("hello" as const),
    fc.constant("deliver" as const),
    fc.constant("wait" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const rig = connectedRig();
      let backup = new Database(rig.database.serialize());
      for (const what of steps) {
        if (what === "read") {
          // A restored meter reads on from what it remembers: other energy in a slot it has sent before.
          const slot = rig.agent.nextSlot(KINDS.import);
          rig.agent.addReadings(KINDS.import, slot, [rig.now % 1_000]);
          rig.commit();
        } else if (what === "restart") rig.restart();
        else if (what === "backup") backup = new Database(rig.database.serialize());
        else if (what === "restore-meter") rig.restart(new Database(backup.serialize()));
        else if (what === "hello") rig.answerHello();
        else if (what === "deliver") rig.deliver();
        else {
          rig.now += 3_000;
          rig.agent.tick();
        }
      }
      rig.deliver();
      for (const { received } of rig.aggregators) {
        const plain = new Map<string, string>();
        for (const { number, kind, firstSlot, entries } of received) {
          const key = `${number.boot}/${number.counter}`;
          const content = `${kind}/${firstSlot}/${entries.toString("hex")}`;
          assert.ok(!plain.has(key), `message number ${key} was used twice`);
          plain.set(key, content);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("register samples and their state are committed together", () => {
  const rig = connectedRig();
  rig.agent.addSample({ time: 100 * 900, importWh: 1_000 });
  rig.commit();
  rig.agent.addSample({ time: 101 * 900, importWh: 1_250 });
  rig.restart();
  // The sample after 1,000 was never committed: it comes again.
  rig.answerHello();
  assert.equal(rig.agent.registerSlot, 100);
  rig.agent.addSample({ time: 101 * 900, importWh: 1_250 });
  rig.commit();
  rig.restart();
  assert.equal(rig.agent.registerSlot, 101);
  assert.equal(rig.agent.nextSlot(KINDS.import), 101);
});
