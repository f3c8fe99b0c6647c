import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { OpenedBed } from "./testing/opened-bed.ts";
import { OpenedStore, type WaitingLimits } from "./opened-store.ts";

const HASH = new Uint8Array(32);

async function storeOf(t: TestContext, limits: WaitingLimits) {
  const bed = await OpenedBed.make(t);
  let time = 0;
  const store = new OpenedStore(bed.db, () => time++, bed.ledger, limits);
  const part = (job: string, aggregator: number, bytes: number) =>
    store.keepPartial({
      job,
      aggregator,
      transcript: HASH,
      active: [1, 2],
      meters: [],
      outputs: [new Uint8Array(bytes)],
    });
  const output = (job: string, bytes: number) =>
    store.keepOutput({ job, transcript: new Uint8Array(bytes), active: [1, 2], c0: [new Uint8Array(bytes)] });
  const kept = async (table: "he_partials" | "he_outputs") =>
    (await bed.db.selectFrom(table).select("job").orderBy("received_at").execute()).map(({ job }) => job);
  return { part, output, kept };
}

test("parts of jobs that nobody knows are bounded in bytes, for each aggregator by itself", async (t) => {
  const { part, kept } = await storeOf(t, { messages: 100, bytes: 10_000 });
  await part("honest", 2, 4_000);
  for (let i = 0; i < 5; i++) assert.equal(await part(`flood-${i}`, 1, 4_000), "new");
  assert.deepEqual(await kept("he_partials"), ["honest", "flood-3", "flood-4"]);
  assert.equal(await part("giant", 1, 20_000), "new", "one is always taken: its size is checked when the job is known");
  assert.deepEqual(await kept("he_partials"), ["honest", "giant"]);
});

test("first halves that wait are bounded in number and bytes", async (t) => {
  const { output, kept } = await storeOf(t, { messages: 3, bytes: 10_000 });
  for (let i = 0; i < 5; i++) await output(`small-${i}`, 10);
  assert.deepEqual(await kept("he_outputs"), ["small-2", "small-3", "small-4"]);
  await output("large", 4_990);
  assert.deepEqual(await kept("he_outputs"), ["large"]);
});
