import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { encodeTranscript, jobIdOf } from "../../protocol/ckks/job.ts";
import { SETTINGS, temporaryFolder, TestAggregator } from "../testing/system.ts";
import { JobBed, type Said } from "./testing/job-bed.ts";
import { outputOf } from "./testing/sum-machine.ts";

const NAMES = ["m-1", "m-2", "m-3"];

/** Three meters of f-1 that have vouched, and whose loads are endorsed. */
function setUp(context: TestContext, options: ConstructorParameters<typeof JobBed>[1] = {}) {
  const bed = new JobBed(temporaryFolder(context), options);
  bed.meters("f-1", ...NAMES);
  bed.meters("f-2", "m-4", "m-5");
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, [...NAMES, "m-4", "m-5"]);
  bed.endorse(one, "f-1", NAMES);
  return { bed, one };
}

function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

const code = (said: Said | undefined): string | undefined => (said?.type === "refuse" ? said.code : said?.type);

test("asks for the inputs, recomputes, says that it is ready, and gives its partial to the utility", async (context) => {
  const { bed, one } = setUp(context);
  assert.equal(bed.machines.length, 0, "nothing is started before the first job");
  const { job, answer } = await bed.run(one, bed.transcript(NAMES));
  assert.deepEqual([answer?.type, answer?.job], ["ready", job]);
  const partial = await bed.open(one, job, [1, 3]);
  assert.ok(partial?.type === "partial");
  assert.deepEqual([partial.index, partial.active, partial.outputs.length], [1, [1, 3], 1]);
  assert.deepEqual(one.aggregator.jobs, { recomputed: 1, opened: 1, repeated: 0, refused: 0 });
});

test("helps to open nothing of slots that it may have forgotten, once a copy was put back", async (context) => {
  const { bed, one } = setUp(context);
  one.db.exec("INSERT INTO restored (one, before_slot) VALUES (1, NULL)");
  one.stop();
  const again = bed.start();
  context.after(() => again.stop());
  const { answer } = await bed.run(again, bed.transcript(NAMES));
  assert.equal(code(answer), "history-lost");
});

test("takes inputs in batches that its memory holds, in whatever order they come", async (context) => {
  const bed = new JobBed(temporaryFolder(context), { limits: { inputBytes: 40_000 } });
  const names = Array.from({ length: 9 }, (_, i) => `m-${i}`);
  bed.meters("f-1", ...names);
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, names);
  bed.endorse(one, "f-1", names);
  const bytes = encodeTranscript(bed.transcript(names)) as Uint8Array<ArrayBuffer>;
  const job = jobIdOf(bytes);
  let [said] = await bed.tell(one, job, { type: "job", transcript: bytes });
  const needs: number[] = [];
  while (said?.type === "need") {
    needs.push(said.inputs.length);
    const items = said.inputs.map(([meter, series]): [string, string, Uint8Array<ArrayBuffer>] => [
      meter,
      series,
      Uint8Array.from(bed.ciphertext(meter, series)), // prettier-ignore
    ]);
    if (items.length > 1) await bed.tell(one, job, { type: "inputs", items: items.slice(1).reverse() });
    // Told again, it asks for what is missing, and for nothing else.
    const [again] = await bed.tell(one, job, { type: "job", transcript: bytes });
    assert.deepEqual(again?.type === "need" && again.inputs, said.inputs.slice(0, 1));
    [said] = await bed.tell(one, job, { type: "inputs", items: items.slice(0, 1) });
  }
  assert.equal(said?.type, "ready");
  assert.ok(needs.length > 2 && needs.every((count) => count <= 5), `needs ${needs.join(", ")}`);
});

