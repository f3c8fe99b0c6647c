import assert from "node:assert/strict";
import { test } from "node:test";
import { CIPHERTEXT_CODES } from "../protocol/messages/ack-codes.ts";
import { Bed } from "./testing/bed.ts";
import { EPOCH_MARK } from "./testing/fake-circuits.ts";
import type { FakeMeter } from "./testing/fake-parties.ts";
import type { Job } from "./store/job.ts";

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

test("a ciphertext is stored once: a repeat is a duplicate, another one a conflict, and the first stands", async (t) => {
  const bed = await Bed.open(t, { meters: 2 });
  await bed.start();
  const [meter] = bed.meters;
  const first = bed.ciphertext("first");
  const send = async (bytes: Uint8Array): Promise<number> => {
    meter!.acks.length = 0;
    await meter!.send("load", bytes);
    return (await meter!.answerTo(bytes)).code;
  };
  assert.equal(await send(first), CIPHERTEXT_CODES.stored);
  assert.equal(await send(first), CIPHERTEXT_CODES.duplicate);
  assert.equal(await send(bed.ciphertext("second")), CIPHERTEXT_CODES.conflict);
  assert.equal(await send(bed.ciphertext(Uint8Array.of(0xff))), CIPHERTEXT_CODES.refused, "wrong parameters");
  const rows = bed.store((_, db) => db.prepare("SELECT bytes FROM ciphertexts").all()) as { bytes: Uint8Array }[];
  assert.equal(rows.length, 1);
  assert.deepEqual(Uint8Array.from(rows[0]!.bytes), first);
});

test("a ciphertext of several chunks arrives whole", async (t) => {
  const bed = await Bed.open(t, { meters: 1 });
  await bed.start();
  const large = bed.ciphertext(new Uint8Array(700_000).fill(7));
  await bed.meters[0]!.send("load", large);
  assert.equal((await bed.meters[0]!.answerTo(large)).code, CIPHERTEXT_CODES.stored);
});

test("kill -9 while meters send: what was acknowledged is there, and once", async (t) => {
  const bed = await Bed.open(t, { meters: 12 });
  await bed.start();
  await Promise.all(bed.meters.map((meter) => meter.send("load", bed.ciphertext(`of ${meter.id}`))));
  await bed.happenings.until(() => bed.meters.some(({ acks }) => acks.length > 0), "a first answer");
  await bed.kill();
  const acked = bed.meters.filter(({ acks }) => acks.length > 0).map(({ id }) => id);
  const stored = (): string[] =>
    bed.store((_, db) => db.prepare("SELECT meter FROM ciphertexts ORDER BY meter").pluck().all() as string[]);
  for (const id of acked) assert.ok(stored().includes(id), id);
  await bed.start();
  for (const meter of bed.meters) meter.acks.length = 0;
  const codes = await bed.sendAll();
  assert.ok(codes.every((code) => code === CIPHERTEXT_CODES.stored || code === CIPHERTEXT_CODES.duplicate));
  assert.deepEqual(
    stored(),
    bed.meters.map(({ id }) => id),
  );
});

