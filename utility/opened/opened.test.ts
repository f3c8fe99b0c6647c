/** Openings from sealed messages to rows and announcements, with real encryption and real key shares. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { cp } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { encodeCbor } from "../../protocol/cbor.ts";
import { halfDigest } from "../../protocol/ckks/half.ts";
import { jobIdOf, transcriptHash } from "../../protocol/ckks/job.ts";
import { repeatWindow } from "../../protocol/ckks/packed.ts";
import { coefficientsAt } from "../../protocol/ckks/threshold/stride.ts";
import { CHUNK_BYTES, topicOf } from "../../protocol/topics.ts";
import { unpackNumbers } from "../../protocol/messages/ckks.ts";
import { publishedResult } from "./announcer.ts";
import { threadOpener } from "./opener.ts";
import { type BedJob, DAY, day, LOCAL, OpenedBed, SLOT_SECONDS, SLOTS } from "./testing/opened-bed.ts";

const sums = (readings: ReadonlyMap<string, readonly number[]>): number[] =>
  Array.from({ length: SLOTS }, (_, i) => [...readings.values()].reduce((sum, values) => sum + values[i]!, 0));

async function statusOf(bed: OpenedBed, { job }: BedJob): Promise<string | undefined> {
  const row = await bed.db.selectFrom("he_results").select("status").where("job", "=", job).executeTakeFirst();
  return row?.status;
}

async function countOf(bed: OpenedBed, table: "he_outputs" | "he_partials" | "he_results"): Promise<number> {
  return (await bed.db.selectFrom(table).selectAll().execute()).length;
}

test("any t of n aggregators open, in any order of messages, and the numbers are those of the meters", async (t) => {
  const bed = await OpenedBed.make(t);
  for (const [i, active] of [
    [1, 2],
    [1, 3],
    [2, 3],
  ].entries()) {
    const readings = day(4, i + 1);
    const job = bed.compute(readings);
    const [a, b] = active as [number, number];
    await bed.part(job, b, active);
    if (i === 1) await bed.part(job, a, active);
    await bed.output(job, active);
    if (i !== 1) await bed.part(job, a, active);
    const values = await bed.db
      .selectFrom("he_values")
      .selectAll()
      .where("job", "=", job.job)
      .orderBy("position")
      .execute();
    const [first] = values;
    assert.equal(values.length, SLOTS);
    assert.deepEqual([first?.name, first?.unit, first?.slot_start], ["sum", "Wh", DAY * SLOT_SECONDS]);
    for (const [slot, sum] of sums(readings).entries()) {
      assert.ok(Math.abs(values[slot]!.value - sum) <= first!.error_bound!, `slot ${slot}`);
    }
    const row = await bed.db.selectFrom("he_results").selectAll().where("job", "=", job.job).executeTakeFirstOrThrow();
    assert.deepEqual(
      [row.status, row.opened_by, row.feeders, row.meters, row.inputs, row.unit, row.parameter_set],
      ["final", active.join(), "f-1", 4, 4, "Wh", "light"],
    );
    assert.ok(row.residue! <= row.residue_bound!, "zeros are zero");
    assert.ok(row.error_bound! < 0.5, `${row.error_bound} Wh`);
  }
  assert.deepEqual(bed.refused, []);
  assert.deepEqual(
    bed.told.map(({ type }) => type),
    ["result", "result", "result"],
  );
});

test("analytics is told the slots once, and again for each repeat; parts and halves are kept no longer", async (t) => {
  const bed = await OpenedBed.make(t);
  const readings = day();
  const job = bed.compute(readings);
  await bed.openAll(job);
  await bed.part(job, 1, [1, 2]);
  assert.equal(bed.told.length, 1, "a late part changes nothing");
  await bed.output(job, [1, 2]);
  assert.equal(bed.told.length, 2);
  assert.deepEqual(bed.told[1], bed.told[0]);
  const [told] = bed.told;
  assert.ok(told?.type === "result");
  const numbers = unpackNumbers(told.outputs[0]!);
  assert.equal(numbers.length, 128, "a period, zeros included");
  assert.ok(Math.abs(numbers[5]! - sums(readings)[5]!) < 0.5);
  assert.equal(await countOf(bed, "he_partials"), 0);
  const output = await bed.db.selectFrom("he_outputs").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([output.c0, output.settled], [null, 1]);
});

test("a result is published as JSON with its units, once, and only when the broker can have it", async (t) => {
  const bed = await OpenedBed.make(t);
  bed.connected = false;
  const job = bed.compute(day(), { circuit: "mean" });
  await bed.openAll(job);
  assert.equal(bed.published.length, 0);
  assert.equal(await statusOf(bed, job), "final", "what cannot be told is not forgotten");
  bed.connected = true;
  await bed.opened.flush();
  await bed.opened.flush();
  assert.equal(bed.published.length, 1);
  const [topic, text] = bed.published.at(0) ?? ["", ""];
  assert.equal(topic, "wv/1/pub/analytics/mean");
  const content = publishedResult.parse(JSON.parse(text));
  assert.deepEqual([content.openedBy, content.meters, content.windowStart], [[1, 2], 4, DAY * SLOT_SECONDS]);
  const { meanWh, meanErrorBoundWh } = content as { meanWh?: number[]; meanErrorBoundWh?: number };
  assert.equal(meanWh?.length, SLOTS);
  assert.ok(Math.abs(meanWh[3]! - sums(day())[3]! / 4) <= meanErrorBoundWh! + 1e-3);
  await bed.output(job, [1, 2]);
  assert.equal(bed.told.length, 1, "analytics asked again");
});

test("a process that is killed between any two messages loses nothing", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const active = [2, 3];
  const again = async (): Promise<void> => {
    await bed.kill();
    await bed.start();
  };
  await bed.part(job, 3, active);
  await again();
  await bed.output(job, active);
  await again();
  assert.equal(await statusOf(bed, job), undefined);
  await bed.part(job, 2, active);
  assert.equal(await statusOf(bed, job), "final");
  await again();
  await bed.output(job, active);
  assert.equal(bed.told.length, 2);
  assert.equal(await countOf(bed, "he_results"), 1);
});

test("a process that is killed while it combines goes on with the job, the comparison too", async (t) => {
  const bed = await OpenedBed.make(t, {
    opener: { open: () => Promise.reject(new Error("the thread ended")), close: () => Promise.resolve() },
  });
  const job = bed.compute(day());
  await bed.openAll(job);
  assert.equal(await statusOf(bed, job), undefined);
  await bed.release(day());
  await bed.kill();
  await bed.start(LOCAL);
  await bed.opened.idle();
  assert.equal(await statusOf(bed, job), "final");
  const check = await bed.db.selectFrom("he_checks").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([check.status, check.agree, check.slots_compared], ["agree", 1, SLOTS]);
});

test("the worker thread opens what the test's own thread does", async (t) => {
  const bed = await OpenedBed.make(t, { opener: threadOpener((error) => t.diagnostic(error.message)) });
  const job = bed.compute(day());
  await bed.openAll(job);
  assert.equal(await statusOf(bed, job), "final");
});

test("a wrong part shows where zeros belong: nothing is kept of it, and the job is told as beyond noise", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const other = bed.compute(day(4, 9));
  await bed.output(job, [1, 2]);
  await bed.part(job, 1, [1, 2]);
  await bed.part(job, 2, [1, 2], { outputs: bed.parts(other, 2, [1, 2]) });
  const row = await bed.db.selectFrom("he_results").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([row.status, row.opened], ["inconsistent", null]);
  assert.match(row.reason, /where at most .* can be noise: the ciphertext path is wrong/);
  assert.deepEqual(await bed.db.selectFrom("he_values").selectAll().execute(), []);
  assert.deepEqual(
    bed.told.map((outcome) => outcome.type === "failed" && outcome.code),
    ["beyond-noise"],
  );
  assert.ok(bed.refused.includes("opened-inconsistent"));
  const alerts = bed.published.filter(([topic]) => topic === "wv/1/pub/alert/cross-check");
  assert.equal(alerts.length, 1);
  assert.match(alerts[0]![1], /the ciphertexts are wrong/);
  assert.equal(bed.published.length, 1, "no result is published");
  await bed.output(job, [1, 2]);
  assert.equal(bed.told.length, 2, "and so it stays");
});

test("a part of one output that is no part is a failure that names its aggregator", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  await bed.output(job, [1, 2]);
  await bed.part(job, 1, [1, 2]);
  const [part] = bed.parts(job, 2, [1, 2]);
  await bed.part(job, 2, [1, 2], { outputs: [part!.slice().fill(0xff)] });
  assert.equal(await statusOf(bed, job), "malformed-partial");
  const [told] = bed.told;
  assert.ok(told?.type === "failed");
  assert.match(told.detail, /^aggregator 2: residues: number 0 is not below its prime/);

  const short = bed.compute(day(4, 5));
  await bed.part(short, 2, [1, 2], { outputs: [part!.slice(1)] });
  await bed.part(short, 1, [1, 2]);
  await bed.output(short, [1, 2]);
  assert.equal(await statusOf(bed, short), "malformed-partial");
});

test("another active set than the first is refused, whoever names it", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  await bed.output(job, [1, 2]);
  await bed.output(job, [1, 3]);
  await bed.part(job, 3, [1, 3]);
  await bed.part(job, 3, [1, 2], { outputs: bed.parts(job, 1, [1, 2]) });
  assert.deepEqual(bed.refused, ["opened-other-active-set", "opened-other-active-set", "opened-wrong-active-set"]);
  await bed.part(job, 1, [1, 2]);
  await bed.part(job, 2, [1, 2]);
  assert.equal(await statusOf(bed, job), "final");
  await bed.output(job, [2, 3]);
  assert.equal(bed.told.length, 1);
  assert.equal(bed.refused.at(-1), "opened-other-active-set");

  // A part that came first for another set gives way to the right one.
  const early = bed.compute(day(4, 7));
  await bed.part(early, 1, [1, 3]);
  await bed.output(early, [1, 2]);
  await bed.part(early, 1, [1, 2]);
  await bed.part(early, 2, [1, 2]);
  assert.equal(await statusOf(bed, early), "final");
});

test("a first half that is not the transcript's is refused: analytics cannot shift what is opened", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const { engine } = bed.keys;
  const { ring, dataLevels } = engine;
  const stride = bed.stride();
  // 100 Wh more in every slot of the window, and nothing beyond it: no residue would show that.
  const more = engine.scope(() => {
    const values = repeatWindow(
      Array.from({ length: SLOTS }, () => 100),
      engine.slots,
    );
    return engine.rawPlaintext(engine.encode(values)).poly;
  });
  const half = coefficientsAt(ring, job.outputs[0]!.polys[0]!, stride);
  const shifted = ring.add(half, coefficientsAt(ring, more, stride), dataLevels);
  const c0 = [bed.pack(shifted, dataLevels)];
  for (const index of [1, 2]) await bed.part(job, index, [1, 2]);
  await bed.output(job, [1, 2], { c0 });
  assert.deepEqual(bed.refused, ["opened-wrong-digest"]);
  assert.equal(bed.told[0]?.type === "failed" && bed.told[0].detail.includes("output 0: the first half"), true);
  assert.equal(await statusOf(bed, job), undefined);

  // The control: a transcript that names the shifted half opens to shifted sums. Aggregators refuse that transcript.
  const described = { ...bed.describe(job.outputs[0]!), c0Digest: halfDigest(c0[0]!) };
  const other = bed.compute(
    day(),
    { outputs: [described] },
    [...day().values()].map((values) => bed.encrypt(values)),
  );
  const forged = { ...other, outputs: job.outputs };
  await bed.output(forged, [1, 2], { c0 });
  for (const index of [1, 2]) await bed.part(forged, index, [1, 2]);
  const value = await bed.db
    .selectFrom("he_values")
    .select("value")
    .where("position", "=", 3)
    .executeTakeFirstOrThrow();
  assert.ok(Math.abs(value.value - sums(day())[3]! - 100) < 1, "the control");
  await bed.openAll(job);
  assert.equal(await statusOf(bed, job), "final", "the right half still opens");
});

test("a part of another transcript under the same name is refused, whichever comes first", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const transcript = randomBytes(32);
  await bed.part(job, 1, [1, 2], { transcript });
  await bed.output(job, [1, 2]);
  await bed.part(job, 2, [1, 2], { transcript });
  await bed.part(job, 2, [1, 2]);
  assert.equal(await statusOf(bed, job), undefined);
  assert.deepEqual(bed.refused, ["opened-other-transcript", "opened-other-transcript"]);
  await bed.part(job, 1, [1, 2]);
  assert.equal(await statusOf(bed, job), "final");
});

test("parts that contradict what was sent before are refused, and the first stand", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const other = bed.compute(day(4, 3));
  const part = bed.parts(job, 1, [1, 2]);
  await bed.output(job, [1, 2]);
  await bed.output(job, [1, 2], { c0: bed.halves(other) });
  await bed.output(job, [1, 2]);
  await bed.part(job, 1, [1, 2], { outputs: part });
  await bed.part(job, 1, [1, 2], { outputs: part });
  await bed.part(job, 1, [1, 2], { outputs: bed.parts(other, 1, [1, 2]) });
  assert.deepEqual(bed.refused, ["opened-wrong-digest", "opened-conflict"]);
  await bed.part(job, 2, [1, 2]);
  assert.equal(await statusOf(bed, job), "final");
});

test("refuses transcripts of other keys, circuits, parameters, levels and sizes, and says so to analytics", async (t) => {
  const bed = await OpenedBed.make(t);
  const good = bed.compute(day());
  const [described] = good.outputs.map(() => ({ ...describedOf(bed, good) }));
  const cases: [BedJob, Record<string, unknown>, string][] = [
    [bed.compute(day(), { parametersId: new Uint8Array(8) }), {}, "opened-wrong-parameters"],
    [bed.compute(day(), { outputs: [{ ...described!, level: 9 }] }), {}, "opened-wrong-parameters"],
    [bed.compute(day(), { outputs: [{ ...described!, scale: 2 ** 20 }] }), {}, "opened-wrong-parameters"],
    [bed.compute(day(), { outputs: [described!, described!] }), {}, "opened-wrong-parameters"],
    [good, { active: [1] }, "opened-wrong-parameters"],
    [good, { active: [1, 7] }, "opened-wrong-parameters"],
    [good, { c0: [randomBytes(10)] }, "opened-wrong-size"],
    [good, { c0: [...bed.halves(good), randomBytes(10)] }, "opened-wrong-size"],
  ];
  for (const [job, change, code] of cases) {
    bed.refused.length = 0;
    bed.told.length = 0;
    await bed.output(job, [1, 2], change);
    assert.deepEqual(bed.refused, [code], JSON.stringify(Object.keys(change)));
    assert.equal(bed.told[0]?.type === "failed" && bed.told[0].code, "malformed-output");
  }
  assert.equal(await countOf(bed, "he_outputs"), 0, "nothing of it is kept");
  await bed.openAll(good);
  assert.equal(await statusOf(bed, good), "final", "a corrected output opens");
});

test("a job under keys that were dealt since opens as soon as the folder has them, and they are in the log", async (t) => {
  const bed = await OpenedBed.make(t);
  const [first] = bed.dealt.manifest.epochs;
  const [before, job] = [bed.compute(day()), bed.compute(day(), { epoch: 2 })];
  await bed.output(before, [1, 2]);
  await bed.openAll(job);
  assert.deepEqual([bed.refused, bed.told], [["opened-unknown-epoch"], []]);
  await cp(path.join(bed.folder, "ckks", "1"), path.join(bed.folder, "ckks", "2"), { recursive: true });
  const second = { ...first!, epoch: 2 };
  bed.dealt.manifest = { epochs: [first!, second], current: second };
  await bed.output(job, [1, 2]);
  assert.equal(await statusOf(bed, job), "final");
  for (const index of [1, 2]) await bed.part(before, index, [1, 2]);
  assert.equal(await statusOf(bed, before), "final", "what was under way goes on under its own keys");
  const entries = async (): Promise<number> =>
    (await bed.db.selectFrom("ledger_entries").select("idx").execute()).length;
  const logged = await entries();
  await bed.opened.flush();
  assert.ok((await entries()) > logged);
  bed.dealt.manifest = { epochs: [second], current: second };
  await bed.output(bed.compute(day(5)), [1, 2]);
  assert.equal(bed.refused.at(-1), "opened-wrong-parameters", "a share of old keys that is gone is gone");
});

function describedOf(bed: OpenedBed, job: BedJob) {
  const { level, scale } = job.outputs[0]!;
  return {
    digest: new Uint8Array(32),
    c1Digest: new Uint8Array(32),
    c0Digest: bed.describe(job.outputs[0]!).c0Digest,
    level: Math.min(level, bed.keys.engine.dataLevels),
    scale,
  };
}

test("a mean is over the meters that have a value in the slot, as the aggregators agree", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day(4), { circuit: "mean" });
  const readings = sums(day(4));
  const meters = readings.map((_, slot) => (slot === 0 ? 2 : slot === 1 ? 0 : 4));
  await bed.output(job, [1, 2]);
  for (const index of [1, 2]) await bed.part(job, index, [1, 2], { meters });
  const values = await bed.db.selectFrom("he_values").selectAll().orderBy("position").execute();
  for (const [slot, sum] of readings.entries()) {
    const expected = sum / Math.max(1, meters[slot]!);
    assert.ok(Math.abs(values[slot]!.value - expected) <= 2 * values[slot]!.error_bound!, `slot ${slot}`);
  }
  const row = await bed.db.selectFrom("he_results").selectAll().executeTakeFirstOrThrow();
  assert.deepEqual([row.meters, JSON.parse(row.meters_by_slot!)], [4, meters]);
  const [told] = bed.told;
  assert.deepEqual(told?.type === "result" && told.meters, meters);
});

test("an aggregator that keeps a job waiting is named to analytics as often as it asks again", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  await bed.output(job, [1, 3]);
  await bed.part(job, 1, [1, 3]);
  assert.deepEqual(bed.told, []);
  await bed.output(job, [1, 3]);
  assert.deepEqual(bed.told, [{ type: "waiting", job: job.job, missing: [3] }]);
  await bed.part(job, 3, [1, 3]);
  assert.deepEqual(
    bed.told.map(({ type }) => type),
    ["waiting", "result"],
  );
});

test("aggregators that count other meters open nothing", async (t) => {
  const bed = await OpenedBed.make(t);
  const wrong = [
    Array.from({ length: SLOTS }, () => 3),
    Array.from({ length: SLOTS }, () => 5),
    Array.from({ length: SLOTS - 1 }, () => 4),
  ];
  for (const [i, meters] of wrong.entries()) {
    const job = bed.compute(day(4, i + 1));
    await bed.output(job, [1, 2]);
    await bed.part(job, 1, [1, 2], i === 0 ? {} : { meters });
    await bed.part(job, 2, [1, 2], { meters });
    assert.equal(await statusOf(bed, job), "malformed-partial");
  }
});

test("refuses forged, replayed, misdirected and malformed messages with a code", async (t) => {
  const bed = await OpenedBed.make(t);
  const job = bed.compute(day());
  const output = { type: "output", transcript: job.transcript, active: [1, 2], c0: bed.halves(job) };
  const outputs = bed.parts(job, 1, [1, 2]);
  const hash = transcriptHash(job.transcript);
  const part = { type: "partial", job: job.job, index: 1, transcript: hash, active: [1, 2], meters: [4], outputs };
  const outputTopic = topicOf("jobOutput", { job: job.job });
  const partTopic = topicOf("jobPartial", { agg: "1", job: job.job });
  const expectRefused = async (code: string, send: () => Promise<void>): Promise<void> => {
    bed.refused.length = 0;
    await send();
    assert.deepEqual(bed.refused, [code]);
  };
  await expectRefused("opened-wrong-sender", () => bed.send("a-1", outputTopic, output));
  await expectRefused("opened-wrong-sender", () => bed.send("a-2", partTopic, part));
  await expectRefused("opened-wrong-topic", () => bed.send("a-1", partTopic, { ...part, index: 2 }));
  await expectRefused("opened-wrong-topic", () => bed.send("a-1", topicOf("jobPartial", { agg: "1", job: "x" }), part));
  await expectRefused("opened-wrong-topic", () => bed.send("analytics", topicOf("jobOutput", { job: "x" }), output));
  await expectRefused("opened-malformed", () => bed.send("analytics", outputTopic, { ...output, active: [2, 1] }));
  await expectRefused("opened-malformed", () => bed.send("analytics", outputTopic, { ...output, more: 1 }));
  await expectRefused("opened-malformed", () => bed.send("a-1", partTopic, { ...part, outputs: [] }));
  await expectRefused("opened-malformed", () => bed.carry(partTopic, [randomBytes(40)]));
  const chunk = (index: number, count: number): Uint8Array =>
    encodeCbor([Buffer.alloc(8, 7), index, count, randomBytes(CHUNK_BYTES)]);
  const first = chunk(0, 3);
  await expectRefused("opened-replayed", () => bed.carry(partTopic, [first, first]));
  await expectRefused("opened-wrong-length", () => bed.carry(outputTopic, [chunk(0, 0xffff)]));
  const transcript = randomBytes(40);
  const nonsense = topicOf("jobOutput", { job: jobIdOf(transcript) });
  await expectRefused("opened-malformed", () => bed.send("analytics", nonsense, { ...output, transcript }));
  assert.equal(await countOf(bed, "he_outputs"), 0);
  assert.equal(await countOf(bed, "he_partials"), 0);
});