test("replays its partial after kill -9, and refuses another active set, also under another transcript", async (context) => {
  const { bed, one } = setUp(context);
  const { job } = await bed.run(one, bed.transcript(NAMES));
  one.kill();
  const first = await bed.open(one, job, [1, 2]);
  const rows = one.db.prepare("SELECT level, active FROM he_openings").all();
  assert.deepEqual(rows, [{ level: 2, active: "[1,2]" }]);
  one.kill();
  assert.deepEqual(await bed.open(one, job, [1, 2]), first);
  assert.equal(code(await bed.open(one, job, [1, 3])), "other-active-set");
  assert.equal((await bed.run(one, bed.transcript(NAMES))).answer?.type, "ready");
  // The same sum under another circuit's name: its c1 was opened by 1 and 2.
  const { job: other, answer } = await bed.run(one, bed.transcript(NAMES, { circuit: "mean" }));
  assert.equal(answer?.type, "ready");
  assert.equal(code(await bed.open(one, other, [1, 3])), "other-active-set");
  const second = await bed.open(one, other, [1, 2]);
  assert.equal(second?.type, "partial");
  assert.notDeepEqual(second, first);
  assert.equal(
    bed.machines.reduce((sum, { opened }) => sum + opened, 0),
    2,
  );
});

test("opens only with the word of q aggregators that they are ready: two sets cannot spend their numbers apart", async (context) => {
  const { bed, one } = setUp(context);
  // One aggregator alone is an active set here.
  bed.epochs = bed.epochs.map((epoch) => ({ ...epoch, t: 1 }));
  one.kill();
  const two = bed.start(2);
  context.after(() => two.stop());
  for (const to of [one, two]) bed.vouch(to, NAMES, { series: "squares" });
  bed.endorse(two, "f-1", NAMES);
  const [first, second] = ["sum", "mean"].map((circuit) => bed.transcript(NAMES, { series: ["squares"], circuit }));
  const { job, answer } = await bed.run(one, first!);
  assert.ok(answer?.type === "ready");
  assert.equal(code(await bed.open(one, job, [1], [1])), "not-endorsed");
  const { job: other } = await bed.run(two, second!);
  assert.equal(code(await bed.open(two, other, [2], [2])), "not-endorsed");
  // The second of them has no number left for the first job, so nobody's word but its own is to be had.
  assert.equal(code((await bed.run(two, first!)).answer), "too-many-numbers");
  const words = [answer.endorsement, answer.endorsement, bed.word(other, 2), bed.word(job, 3, 2), Uint8Array.of(9)];
  const ready = words.map((word) => Uint8Array.from(word));
  assert.equal(code((await bed.tell(one, job, { type: "open", job, active: [1], ready }))[0]), "not-endorsed");
  assert.equal((await bed.open(one, job, [1], [1, 3]))?.type, "partial");
});

test("refuses active sets that are not t aggregators with itself among them", async (context) => {
  const { bed, one } = setUp(context);
  const { job } = await bed.run(one, bed.transcript(NAMES));
  for (const active of [[1], [2, 3], [1, 2, 3], [1, 7]]) {
    assert.equal(code(await bed.open(one, job, active)), "wrong-active-set");
  }
  assert.equal(code(await bed.open(one, "0".repeat(32), [1, 2])), "unknown-job");
  assert.equal(one.db.prepare("SELECT count(*) FROM he_openings").pluck().get(), 0);
});

test("refuses outputs that its recomputation does not give", async (context) => {
  const { bed, one } = setUp(context);
  const { job, answer } = await bed.run(one, bed.transcript(NAMES, { outputs: [outputOf(99).output] }));
  assert.equal(code(answer), "other-output");
  assert.equal(code(await bed.open(one, job, [1, 2])), "unknown-job");
});

test("refuses inputs that are not what their meters vouched for, whether transcript or bytes are wrong", async (context) => {
  const { bed, one } = setUp(context);
  const right = bed.transcript(NAMES);
  const wrong = right.inputs.map((input, i) => (i === 1 ? { ...input, digest: new Uint8Array(32) } : input));
  const claimed = (await bed.run(one, { ...right, inputs: wrong })).answer;
  assert.deepEqual(claimed?.type === "refuse" && [claimed.code, claimed.where], ["wrong-digest", [1]]);
  const brought = (await bed.run(one, right, (meter) => (meter === "m-2" ? Uint8Array.of(9) : bed.ciphertext(meter))))
    .answer;
  assert.deepEqual(brought?.type === "refuse" && [brought.code, brought.where], ["wrong-digest", [1]]);
  const long = (await bed.run(one, right, () => new Uint8Array(60_000))).answer;
  assert.equal(code(long), "malformed-input");
  assert.equal((await bed.run(one, right)).answer?.type, "ready", "the right ones are taken afterwards");
});

