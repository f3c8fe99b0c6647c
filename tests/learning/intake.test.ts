/** What one aggregator takes of homes' updates, and what it keeps of them whatever is sent. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { signAnnouncement } from "../../protocol/learning/index.ts";
import { UPDATE_CODES } from "../../protocol/messages/ack-codes.ts";
import { topicOf } from "../../protocol/topics.ts";
import { LearningBed, vectorOf } from "../testing/learning-bed.ts";

const LENGTH = 9;
const HOME = "m-001";

test("an update is acknowledged once it is durable, and its repeat again; another one of the round is a conflict", async (t) => {
  const bed = await LearningBed.make(t, { homes: 3 });
  const content = bed.round(LENGTH);
  const round = await bed.announce(content);
  const [one, two] = bed.aggregators as [(typeof bed.aggregators)[0], (typeof bed.aggregators)[0]];
  for (const to of [one, two]) {
    const send = (values: number[]): void => {
      bed.deliver(content, HOME, to.index, bed.updates(content, HOME, values).get(to.index)!);
    };
    send(vectorOf(1, LENGTH));
    assert.deepEqual(to.take(), [], "nothing is said before it is committed");
    to.kill();
    send(vectorOf(1, LENGTH));
    assert.deepEqual(bed.acks(HOME, to), [{ round, code: UPDATE_CODES.stored }]);
    to.kill();
    send(vectorOf(1, LENGTH));
    assert.deepEqual(bed.acks(HOME, to), [{ round, code: UPDATE_CODES.duplicate }]);
    send(vectorOf(2, LENGTH));
    assert.deepEqual(bed.acks(HOME, to), [{ round, code: UPDATE_CODES.conflict }]);
    assert.equal(to.db.prepare("SELECT count(*) FROM vector_shares").pluck().get(), 1);
    // The round closes: what is there is said so, what is not comes too late.
    bed.setTime(content.closesAt);
    send(vectorOf(1, LENGTH));
    assert.deepEqual(bed.acks(HOME, to), [{ round, code: UPDATE_CODES.duplicate }]);
    bed.deliver(content, "m-002", to.index, bed.updates(content, "m-002", vectorOf(2, LENGTH)).get(to.index)!);
    assert.deepEqual(bed.acks("m-002", to), [{ round, code: UPDATE_CODES.closed }]);
    bed.setTime(content.closesAt - 3_600);
  }
});

test("what belongs to no announced round is counted and never acknowledged; what does not fit it is refused", async (t) => {
  const bed = await LearningBed.make(t, { homes: 2 });
  const [one] = bed.aggregators as [(typeof bed.aggregators)[0]];
  const content = bed.round(LENGTH);
  bed.deliver(content, HOME, 1, bed.updates(content, HOME, vectorOf(1, LENGTH)).get(1)!);
  assert.deepEqual([bed.acks(HOME, one), one.codes()], [[], ["unknown-learning-round"]]);
  const forged = signAnnouncement(content, {
    ...bed.system.party("analytics"),
    signKey: bed.system.party("a-2").signKey!,
  });
  one.aggregator.handle(topicOf("learnAnnounce", {}), forged);
  const utility = signAnnouncement(content, bed.system.party("utility"));
  one.aggregator.handle(topicOf("learnAnnounce", {}), utility);
  assert.deepEqual(one.codes().slice(1), ["announcement-bad-signature", "announcement-wrong-sender"]);
  const round = await bed.announce(content);
  // The seed of another round under this round's topic.
  const other = bed.round(LENGTH, { step: 9 });
  bed.deliver(content, HOME, 1, bed.updates(other, HOME, vectorOf(1, LENGTH)).get(1)!);
  assert.equal(one.codes().at(-1), "bad-seal");
  // As many elements as the round has not.
  const longer = { ...bed.round(LENGTH + 8), step: content.step };
  const { vector } = longer;
  bed.deliver(content, HOME, 1, bed.updates({ ...content, vector }, HOME, vectorOf(1, LENGTH + 8), round).get(1)!);
  assert.deepEqual(bed.acks(HOME, one), [{ round, code: UPDATE_CODES.refused }]);
});

test("a flood fills neither the disk nor the list of rounds, and the old is forgotten", async (t) => {
  const bed = await LearningBed.make(t, { homes: 40, learnRounds: 2, learnMegabytes: 1 });
  const two = bed.aggregators[1]!;
  const wide = bed.round(12_000);
  await bed.announce(wide);
  // 46 KB each: 22 fit.
  for (const [home, name] of bed.homes.entries()) bed.send(wide, name, vectorOf(home, 12_000), [2]);
  assert.equal(two.db.prepare("SELECT count(*) FROM vector_shares").pluck().get(), 22);
  assert.equal(two.codes().filter((code) => code === "updates-full").length, 18);
  for (const step of [4, 5, 6]) await bed.announce(bed.round(LENGTH, { step }));
  assert.deepEqual(two.aggregator.vectors.kept.rounds, 2);
  assert.equal(two.codes().filter((code) => code === "too-many-rounds").length, 2);
  // Rounds that have closed give way to new ones.
  bed.setTime(wide.closesAt + 60);
  await bed.announce(bed.round(LENGTH, { step: 8 }));
  await bed.announce(bed.round(LENGTH, { step: 9 }));
  assert.deepEqual(two.aggregator.vectors.kept, { rounds: 2, bytes: 0 });
  assert.equal(two.codes().filter((code) => code === "too-many-rounds").length, 2);
  await bed.announce(bed.round(LENGTH, { step: 7, closesAt: bed.system.now + 90_000 }));
  assert.equal(two.codes().at(-1), "round-too-far");
  // A day after it has closed nothing of it is left, and it cannot come back.
  bed.setTime(wide.closesAt + 90_061);
  await bed.announce(wide);
  assert.deepEqual(two.aggregator.vectors.kept, { rounds: 0, bytes: 0 });
  two.kill();
  assert.equal(two.db.prepare("SELECT count(*) FROM vector_shares").pluck().get(), 0);
});
