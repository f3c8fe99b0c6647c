/** What anyone is told of rounds: what went wrong, and of nobody's home. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KINDS } from "../protocol/units.ts";
import { detectionAlert, roundAlert } from "./publisher.ts";
import { failed, newRound } from "./rounds/record.ts";

const round = newRound(
  {
    ...{ purpose: "billing", feeder: "f-1", kinds: [KINDS.import], schemes: [], assignment: [] },
    ...{ segments: [[96, 192]], meters: ["m-001", "m-002", "of-late"] },
  },
  0,
  1,
);

test("an alert of a round that waits or failed names no meter", () => {
  const refusal =
    "1 of the 2 endorsements that are needed; offline: a-2; a-1 refuses (difference-too-small: in bills but not in";
  const reason = `${refusal} loads: 3 cells of 2 meters (m-002 from slot 101, of-late from slot 99); expected none)`;
  const told = `${refusal} loads: 3 cells of 2 meters (a meter from slot 101, a meter from slot 99); expected none)`;
  assert.deepEqual(roundAlert({ ...round, status: "waiting", reason }, 9.5), {
    ...{ time: 9, code: "round-waiting", round: round.id },
    message: `billing round of feeder f-1 waits: ${told}`,
  });
  const ended = roundAlert(
    failed(round, "inconsistent-shares", "the shares of m-001, m-002 do not belong together", {}),
    0,
  );
  assert.equal(
    ended.message,
    "billing round of feeder f-1 failed: the shares of a meter, a meter do not belong together",
  );
});

test("an alert of an aggregator that lied names it, and no meter", () => {
  const detection = { aggregator: 2, code: "wrong-sums", verdict: "liar", answers: [] } as const;
  const alert = detectionAlert(
    round,
    { ...detection, detail: "sums of 1 totals of m-001 are off those of all others" },
    0,
  );
  const what = "sums of 1 totals of a meter are off those of all others";
  assert.equal(alert.message, `aggregator 2 lied in the billing round of feeder f-1: ${what}`);
});