test("refuses a stranger's ciphertext, one of another feeder, and one nobody vouched for", async (context) => {
  const { bed, one } = setUp(context);
  const { answer } = await bed.run(one, bed.transcript([...NAMES, "m-9"]));
  assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["unknown-member", [3]]);
  const foreign = (await bed.run(one, bed.transcript([...NAMES, "m-4"]))).answer;
  assert.deepEqual(foreign?.type === "refuse" && [foreign.code, foreign.where], ["unknown-member", [3]]);
  assert.equal(code((await bed.run(one, bed.transcript(NAMES, { feeders: ["f-9"] }))).answer), "not-a-feeder");
  const two = bed.start(2);
  context.after(() => two.stop());
  bed.vouch(two, ["m-1", "m-3"]);
  bed.endorse(two, "f-1", NAMES);
  const unknown = (await bed.run(two, bed.transcript(NAMES))).answer;
  assert.deepEqual(unknown?.type === "refuse" && [unknown.code, unknown.where], ["unknown-digest", [1]]);
});

test("refuses a meter that moved within the window", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  bed.meters("f-1", ...NAMES);
  bed.system.addMeter("m-6", [
    { feeder: "f-2", from: 0, to: bed.from + 3 },
    { feeder: "f-1", from: bed.from + 3, to: null },
  ]);
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, [...NAMES, "m-6"]);
  bed.endorse(one, "f-1", [...NAMES, "m-6"]);
  const { answer } = await bed.run(one, bed.transcript([...NAMES, "m-6"]));
  assert.deepEqual(answer?.type === "refuse" && [answer.code, answer.where], ["unknown-member", [3]]);
});

test("groups that differ by one meter, or by one meter's slot, are refused: their difference is a reading", async (context) => {
  const { bed, one } = setUp(context);
  const without = (await bed.run(one, bed.transcript(["m-1", "m-2"]))).answer;
  assert.equal(code(without), "other-meters");
  assert.equal((await bed.run(one, bed.transcript(NAMES))).answer?.type, "ready");
  bed.endorse(one, "f-2", ["m-4"], { slots: [5] });
  bed.endorse(one, "f-2", ["m-4", "m-5"], { slots: [0, 1, 2, 3, 4, 6, 7] });
  const slot = (await bed.run(one, bed.transcript(["m-4", "m-5"], { feeders: ["f-2"] }))).answer;
  assert.deepEqual(slot?.type === "refuse" && [slot.code, slot.where], ["other-meters", [1]]);
  // Both feeders together are no way around it.
  const both = (await bed.run(one, bed.transcript([...NAMES, "m-4"], { feeders: ["f-1", "f-2"] }))).answer;
  assert.equal(code(both), "other-meters");
});

test("a meter of a load without a ciphertext costs a group its feeder, and is named", async (context) => {
  const { bed, one } = setUp(context);
  bed.endorse(one, "f-2", ["m-4", "m-5"]);
  const fleet = (names: string[], feeders = ["f-1", "f-2"]) => bed.transcript(names, { feeders });
  const { answer } = await bed.run(one, fleet(["m-1", "m-2", "m-4", "m-5"]));
  assert.ok(answer?.type === "refuse");
  assert.deepEqual([answer.code, answer.where], ["other-meters", [0, 1]], "all of f-1, none of f-2");
  assert.match(answer.detail, /f-1 lacks m-3/);
  assert.equal((await bed.run(one, fleet(["m-4", "m-5"], ["f-2"]))).answer?.type, "ready");
});

