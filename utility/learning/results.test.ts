/** What is kept, and published, of a learning round that came to nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { failed, newRound } from "../rounds/record.ts";
import { addModelRound, modelRound } from "../store/learning-store.ts";
import { Harness } from "../testing/harness.ts";
import { writeVector } from "./results.ts";

test("the result of a round that failed does not tell who took part", async (t) => {
  const { utility } = await Harness.make(t);
  const shape = { vector: { length: 1, laneBits: 20, lanes: 1 }, noise: {}, bound: undefined };
  const round = "0".repeat(32);
  await addModelRound(utility.db, {
    ...{ round, campaign: "c", step: 1, task: "train", closes_at: 0, min_meters: 2, max_meters: 9 },
    ...{ shape: JSON.stringify(shape), model: new Uint8Array(32), status: "asked", reason: "", round_id: null },
    ...{ set_id: null, meters: null, sum: null, spare_answers: null, proved: null, unproved: null, left_out: null },
    ...{ settled_at: null, content: null },
  });
  const question = {
    ...{ purpose: "vector" as const, feeder: round, kinds: [], schemes: [], assignment: [] },
    ...{ segments: [[0, 1]] as [[number, number]], meters: ["m-001", "m-002"] },
  };
  const record = failed(
    newRound(question, 0, 1),
    "inconsistent-shares",
    "the shares of m-002 do not belong together",
    {},
  );
  await writeVector(utility.db, utility, record, { content: undefined, collected: undefined } as never);
  const row = await modelRound(utility.db, round);
  assert.deepEqual([row?.status, row?.reason], ["inconsistent-shares", "the shares of a meter do not belong together"]);
});
