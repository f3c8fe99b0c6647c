/** Rounds of vectors through real aggregators and the utility's real desk: what is opened, and what never is. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { bitmapOf, countMembers } from "../../protocol/bitmap.ts";
import { decodeCbor, encodeCbor } from "../../protocol/cbor.ts";
import { costOf, epsilonOf, packLanes, type RoundContent, roundOf } from "../../protocol/learning/index.ts";
import type { SetContent, SumsMessage } from "../../protocol/messages/round.ts";
import { LearningBed, opened, sumOf, vectorOf } from "../testing/learning-bed.ts";

const LENGTH = 21;

async function setOf(bed: LearningBed, content: RoundContent): Promise<SetContent> {
  const row = await bed.row(content);
  const { db } = bed.harness.utility;
  const round = await db.selectFrom("rounds").selectAll().where("id", "=", row.round_id!).executeTakeFirstOrThrow();
  return decodeCbor(round.content!) as SetContent;
}

test("a third of the homes drops out between aggregators, one aggregator dies: the sum is that of the agreed set", async (t) => {
  const bed = await LearningBed.make(t);
  const content = bed.round(LENGTH);
  const round = await bed.announce(content);
  const vectors = bed.homes.map((_, home) => vectorOf(home, LENGTH));
  for (const [home, name] of bed.homes.entries()) {
    // Homes 0 to 3 reach one aggregator, or two; the others all three, of which the second dies and comes back.
    if (home === 6) bed.aggregators[1]!.kill();
    bed.send(content, name, vectors[home]!, home < 4 ? [[1], [3], [1, 2], [2, 3]][home] : [1, 2, 3]);
  }
  bed.harness.aggregators[2]!.down = true;
  bed.aggregators[0]!.kill();
  const row = await bed.finish(content);
  assert.deepEqual([row.status, row.reason], ["final", ""]);
  const { units, meters } = await setOf(bed, content);
  assert.equal(countMembers(units[0]![0]), 9);
  assert.deepEqual(opened(row), sumOf([2, 4, 5, 6, 7, 8, 9, 10, 11].map((home) => vectors[home]!)));
  assert.deepEqual([row.meters, row.spare_answers, meters.length], [9, 0, 12]);
  // Nothing is left to be summed anew, and what was said is said again after a restart.
  const request = bed.asked.findLast(({ index, request: { type } }) => index === 1 && type === "endorsed")!.request;
  const first = bed.aggregators[0]!;
  const sums = (await bed.system.ask(first, request)) as SumsMessage[];
  assert.equal(first.db.prepare("SELECT count(*) FROM vector_shares").pluck().get(), 0);
  first.kill();
  assert.deepEqual(await bed.system.ask(first, request), sums);
  assert.equal(sums[0]!.values.length, 8 * 11);
  const [entry] = await bed.harness.logged("model");
  assert.deepEqual([entry!.round, entry!.campaign, entry!.step, entry!.meters], [round, "forecast", 3, 9]);
  assert.deepEqual(Buffer.from(entry!.setId), row.set_id);
  assert.deepEqual(Buffer.from(entry!.sum), createHash("sha256").update(row.sum!).digest());
  assert.deepEqual([entry!.cost.mechanism, entry!.cost.epsilonMilli], ["none", null]);
  assert.deepEqual(await bed.harness.logged("budget"), []);
  assert.deepEqual(await bed.harness.findings(), []);
  const { db } = bed.harness.utility;
  await db.updateTable("model_rounds").set({ meters: 10 }).execute();
  assert.deepEqual(await bed.harness.findings(), [`model_rounds: ${round}: its sum is not the one that was logged`]);
  await db.deleteFrom("model_rounds").execute();
  assert.deepEqual(await bed.harness.findings(), [`model_rounds: ${round}: it was logged and is gone`]);
});

test("what noise costs a home is logged, and what all rounds together cost it", async (t) => {
  const bed = await LearningBed.make(t);
  const noise = { mechanism: "discrete-gaussian", variance: 4e9, colluders: 1 } as const;
  const epsilons: number[] = [];
  for (const step of [1, 2]) {
    const content = bed.round(LENGTH, { step, noise });
    await bed.announce(content);
    for (const [home, name] of bed.homes.entries()) bed.send(content, name, vectorOf(home, LENGTH));
    assert.equal((await bed.finish(content)).status, "final");
    epsilons.push(Math.ceil(1_000 * epsilonOf(costOf(content).rdp!, 1e-5)));
  }
  const models = await bed.harness.logged("model");
  assert.deepEqual(
    models.map(({ step, cost: { epsilonMilli, deltaExponent } }) => [step, epsilonMilli, deltaExponent]),
    [
      [1, epsilons[0], 5],
      [2, epsilons[1], 5],
    ],
  );
  const [one, two] = await bed.harness.logged("budget");
  assert.equal(one!.epsilonMilli, epsilons[0]);
  assert.ok(two!.epsilonMilli > one!.epsilonMilli && two!.epsilonMilli < 2 * one!.epsilonMilli);
});

test("too few homes never open, whoever counts them", async (t) => {
  const bed = await LearningBed.make(t);
  const content = bed.round(LENGTH, { minMeters: 6 });
  await bed.announce(content);
  for (const [home, name] of bed.homes.slice(0, 5).entries()) bed.send(content, name, vectorOf(home, LENGTH));
  const row = await bed.finish(content);
  assert.deepEqual([row.status, row.sum], ["too-few-meters", null]);
  assert.deepEqual(await bed.harness.logged("model"), []);
  // A utility that asks for it all the same.
  const { units, question } = await manifestOf(bed, content);
  const refusals = await Promise.all(bed.aggregators.map((to) => propose(bed, to.index, question, units)));
  assert.deepEqual(
    refusals.map(({ code }) => code),
    ["too-few-meters", "too-few-meters", "too-few-meters"],
  );
});

type Question = Record<string, unknown> & { readonly meters: readonly string[] };

/** What the first aggregator says it holds. */
async function manifestOf(bed: LearningBed, content: RoundContent) {
  const elements = packLanes(new Array<number>(content.vector.length).fill(0), content.vector).length;
  const question = {
    ...{ purpose: "vector", feeder: roundOf(content), meters: [...bed.homes], kinds: [] },
    segments: [[0, elements]],
  };
  const [manifest] = await bed.system.ask(bed.aggregators[0]!, { type: "open", round: "r-1", ...question });
  return { question, units: (manifest as { units: SetContent["units"] }).units };
}