test("opens what a meter left out of its load and ciphertext alike", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  bed.meters("f-1", ...NAMES);
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, ["m-1", "m-2"]);
  bed.vouch(one, ["m-3"], { slots: [0, 1, 2, 3, 4, 5, 6] });
  bed.endorse(one, "f-1", NAMES, { slots: [0, 1, 2, 3, 4, 5, 6] });
  assert.equal(code((await bed.run(one, bed.transcript(NAMES))).answer), "not-released");
  bed.endorse(one, "f-1", ["m-1", "m-2"], { slots: [7] });
  const { job, answer } = await bed.run(one, bed.transcript(NAMES));
  assert.equal(answer?.type, "ready");
  for (let times = 0; times < 2; times++) {
    const partial = await bed.open(one, job, [1, 2]);
    assert.deepEqual(partial?.type === "partial" && partial.meters, [3, 3, 3, 3, 3, 3, 3, 2]);
  }
});

test("peaks are of the first slot alone: where rosters differ between slots one meter's would be the difference", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  const early = [0, 1, 2, 3, 4, 5, 6];
  bed.meters("f-1", ...NAMES, "m-7");
  const [one, two] = [bed.start(), bed.start(2)];
  context.after(() => one.stop());
  context.after(() => two.stop());
  for (const to of [one, two]) {
    bed.endorse(to, "f-1", NAMES, { slots: early });
    bed.endorse(to, "f-1", ["m-1", "m-2"], { slots: [7] });
  }
  // The same peak in every slot with a reading: slots 6 and 7 differ by that of m-3.
  bed.vouch(one, ["m-1", "m-2"], { series: "peaks" });
  bed.vouch(one, ["m-3"], { series: "peaks", slots: early });
  const leaking = (await bed.run(one, bed.transcript(NAMES, { series: ["peaks"] }))).answer;
  assert.deepEqual(leaking?.type === "refuse" && [leaking.code, leaking.where], ["other-meters", [0, 1, 2]]);
  bed.vouch(two, NAMES, { series: "peaks", slots: [0] });
  assert.equal((await bed.run(two, bed.transcript(NAMES, { series: ["peaks"] }))).answer?.type, "ready");
  bed.vouch(two, ["m-7"], { series: "peaks", slots: [0] });
  const other = (await bed.run(two, bed.transcript([...NAMES, "m-7"], { series: ["peaks"] }))).answer;
  assert.deepEqual(other?.type === "refuse" && [other.code, other.where], ["other-meters", [3]]);
});

test("a load that is not endorsed yet may pass: the same job is ready later", async (context) => {
  const { bed, one } = setUp(context);
  const transcript = bed.transcript([...NAMES, "m-4", "m-5"], { feeders: ["f-1", "f-2"] });
  assert.equal(code((await bed.run(one, transcript)).answer), "not-released");
  bed.endorse(one, "f-2", ["m-4", "m-5"]);
  assert.equal((await bed.run(one, transcript)).answer?.type, "ready");
});

test("a load that q aggregators have not endorsed opens nothing: others may have endorsed another set", async (context) => {
  const { bed, one } = setUp(context);
  const transcript = bed.transcript([...NAMES, "m-4", "m-5"], { feeders: ["f-1", "f-2"] });
  bed.endorse(one, "f-2", ["m-4", "m-5"], { proven: false });
  assert.equal(code((await bed.run(one, transcript)).answer), "not-released");
});

test("the loads must be of the series' own kind", async (context) => {
  const { bed, one } = setUp(context);
  bed.vouch(one, NAMES, { series: "export" });
  const transcript = bed.transcript(NAMES, { series: ["export"] });
  assert.equal(code((await bed.run(one, transcript)).answer), "not-released");
  bed.endorse(one, "f-1", NAMES, { kind: 2 });
  assert.equal((await bed.run(one, transcript)).answer?.type, "ready");
});

test("refuses too few meters, and counts only those with a value", async (context) => {
  const bed = new JobBed(temporaryFolder(context), { minMeters: 3 });
  bed.meters("f-1", ...NAMES);
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, ["m-1", "m-2"]);
  bed.vouch(one, ["m-3"], { slots: [] });
  bed.endorse(one, "f-1", ["m-1", "m-2"]);
  assert.equal(code((await bed.run(one, bed.transcript(NAMES))).answer), "too-few-inputs");
});

