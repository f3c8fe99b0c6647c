/** Analytics as a process among fake parties: what aggregators and the utility may answer to a job. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "./store/job.ts";
import { Bed } from "./testing/bed.ts";
import type { FakeMeter } from "./testing/fake-parties.ts";

test("a job over all meters' ciphertexts is opened by t aggregators and told by the utility", async (t) => {
  const bed = await Bed.open(t, { meters: 4 });
  await bed.start();
  assert.deepEqual(await bed.sendAll(), [0, 0, 0, 0]);
  const number = bed.request();
  await bed.untilState(number, "opened");
  const [job, result] = bed.store((jobs, db) => [jobs.get(number), db.prepare("SELECT * FROM he_results").get()]);
  assert.equal(job?.active?.length, 2);
  assert.deepEqual(JSON.parse((result as { values: string }).values), { sum: [1, 2, 3] });
  assert.equal((result as { inputs: number }).inputs, 4);
});

test("t - 1 aggregators are not enough, and one that returns is", async (t) => {
  const bed = await Bed.open(t, { meters: 3, analytics: { answerSeconds: 60 } });
  const [, second, third] = bed.aggregators;
  second!.silent = true;
  third!.silent = true;
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.happenings.until(() => bed.aggregators[0]!.jobs.size === 1, "the job told");
  await bed.untilState(number, "asking");
  second!.silent = false;
  await bed.untilState(number, "opened");
  assert.deepEqual(
    bed.store((jobs) => jobs.get(number)?.active),
    [1, 2],
  );
});

test("one output is opened by one active set, whatever jobs it is of", async (t) => {
  const bed = await Bed.open(t, { meters: 3, analytics: { answerSeconds: 60 } });
  const [first, second] = bed.aggregators;
  first!.silent = true;
  await bed.start();
  await bed.sendAll();
  const sum = bed.request();
  await bed.untilState(sum, "opened");
  first!.silent = false;
  second!.silent = true;
  // The mean of one feeder is its sum until it is read. Aggregators 1 and 3 are ready for it.
  const mean = bed.request({ circuit: "mean" });
  await bed.untilState(mean, "opening");
  for (const number of [sum, mean]) {
    assert.deepEqual(
      bed.store((jobs) => jobs.get(number)?.active),
      [2, 3],
    );
  }
});

test("an aggregator that signs something else is not ready, whatever it says", async (t) => {
  const bed = await Bed.open(t, { meters: 3, analytics: { answerSeconds: 30 } });
  bed.aggregators[0]!.forges = true;
  bed.aggregators[2]!.silent = true;
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.happenings.until(
    () => bed.aggregators.slice(0, 2).every(({ inputsReceived }) => inputsReceived === 3),
    "inputs",
  );
  bed.aggregators[2]!.silent = false;
  await bed.untilState(number, "opened");
  assert.deepEqual(
    bed.store((jobs) => jobs.get(number)?.active),
    [2, 3],
  );
});

test("an aggregator that is ready and then does not open is named, and others open the next job", async (t) => {
  const bed = await Bed.open(t, { meters: 4, feeders: 2, analytics: { answerSeconds: 2 } });
  bed.aggregators[0]!.stalls = true;
  // So that the first two are chosen, whoever is quicker.
  bed.aggregators[2]!.refuses = { code: "not-released", meters: [] };
  await bed.start();
  await bed.sendAll();
  const stuck = bed.request();
  const [jobOf, reasonOf] = [
    (number: number) => bed.store((jobs) => jobs.get(number)),
    () => jobOf(stuck)?.reason ?? "",
  ];
  await bed.happenings.until(() => reasonOf().startsWith("a-1 said ready"), "a-1 to be named");
  assert.deepEqual([jobOf(stuck)?.state, jobOf(stuck)?.code, jobOf(stuck)?.active], ["opening", "unanswered", [1, 2]]);
  bed.aggregators[2]!.refuses = undefined;
  const next = bed.request({ label: "f-2", feeders: ["f-2"] });
  await bed.untilState(next, "opened");
  assert.deepEqual(jobOf(next)?.active, [2, 3]);
  bed.aggregators[0]!.stalls = false;
  await bed.untilState(stuck, "opened");
});

test("loads that are not released yet are waited for", async (t) => {
  const bed = await Bed.open(t, { meters: 3 });
  for (const aggregator of bed.aggregators) aggregator.refuses = { code: "not-released", meters: [] };
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  const code = (): string | undefined => bed.store((jobs) => jobs.get(number)?.code);
  await bed.happenings.until(() => code() === "not-released", "the obstacle noted");
  for (const aggregator of bed.aggregators) aggregator.refuses = undefined;
  await bed.untilState(number, "opened");
});

test("a job that aggregators refuse keeps the reason", async (t) => {
  const bed = await Bed.open(t, { meters: 3 });
  for (const aggregator of bed.aggregators) aggregator.refuses = { code: "too-many-numbers", meters: [] };
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.untilState(number, "refused");
  const job = bed.store((jobs) => jobs.get(number));
  assert.equal(job?.code, "too-many-numbers");
  assert.match(job.reason, /a-\d: too-many-numbers \(as the test says\)/);
});

test("inputs that aggregators object to are left out", async (t) => {
  const bed = await Bed.open(t, { meters: 4 });
  for (const aggregator of bed.aggregators) aggregator.refuses = { code: "other-meters", meters: [bed.meters[1]!.id] };
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.happenings.until(() => bed.store((jobs) => jobs.get(number)?.excluded.length) === 1, "one left out");
  for (const aggregator of bed.aggregators) aggregator.refuses = undefined;
  await bed.untilState(number, "opened");
  assert.equal(
    bed.store((_, db) => db.prepare("SELECT inputs FROM he_results").pluck().get()),
    3,
  );
});

test("a feeder whose inputs are all objected to is left out, and the result says so", async (t) => {
  const bed = await Bed.open(t, { meters: 6, feeders: 2 });
  // Meters go to feeders in turn: these are all of one feeder.
  const meters = [0, 2, 4].map((i) => bed.meters[i]!.id);
  for (const aggregator of bed.aggregators) aggregator.refuses = { code: "other-meters", meters };
  await bed.start();
  await bed.sendAll();
  const number = bed.request({ label: "fleet", feeders: ["f-1", "f-2"] });
  await bed.happenings.until(() => bed.store((jobs) => jobs.get(number)?.excluded.length) === 3, "a feeder left out");
  for (const aggregator of bed.aggregators) aggregator.refuses = undefined;
  await bed.untilState(number, "opened");
  const row = bed.store((_, db) => db.prepare("SELECT inputs, left_out FROM he_results").get());
  assert.deepEqual(row, { inputs: 3, left_out: '["f-1"]' });
  assert.match((await bed.he("results")).stdout, /fleet without f-1/);
});

test("a feeder that was left out for want of a ciphertext is taken again when it comes", async (t) => {
  const jobs = [{ circuit: "sum", series: "load", group: "fleet" as const, everyWindows: 1, parameters: {} }];
  const bed = await Bed.open(t, { meters: 4, feeders: 2, analytics: { jobs, quietSeconds: 0 }, graceSlots: 0 });
  const [first, second, ofFirst, ofSecond] = bed.meters;
  // The load of the second feeder has a meter whose ciphertext lacks: nothing of that feeder may be an input.
  const refuses = { code: "other-meters" as const, meters: [second!.id] };
  for (const aggregator of bed.aggregators) aggregator.refuses = refuses;
  await bed.start();
  const job = (): Job | undefined => bed.store((store) => store.latest(1)[0]);
  const send = (meter: FakeMeter): Promise<void> => meter.send("load", bed.ciphertext(`of ${meter.id}`));
  const refused = async (code: string, total: number): Promise<void> => {
    const stands = (): boolean => job()?.code === code && job()?.state === "refused" && job()?.total === total;
    await bed.happenings.until(stands, `${code} over ${total}`);
  };
  await Promise.all([send(first!), send(second!)]);
  await refused("too-few-inputs", 1);
  assert.deepEqual(job()?.excluded, [second!.id]);
  await send(ofFirst!);
  await refused("other-meters", 2);
  for (const aggregator of bed.aggregators) aggregator.refuses = undefined;
  await send(ofSecond!);
  await bed.untilState(job()!.number, "opened");
  const row = bed.store((_, db) => db.prepare("SELECT inputs, left_out FROM he_results").get());
  assert.deepEqual(row, { inputs: 4, left_out: "[]" });
});

test("what the utility cannot open fails with its reason", async (t) => {
  const bed = await Bed.open(t, { meters: 2 });
  bed.utility.fails = "beyond-noise";
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.untilState(number, "failed");
  assert.equal(
    bed.store((jobs) => jobs.get(number)?.code),
    "beyond-noise",
  );
});
