import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobRequest } from "../../protocol/messages/ckks.ts";
import type { Job } from "../store/job.ts";
import { Couriers } from "./couriers.ts";
import { Opening } from "./opening.ts";

test("what is asked for while inputs are on their way is brought next, without being asked for again", async () => {
  const sent: string[] = [];
  let arrive = (): void => {};
  const couriers = new Couriers({
    jobs: { get: () => ({ firstSlot: 0 }) as Job } as never,
    ask: (_job, aggregator, request: JobRequest) => {
      if (request.type === "inputs") sent.push(`${aggregator}: ${request.items.map(([meter]) => meter).join()}`);
      return new Promise((resolve) => (arrive = resolve));
    },
    bytesOf: () => Uint8Array.of(1),
    messageBytes: 10,
    monotonic: () => 0,
    active: () => true,
    failed: (error) => assert.fail(String(error)),
  });
  const quorum = { aggregators: 3, threshold: 2, quorum: 2 };
  const backoff = { retrySeconds: 2, mostSeconds: 60 };
  const opening = new Opening({ number: 1, job: "j-1", active: undefined }, { ...quorum, backoff, now: 0 });
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  couriers.bring(opening, 1, [["m-1", "load"]]);
  await settle();
  couriers.bring(opening, 1, [["m-2", "load"]]);
  couriers.bring(opening, 1, [
    ["m-1", "load"],
    ["m-3", "load"],
  ]);
  assert.deepEqual(sent, ["1: m-1"]);
  arrive();
  await settle();
  assert.deepEqual(sent, ["1: m-1", "1: m-3"], "the last word counts, without what is on its way");
  assert.equal(opening.isBusy(1), true);
  arrive();
  await couriers.idle();
  assert.equal(opening.isBusy(1), false);
});