test("kill -9 in every state of a job: it is opened once, by one active set, over each input once", async (t) => {
  const bed = await Bed.open(t, { meters: 6 });
  await bed.start();
  await bed.sendAll();
  await bed.kill();
  await bed.start({ FAKE_DELAY: "150" });
  const number = bed.request();
  await bed.untilState(number, "computing");
  await bed.kill();
  for (const aggregator of bed.aggregators) aggregator.silent = true;
  await bed.start();
  await bed.untilState(number, "asking");
  await bed.kill();
  bed.utility.silent = true;
  for (const aggregator of bed.aggregators) aggregator.silent = false;
  await bed.start();
  await bed.untilState(number, "opening");
  await bed.kill();
  bed.utility.silent = false;
  await bed.start();
  await bed.untilState(number, "opened");
  const asked = new Set(bed.aggregators.flatMap((aggregator) => aggregator.asked));
  assert.equal(asked.size, 1, "one active set, however often it is asked");
  const results = bed.store((_, db) => db.prepare("SELECT inputs FROM he_results").pluck().all());
  assert.deepEqual(results, [6]);
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
  await bed.start();
  await bed.sendAll();
  const stuck = bed.request();
  const [jobOf, reasonOf] = [
    (number: number) => bed.store((jobs) => jobs.get(number)),
    () => jobOf(stuck)?.reason ?? "",
  ];
  await bed.happenings.until(() => reasonOf().startsWith("a-1 said ready"), "a-1 to be named");
  assert.deepEqual([jobOf(stuck)?.state, jobOf(stuck)?.code, jobOf(stuck)?.active], ["opening", "unanswered", [1, 2]]);
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

test("refuses what does not fit, what has too few inputs, and what the queue has no room for", async (t) => {
  const bed = await Bed.open(t, { meters: 2, analytics: { maxQueuedJobs: 1 } });
  await bed.start();
  const few = bed.request();
  await bed.untilState(few, "refused");
  assert.equal(
    bed.store((jobs) => jobs.get(few)?.code),
    "too-few-inputs",
  );
  await bed.sendAll();
  const greedy = bed.request({ circuit: "greedy" });
  await bed.untilState(greedy, "refused");
  assert.match(bed.store((jobs) => jobs.get(greedy)?.reason) ?? "", /strong would do/);
  for (const aggregator of bed.aggregators) aggregator.silent = true;
  const waiting = bed.request();
  await bed.untilState(waiting, "asking");
  const more = bed.request();
  await bed.untilState(more, "refused");
  assert.equal(
    bed.store((jobs) => jobs.get(more)?.code),
    "queue-full",
  );
});

test("a job is cancelled while it is computed", async (t) => {
  const bed = await Bed.open(t, { meters: 6 });
  await bed.start({ FAKE_DELAY: "400" });
  await bed.sendAll();
  const number = bed.request();
  await bed.untilState(number, "computing");
  assert.equal(
    bed.store((jobs) => jobs.requestCancel(number)),
    true,
  );
  await bed.untilState(number, "cancelled");
  assert.equal(
    bed.store((jobs) => jobs.requestCancel(number)),
    false,
  );
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

test("scheduled jobs run once for each window and feeder, when all meters have sent", async (t) => {
  const scheduled = { circuit: "sum", series: "load", everyWindows: 1, parameters: {} };
  const jobs = [
    { ...scheduled, group: "feeders" as const },
    { ...scheduled, group: "fleet" as const },
  ];
  const bed = await Bed.open(t, { meters: 4, feeders: 2, analytics: { jobs } });
  await bed.start();
  await bed.sendAll();
  await bed.happenings.until(() => bed.store((store) => store.countStates().opened) === 3, "three opened jobs");
  await bed.kill();
  await bed.start();
  const number = bed.request();
  await bed.untilState(number, "opened");
  const labels = bed.store((store) => store.latest(10).map(({ label }) => label));
  assert.deepEqual(labels.sort(), ["f-1", "f-1", "f-2", "fleet"]);
});

test("the command line asks, waits, prints, lists and refuses beside the running role", async (t) => {
  const bed = await Bed.open(t, { meters: 3 });
  await bed.start();
  await bed.sendAll();
  const asked = await bed.he("sum", "--group", "f-1", "--json");
  assert.equal(asked.code, 0, asked.stderr);
  const [result] = JSON.parse(asked.stdout) as { group: string; meters: number; openedBy: number[] }[];
  assert.equal(result?.group, "f-1");
  assert.equal(result.meters, 3);
  assert.equal(result.openedBy.length, 2);
  assert.match((await bed.he("jobs")).stdout, /sum .* f-1 .* opened/);
  assert.match((await bed.he("sum", "--group", "f-1")).stdout, /^job 2: sum of load over f-1/);
  assert.match((await bed.he("job", "1")).stdout, /active set +a-\d, a-\d/);
  assert.match((await bed.he("results")).stdout, /a-\d, a-\d/);
  const twice = await bed.he("sum", "--group", "fleet,f-1");
  assert.match(twice.stderr, /--group fleet,f-1: fleet is all feeders; it stands alone/);
  const wrong = await bed.he("sum", "--group", "f-9");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /--group f-9: no such feeder; expected fleet, or one or more of f-1/);
  assert.match((await bed.he("guess")).stderr, /guess: no such command or circuit/);
  assert.match((await bed.he("cancel", "1")).stderr, /cancel 1: it is opened already/);
});

test("a job takes the ciphertexts of one epoch; those of keys that are not known yet are left to be sent again", async (t) => {
  const bed = await Bed.open(t, { meters: 5 });
  await bed.start();
  for (const [i, meter] of bed.meters.entries()) {
    const bytes = bed.ciphertext(Uint8Array.of(EPOCH_MARK, i < 2 ? 1 : 2, i));
    await meter.send("load", bytes);
    assert.equal((await meter.answerTo(bytes)).code, CIPHERTEXT_CODES.stored);
  }
  const number = bed.request();
  await bed.untilState(number, "opened");
  assert.equal(
    bed.store((_, db) => db.prepare("SELECT inputs FROM he_results").pluck().get()),
    3,
  );
});

test("jobs are refused where the process has no memory for them, even with new threads", async (t) => {
  const bed = await Bed.open(t, { meters: 3, analytics: { maxMemoryMiB: 64 } });
  await bed.start();
  await bed.sendAll();
  const number = bed.request();
  await bed.untilState(number, "refused");
  const job = bed.store((jobs) => jobs.get(number));
  assert.equal(job?.code, "out-of-memory");
  assert.match(
    job.reason,
    /^analytics.maxMemoryMiB: the process takes \d+ MiB, \d+ of them in threads; it may take 64$/,
  );
});

test("a job over two series, scheduled or asked for, takes both of every meter in the circuit's order", async (t) => {
  const jobs = [
    { circuit: "sum", series: ["load-products", "load"], group: "fleet" as const, everyWindows: 1, parameters: {} },
  ];
  const bed = await Bed.open(t, { meters: 3, analytics: { jobs } });
  await bed.start();
  await bed.sendAll();
  for (const meter of bed.meters) {
    const bytes = bed.ciphertext(`more of ${meter.id}`, "load-products");
    await meter.send("load-products", bytes);
    await meter.answerTo(bytes);
  }
  await bed.happenings.until(() => bed.store((store) => store.countStates().opened) === 1, "one opened job");
  const [job] = bed.store((store) => store.latest(1));
  assert.deepEqual(job?.series, ["load-products", "load"]);
  assert.equal(job.total, 6);
  const asked = await bed.he("covariance", "--series", "load,load-products", "--json", "--no-wait");
  assert.equal(asked.code, 0, asked.stderr);
  const [queued] = JSON.parse(asked.stdout) as { series: string[] }[];
  assert.deepEqual(queued?.series, ["load", "load-products"]);
  assert.match((await bed.he("sum", "--series", "load,load")).stderr, /--series load,load: a series twice/);
  assert.match((await bed.he("max")).stderr, /max: load .* cannot be compared on ciphertexts; .* would do/);
  const plan = await bed.he("plan", "affine", "--parameter", "factor=2", "--parameter", "offset=1");
  assert.equal(plan.code, 1);
  const fault = /affine of load from .*, up to 3 meters: does not fit: .*standard would do \(here: load-products\)/;
  assert.match(plan.stdout, fault);
  assert.doesNotMatch(plan.stdout, /Infinity/);
});