test("refuses another epoch, other parameters, unknown series and circuits, and circuits that the series does not fit", async (context) => {
  const { bed, one } = setUp(context);
  const asked = async (fields: Parameters<JobBed["transcript"]>[1]) =>
    code((await bed.run(one, bed.transcript(NAMES, fields))).answer);
  assert.equal(await asked({ epoch: 2 }), "unknown-epoch");
  const { epochs } = bed;
  bed.epochs = [{ ...epochs[0]!, epoch: 3 }];
  assert.equal(await asked({}), "wrong-epoch", "the share of an epoch before it is not here");
  bed.epochs = epochs;
  assert.equal(await asked({ parametersId: new Uint8Array(8) }), "wrong-parameters");
  assert.equal(await asked({ series: ["heavy"] }), "wrong-parameters");
  assert.equal(await asked({ series: ["nights"] }), "malformed-job");
  assert.equal(await asked({ circuit: "peek" }), "unknown-circuit");
  assert.equal(await asked({ parameters: { weights: [1] } }), "malformed-job");
  assert.equal(await asked({ circuit: "variance" }), "malformed-job");
  assert.equal(await asked({ slots: 7 }), "wrong-digest");
  const bytes = encodeTranscript(bed.transcript(NAMES)) as Uint8Array<ArrayBuffer>;
  const [other] = await bed.tell(one, "f".repeat(32), { type: "job", transcript: bytes });
  assert.equal(code(other), "malformed-job");
  const cut = bytes.slice(0, -1);
  assert.equal(code((await bed.tell(one, jobIdOf(cut), { type: "job", transcript: cut }))[0]), "malformed-job");
  assert.equal(bed.machines.length, 0, "no thread is started for any of these");
});

test("numbers beyond sums need k meters each, over all jobs, also after a kill", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  bed.meters("f-1", ...NAMES);
  const one = bed.start();
  context.after(() => one.stop());
  for (const series of ["load", "squares"]) bed.vouch(one, NAMES, { series });
  bed.endorse(one, "f-1", NAMES);
  // Three meters, k = 2: one number for each slot. A sum of squares is one.
  const squares = bed.transcript(NAMES, { series: ["squares"] });
  const first = await bed.run(one, squares);
  assert.equal(first.answer?.type, "ready");
  assert.equal((await bed.open(one, first.job, [1, 2]))?.type, "partial");
  one.kill();
  const shifted = bed.transcript(NAMES, { series: ["squares"], circuit: "mean" });
  const refused = (await bed.run(one, shifted)).answer;
  assert.equal(code(refused), "too-many-numbers");
  assert.equal((await bed.run(one, bed.transcript(NAMES))).answer?.type, "ready", "sums of readings are free");
});

test("numbers of two groups count for their difference: the feeder that one of them leaves out", async (context) => {
  const { bed, one } = setUp(context);
  bed.vouch(one, [...NAMES, "m-4", "m-5"], { series: "squares" });
  bed.endorse(one, "f-2", ["m-4", "m-5"]);
  const both = (circuit: string) =>
    bed.transcript([...NAMES, "m-4", "m-5"], { series: ["squares"], feeders: ["f-1", "f-2"], circuit });
  assert.equal((await bed.run(one, both("sum"))).answer?.type, "ready");
  assert.equal((await bed.run(one, both("mean"))).answer?.type, "ready", "two numbers of five meters");
  const part = (await bed.run(one, bed.transcript(NAMES, { series: ["squares"] }))).answer;
  assert.equal(code(part), "too-many-numbers", "then there would be two of m-4 and m-5, and three of f-1");
});

test("a job that is not opened gives way to the same statistic over other inputs", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  bed.meters("f-1", ...NAMES, "m-7");
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, NAMES, { series: "squares" });
  bed.vouch(one, ["m-7"], { series: "squares", slots: [] });
  bed.endorse(one, "f-1", NAMES);
  const before = await bed.run(one, bed.transcript(NAMES, { series: ["squares"] }));
  const after = await bed.run(one, bed.transcript([...NAMES, "m-7"], { series: ["squares"] }));
  assert.equal(after.answer?.type, "ready");
  assert.equal(code(await bed.open(one, before.job, [1, 2])), "unknown-job");
  assert.equal((await bed.open(one, after.job, [1, 2]))?.type, "partial");
});