async function propose(
  bed: LearningBed,
  index: number,
  question: Question,
  units: SetContent["units"],
): Promise<{ type: string; code?: string }> {
  const content = encodeCbor({ ...question, schemes: [], assignment: [], units });
  const request = { type: "set", round: "r-1", content } as { type: string };
  const [answer] = await bed.system.ask(bed.aggregators[index - 1]!, request);
  return answer as { type: string; code?: string };
}

/** The unit without one of its meters. */
function without(units: SetContent["units"], meters: number, tags: Buffer, left: number): SetContent["units"] {
  const kept = [...Array(meters).keys()].filter((meter) => meter !== left);
  const pairs = kept.map((meter) => {
    const bytes = Buffer.alloc(10);
    bytes.writeUInt16BE(meter);
    tags.copy(bytes, 2, 8 * meter, 8 * meter + 8);
    return bytes;
  });
  const digest = Uint8Array.from(createHash("sha256").update(Buffer.concat(pairs)).digest());
  return [[Uint8Array.from(bitmapOf(meters, kept)), digest]];
}

test("a utility that asks for two sets of one round, or too early, or for a round that nobody announced, is refused", async (t) => {
  const bed = await LearningBed.make(t);
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) bed.send(content, name, vectorOf(home, LENGTH));
  const { units, question } = await manifestOf(bed, content);
  assert.equal((await propose(bed, 1, question, units)).code, "not-closed");
  bed.setTime(content.closesAt);
  const [tags] = await bed.system.ask(bed.aggregators[0]!, { type: "detail", round: "r-1", units: [0] } as never);
  const all = Buffer.from((tags as { units: [number, Uint8Array][] }).units[0]![1]);
  const fewer = without(units, bed.homes.length, all, 4);
  const shorter = { ...question, segments: [[0, 10]] };
  assert.equal((await propose(bed, 1, shorter, units)).code, "malformed-set");
  const other = { ...question, feeder: "ab".repeat(16) };
  assert.equal((await propose(bed, 1, other, units)).code, "unknown-announcement");
  const stranger = { ...question, meters: [...question.meters.slice(0, -1), "z-stranger"] };
  assert.equal((await propose(bed, 1, stranger, units)).code, "unknown-member");
  assert.equal((await propose(bed, 1, question, units)).type, "endorse");
  assert.equal((await propose(bed, 1, question, fewer)).code, "other-set-endorsed");
  assert.equal((await propose(bed, 1, question, units)).type, "endorse");
  bed.aggregators[0]!.kill();
  assert.equal((await propose(bed, 1, question, fewer)).code, "other-set-endorsed");
  // Whoever has endorsed neither may endorse the other one: there is no quorum for it any more.
  const another = await propose(bed, 2, question, fewer);
  assert.equal(another.type, "endorse");
  assert.equal((await propose(bed, 3, question, units)).type, "endorse");
  const { setId, endorsement } = another as unknown as { setId: Uint8Array; endorsement: Uint8Array };
  const request = { type: "endorsed", round: "r-1", setId, endorsements: [endorsement] } as never;
  const [answer] = await bed.system.ask(bed.aggregators[1]!, request);
  assert.equal((answer as { code: string }).code, "not-endorsed");
});

