/** Analytics as a process among fake parties: ciphertexts in, jobs computed, killed on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CIPHERTEXT_CODES } from "../protocol/messages/ack-codes.ts";
import { Bed } from "./testing/bed.ts";
import { EPOCH_MARK } from "./testing/fake-circuits.ts";

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