test("a job that is being opened gives way to none, and what it gives is written down", async (context) => {
  const bed = new JobBed(temporaryFolder(context));
  bed.meters("f-1", ...NAMES, "m-7");
  const one = bed.start();
  context.after(() => one.stop());
  bed.vouch(one, NAMES, { series: "squares" });
  bed.vouch(one, ["m-7"], { series: "squares", slots: [] });
  bed.endorse(one, "f-1", NAMES);
  const { job } = await bed.run(one, bed.transcript(NAMES, { series: ["squares"] }));
  const machine = bed.machines[0]!;
  const reached = { fold: gate(), open: gate() };
  const goOn = { fold: gate(), open: gate() };
  machine.before = (step) => {
    reached[step].open();
    return goOn[step].passed;
  };
  // The other job is being recomputed while this one is being opened, and is done before.
  const other = encodeTranscript(bed.transcript([...NAMES, "m-7"], { series: ["squares"] })) as Uint8Array<ArrayBuffer>;
  await bed.tell(one, jobIdOf(other), { type: "job", transcript: other });
  const items = [...NAMES, "m-7"].map((name): [string, string, Uint8Array<ArrayBuffer>] => [
    name,
    "squares",
    Uint8Array.from(bed.ciphertext(name, "squares")),
  ]);
  await bed.send(one, jobIdOf(other), { type: "inputs", items });
  await reached.fold.passed;
  await bed.send(one, job, bed.openRequest(job, [1, 2]));
  await reached.open.passed;
  one.take();
  goOn.fold.open();
  while (one.sent.length === 0) await new Promise((resolve) => setImmediate(resolve));
  goOn.open.open();
  await one.aggregator.idle();
  assert.deepEqual((await bed.said(one)).map(code), ["ready", "partial"]);
  const rows = one.db.prepare("SELECT active, outputs IS NULL AS opened FROM he_jobs WHERE job = ?").all(job);
  assert.deepEqual(rows, [{ active: "[1,2]", opened: 1 }]);
});

test("an opening that breaks off binds the job to its active set all the same", async (context) => {
  const { bed, one } = setUp(context);
  const { job } = await bed.run(one, bed.transcript(NAMES));
  bed.machines[0]!.breaks = true;
  assert.equal(code(await bed.open(one, job, [1, 2])), "too-busy");
  one.kill();
  assert.equal(code(await bed.open(one, job, [1, 3])), "other-active-set");
  assert.equal((await bed.open(one, job, [1, 2]))?.type, "partial");
});

test("the openings of a key are counted", async (context) => {
  const { bed, one } = setUp(context);
  bed.openings = 1;
  one.kill();
  const { job } = await bed.run(one, bed.transcript(NAMES));
  const second = await bed.run(one, bed.transcript(NAMES, { circuit: "mean" }));
  assert.equal(second.answer?.type, "ready");
  assert.equal((await bed.open(one, job, [1, 2]))?.type, "partial");
  assert.equal(code(await bed.open(one, second.job, [1, 2])), "too-many-numbers");
  assert.equal((await bed.open(one, job, [1, 2]))?.type, "partial");
});

test("a flood of jobs is bounded: what does not fit the queue is told to come again", async (context) => {
  const { bed, one } = setUp(context, { limits: { queuedJobs: 2 } });
  const told: (string | undefined)[] = [];
  for (let i = 0; i < 6; i++) {
    const transcript = bed.transcript(NAMES, { circuit: "affine", parameters: { factor: i + 2, offset: 0 } });
    const bytes = encodeTranscript(transcript) as Uint8Array<ArrayBuffer>;
    const [said] = await bed.tell(one, jobIdOf(bytes), { type: "job", transcript: bytes });
    told.push(code(said));
  }
  assert.deepEqual(told, ["need", undefined, undefined, "too-busy", "too-busy", "too-busy"]);
});