test("an aggregator that goes on from a copy endorses no set of a round that closed before", async (t) => {
  const bed = await LearningBed.make(t);
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) bed.send(content, name, vectorOf(home, LENGTH));
  bed.setTime(content.closesAt);
  const [one] = bed.aggregators;
  one!.db.exec("INSERT INTO restored (one, before_slot) VALUES (1, NULL)");
  one!.kill();
  const { units, question } = await manifestOf(bed, content);
  assert.equal((await propose(bed, 1, question, units)).code, "history-lost");
  assert.equal((await propose(bed, 2, question, units)).type, "endorse");
});

test("with five aggregators one that lies about sums is corrected and named", async (t) => {
  const bed = await LearningBed.make(t, { n: 5, q: 4, homes: 6 });
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) bed.send(content, name, vectorOf(home, LENGTH));
  bed.tamper = (index, answer) => {
    if (index !== 4 || answer.type !== "sums") return answer;
    const values = Uint8Array.from(answer.values);
    values[15]! ^= 1;
    return { ...answer, values };
  };
  const row = await bed.finish(content);
  assert.deepEqual(opened(row), sumOf(bed.homes.map((_, home) => vectorOf(home, LENGTH))));
  assert.equal(row.spare_answers, 2);
  const [lie] = await bed.harness.logged("lie");
  assert.deepEqual([lie?.code, lie?.servers], ["wrong-sums", ["a-4"]]);
});

test("a home whose shares belong together nowhere is left out before anything is summed", async (t) => {
  const bed = await LearningBed.make(t, { homes: 8 });
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) {
    if (home !== 2) bed.send(content, name, vectorOf(home, LENGTH));
  }
  const whole = bed.updates(content, bed.homes[2]!, vectorOf(2, LENGTH));
  // One tag, and the shares of another vector for the third aggregator.
  const spoilt = bed.spoilt(content, bed.homes[2]!, vectorOf(2, LENGTH), 3);
  for (const [index, payload] of whole) bed.deliver(content, bed.homes[2]!, index, index === 3 ? spoilt : payload);
  for (const { aggregator } of bed.aggregators) aggregator.commit();
  const row = await bed.finish(content);
  assert.equal(row.meters, 7);
  assert.deepEqual(opened(row), sumOf([0, 1, 3, 4, 5, 6, 7].map((home) => vectorOf(home, LENGTH))));
});

test("an update beyond the clip that moves the sum out of reach is refused with the reason, not published", async (t) => {
  const bed = await LearningBed.make(t, { homes: 4 });
  const content = bed.round(LENGTH);
  await bed.announce(content);
  for (const [home, name] of bed.homes.entries()) {
    const wild = vectorOf(home, LENGTH).map((value, i) => (home === 1 && i === 6 ? 4 * 32_000 + 5_000 : value));
    bed.send(content, name, wild);
  }
  const row = await bed.finish(content);
  assert.deepEqual([row.status, row.sum], ["implausible-total", null]);
  assert.match(row.reason, /beyond 128000, the reach of 4 homes/);
  const [failure] = await bed.harness.logged("failure");
  assert.equal(failure?.code, "implausible-total");
});
