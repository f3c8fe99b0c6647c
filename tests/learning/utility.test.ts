/** The utility's side of learning rounds: killed on the way, asked again, and what it publishes when. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { signAnnouncement } from "../../protocol/learning/index.ts";
import { type LearnResult, learnResult, sumOfParts } from "../../protocol/learning/result.ts";
import { Learning } from "../../utility/learning/index.ts";
import { LearningBed, sumOf, vectorOf } from "../testing/learning-bed.ts";

const LENGTH = 7;

/** What the utility's process of now publishes. */
function publishing(bed: LearningBed) {
  const published: LearnResult[] = [];
  const { desk, utility } = bed.harness;
  const learning = new Learning({
    ...{ db: utility.db, rounds: desk.learning, directory: bed.system.directory, connected: () => true },
    slotSeconds: utility.slotSeconds,
    refuse: (code) => bed.refused.push(code),
    publish: (_topic, payload) => {
      published.push(learnResult.parse(JSON.parse(payload)));
      return Promise.resolve();
    },
  });
  const announce = (content: Parameters<typeof signAnnouncement>[0], by = "analytics"): Promise<void> =>
    learning.accept("learnAnnounce", signAnnouncement(content, bed.system.party(by)))!;
  return { learning, published, announce };
}

test("a kill in the middle of a round opens the same sum once, and restarts and questions publish it again", async (t) => {
  const bed = await LearningBed.make(t, { homes: 5 });
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) bed.send(content, name, vectorOf(home, LENGTH));
  for (const fatal of ["probe", "set", "endorsed"] as const) {
    bed.harness.beforeSend = ({ type }) => {
      if (type === fatal) bed.harness.dead = true;
    };
    bed.setTime(content.closesAt + 2);
    await bed.harness.run(2);
    assert.equal((await bed.row(content)).status, "asked");
    bed.harness.beforeSend = () => {};
    await bed.harness.restart();
  }
  assert.equal((await bed.finish(content)).status, "final");
  assert.equal((await bed.harness.logged("model")).length, 1);
  assert.deepEqual(await bed.harness.findings(), []);
  const { learning, published, announce } = publishing(bed);
  await learning.flush();
  await learning.flush();
  assert.equal(published.length, 1);
  const [part] = published;
  assert.ok(part !== undefined && "sum" in part);
  assert.deepEqual(sumOfParts([part]), sumOf(bed.homes.map((_, home) => vectorOf(home, LENGTH))));
  assert.deepEqual([part.meters, part.campaign, part.step, part.encoding], [5, "forecast", 3, "int32"]);
  // Analytics, which still announces a settled round, has missed what came of it.
  await announce(content);
  assert.deepEqual(published, [part, part]);
  await bed.harness.restart();
  const next = publishing(bed);
  await next.learning.start();
  assert.deepEqual(next.published, [part]);
});

test("a round that came to nothing is published with its reason, and a forged or late one is not taken", async (t) => {
  const bed = await LearningBed.make(t, { homes: 5 });
  const content = bed.round(LENGTH, { minMeters: 6, maxMeters: 9 });
  await bed.announce(content);
  assert.equal((await bed.finish(content)).status, "too-few-meters");
  const { learning, published, announce } = publishing(bed);
  await learning.flush();
  assert.ok(published[0] !== undefined && "reason" in published[0]);
  assert.deepEqual([published[0].status, published[0].reason], ["too-few-meters", "5 customers"]);
  await announce(bed.round(LENGTH, { step: 9 }), "utility");
  await announce(bed.round(LENGTH, { step: 9, closesAt: bed.system.now }));
  assert.deepEqual(bed.refused, ["announcement-wrong-sender", "learning-round-closed"]);
  assert.equal(published.length, 1);
});