test("a job whose inputs do not come gives way to the next", async (context) => {
  const { bed, one } = setUp(context);
  const tell = async (circuit: string) => {
    const bytes = encodeTranscript(bed.transcript(NAMES, { circuit })) as Uint8Array<ArrayBuffer>;
    return (await bed.tell(one, jobIdOf(bytes), { type: "job", transcript: bytes })).map(code);
  };
  assert.deepEqual(await tell("sum"), ["need"]);
  assert.deepEqual(await tell("mean"), []);
  bed.system.seconds += 31;
  assert.deepEqual(await tell("profile"), ["need"]);
  assert.deepEqual(await tell("sum"), []);
});

test("inputs that nobody asked for are dropped and counted", async (context) => {
  const { bed, one } = setUp(context);
  const items = [["m-1", "load", Uint8Array.of(1)] as [string, string, Uint8Array<ArrayBuffer>]];
  assert.deepEqual(await bed.tell(one, "0".repeat(32), { type: "inputs", items }), []);
  assert.deepEqual(one.codes(), ["job-unasked-input"]);
});

test("a thread that dies costs its job an answer that may pass, and the next job gets a new thread", async (context) => {
  const { bed, one } = setUp(context);
  const bytes = encodeTranscript(bed.transcript(NAMES)) as Uint8Array<ArrayBuffer>;
  await bed.tell(one, jobIdOf(bytes), { type: "job", transcript: bytes });
  bed.machines[0]!.breaks = true;
  const items = NAMES.map((name): [string, string, Uint8Array<ArrayBuffer>] => [
    name,
    "load",
    Uint8Array.from(bed.ciphertext(name)),
  ]);
  assert.equal(code((await bed.tell(one, jobIdOf(bytes), { type: "inputs", items }))[0]), "too-busy");
  assert.equal((await bed.run(one, bed.transcript(NAMES))).answer?.type, "ready");
  assert.equal(bed.machines.length, 2);
});

test("an error that nobody thought of costs its job an answer that may pass, and no other job", async (context) => {
  const { bed, one } = setUp(context);
  const boom = (): Promise<never> => Promise.reject(new TypeError("of a secret"));
  const { job } = await bed.run(one, bed.transcript(NAMES, { circuit: "mean" }));
  bed.machines[0]!.before = boom;
  const { answer } = await bed.run(one, bed.transcript(NAMES));
  assert.ok(answer?.type === "refuse");
  assert.deepEqual([answer.code, answer.detail.includes("secret")], ["too-busy", false]);
  assert.equal((await bed.run(one, bed.transcript(NAMES))).answer?.type, "ready");
  bed.machines[1]!.before = boom;
  assert.equal(code(await bed.open(one, job, [1, 2])), "too-busy");
  assert.equal((await bed.open(one, job, [1, 2]))?.type, "partial");
  assert.deepEqual(one.codes(), ["job-unexpected", "job-unexpected"]);
});

test("an aggregator without homomorphic keys says so, and goes on as before", async (context) => {
  const { bed } = setUp(context);
  const plain = new TestAggregator(bed.system, 3, temporaryFolder(context), SETTINGS);
  context.after(() => plain.stop());
  assert.equal(code((await bed.run(plain, bed.transcript(NAMES))).answer), "no-keys");
});

test("only analytics is heard, and a job of somebody else is refused", async (context) => {
  const { bed, one } = setUp(context);
  const bytes = encodeTranscript(bed.transcript(NAMES));
  const said = await bed.system.ask(one, { type: "job", transcript: bytes } as never, "utility", "jobRequest");
  assert.deepEqual(said, []);
  assert.deepEqual(one.codes(), ["wrong-sender"]);
});

test("a clean stop waits for nothing that analytics owes", async (context) => {
  const { bed, one } = setUp(context);
  const bytes = encodeTranscript(bed.transcript(NAMES)) as Uint8Array<ArrayBuffer>;
  await bed.tell(one, jobIdOf(bytes), { type: "job", transcript: bytes });
  await one.aggregator.close();
  assert.equal(bed.machines[0]!.closed, true);
});
