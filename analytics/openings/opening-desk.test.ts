import assert from "node:assert/strict";
import { test } from "node:test";
import type { Job } from "../store/job.ts";
import { OpeningDesk } from "./opening-desk.ts";

/** Jobs as the database has them, as far as the desk asks. */
class FakeJobs {
  readonly rows: Job[];
  readonly fixed = new Map<number, readonly number[]>();
  readonly #outputs = new Map<string, readonly number[]>();

  constructor(names: readonly string[]) {
    this.rows = names.map((job, index) => {
      const row: Partial<Job> = { number: index + 1, job, state: "asking", key: job, transcript: Buffer.from(job) };
      return row as Job;
    });
  }

  get = (number: number) => this.rows[number - 1];
  inState = (state: string) => this.rows.filter((row) => row.state === state);
  activeOf = () => undefined;
  activeOfOutputs = (names: readonly string[]) => names.map((name) => this.#outputs.get(name)).find(Boolean);
  outputs = () => [{ bytes: Buffer.alloc(1), c0: Buffer.alloc(1) }];
  wordsOf = () => [];
  note = () => {};

  fixActive = (number: number, active: readonly number[], { outputs }: { outputs: readonly string[] }) => {
    this.fixed.set(number, active);
    this.rows[number - 1] = { ...this.rows[number - 1]!, state: "opening", active };
    for (const output of outputs) this.#outputs.set(output, active);
  };
}

test("two jobs that give one output are opened by one set, though others answered first for each", async () => {
  const jobs = new FakeJobs(["sum", "mean"]);
  const computed: (() => void)[] = [];
  let time = 0;
  const desk = new OpeningDesk({
    jobs: jobs as never,
    ...{ db: undefined as never, results: { get: () => undefined } as never },
    quorum: { aggregators: 3, threshold: 2, quorum: 2 },
    backoff: { retrySeconds: 2, mostSeconds: 60 },
    ...{ maxOpen: 8, messageBytes: 10, answerSeconds: 30, monotonic: () => time, now: () => 0 },
    isWord: () => true,
    ask: () => Promise.resolve(),
    handOver: () => Promise.resolve(),
    bytesOf: () => undefined,
    openingHalves: () => new Promise((resolve) => computed.push(() => resolve([Buffer.alloc(1)]))),
    inputMeters: () => [],
    outputNames: () => ["the same sum"],
    read: () => assert.fail("nothing is opened here"),
    ...{ again: () => false, came: () => false, ended: () => {} },
    refuse: (code, detail) => assert.fail(`${code}: ${detail}`),
    crash: (error) => assert.fail(String(error)),
  });
  desk.poll();
  time = 31; // no longer waits for the third of each
  const ready = (job: string, aggregator: number): void => {
    desk.answered(aggregator, { type: "ready", job, endorsement: Buffer.alloc(1) } as never);
  };
  for (const aggregator of [1, 2]) ready("sum", aggregator);
  for (const aggregator of [2, 3]) ready("mean", aggregator);
  assert.equal(computed.length, 2, "both are being computed before either is fixed");
  for (const finish of computed) finish();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    [...jobs.fixed],
    [
      [1, [1, 2]],
      [2, [1, 2]],
    ],
  );
});
