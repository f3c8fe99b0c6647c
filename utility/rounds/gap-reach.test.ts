/** Catch-up cells whose gap began before the billing period: counted as the aggregators count them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bitmapOf, emptyBitmap } from "../../protocol/bitmap.ts";
import type { Question } from "../../protocol/messages/round.ts";
import { KINDS } from "../../protocol/units.ts";
import { DAY, Harness } from "../testing/harness.ts";
import { lastCell, openGaps } from "./gap-reach.ts";
import { releasableCells } from "./release-rules.ts";

const SLOTS = 16;
const NONE = new Uint8Array(0);
const QUESTION: Question = {
  purpose: "billing",
  feeder: "f",
  meters: ["m-0"],
  segments: [[100, 100 + SLOTS]],
  kinds: [KINDS.import, KINDS.catchup],
};

/** What is released of the catch-up cells at these slots, with import at those. */
function released(imports: readonly number[], catchups: readonly number[], before?: number): Uint8Array | undefined {
  const missingBefore = before === undefined ? undefined : new Map([[1, before]]);
  const { cells } = releasableCells({
    question: QUESTION,
    schemes: [
      { bands: [{ name: "catchup", kind: KINDS.catchup, masks: [bitmapOf(SLOTS, [...Array(SLOTS).keys()])] }] },
    ],
    assignment: [0],
    agreed: [bitmapOf(SLOTS, imports), bitmapOf(SLOTS, catchups)],
    inLoads: [emptyBitmap(SLOTS), emptyBitmap(SLOTS)],
    billed: [emptyBitmap(SLOTS), emptyBitmap(SLOTS)],
    ...(missingBefore === undefined ? {} : { missingBefore }),
    minSlots: 8,
  });
  return cells[1];
}

test("a catch-up counts the missing slots up to it, and no later ones", () => {
  assert.deepEqual(released([0, 9], [8]), bitmapOf(SLOTS, [8]));
  assert.deepEqual(released([0, 8], [7]), emptyBitmap(SLOTS));
  assert.deepEqual(released([0], [3]), emptyBitmap(SLOTS), "what is missing after it belongs to another gap");
});

test("an earlier catch-up ends its own gap, and both together are one output", () => {
  assert.deepEqual(released([0, 4, 8], [3, 7]), emptyBitmap(SLOTS));
  assert.deepEqual(released([0, 5, 11], [4, 10]), bitmapOf(SLOTS, [4, 10]));
});

test("a gap that began before the segment counts from there", () => {
  assert.deepEqual(released([4], [3]), emptyBitmap(SLOTS));
  assert.deepEqual(released([4], [3], 3), emptyBitmap(SLOTS));
  assert.deepEqual(released([4], [3], 4), bitmapOf(SLOTS, [3]));
});

test("only gaps that no cell of their segment bounds are open at its beginning", () => {
  const gapsOf = (imports: number[], catchups: number[]): number =>
    openGaps(QUESTION, [bitmapOf(SLOTS, imports), bitmapOf(SLOTS, catchups)]).length;
  assert.equal(gapsOf([4], [3]), 1);
  assert.equal(gapsOf([0, 4], [3]), 0);
  assert.equal(gapsOf([0], []), 0);
});

test("the cell before a gap is found in loads, in bills and among late cells", () => {
  const gap = { meter: "m-0", kinds: [KINDS.import, KINDS.catchup], before: 100 };
  const load = {
    purpose: "load" as const,
    feeder: "f",
    meters: ["m-0", "m-1"],
    segments: [[90, 92] as [number, number]],
    kinds: [KINDS.import, KINDS.export],
  };
  const inLoad = (meter: number): Parameters<typeof lastCell>[0][number] => ({
    ...load,
    units: [
      [bitmapOf(2, [meter]), NONE],
      [NONE, NONE],
      [NONE, NONE],
      [bitmapOf(2, [0]), NONE],
    ],
  });
  assert.equal(lastCell([inLoad(0)], gap), 90, "export of slot 91 bounds no gap of import");
  assert.equal(lastCell([inLoad(1)], gap), undefined);
  const bill: Parameters<typeof lastCell>[0][number] = {
    ...QUESTION,
    segments: [[80, 96] as [number, number]],
    units: [
      [NONE, NONE],
      [bitmapOf(SLOTS, [12]), NONE],
    ],
  };
  assert.equal(lastCell([inLoad(0), bill], gap), 92);
});

test("energy caught up after midnight is billed when the gap is long enough, though most of it is yesterday's", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  const missing = (meter: string, slot: number): boolean =>
    meter === "m-001" && slot >= DAY + 88 && slot < DAY + 96 + 6;
  harness.fillDay(DAY, missing);
  harness.setSlot(DAY + 98);
  await harness.run(3);
  harness.fillDay(DAY + 96, missing);
  harness.store({ meter: "m-001", feeder: "f-1", kind: KINDS.catchup, slot: DAY + 96 + 5, value: 777 });
  harness.setSlot(DAY + 96 + 98);
  await harness.run(3);
  const bill = await harness.utility.db
    .selectFrom("bills")
    .selectAll()
    .where("meter_id", "=", "m-001")
    .where("period_start", "=", "2025-01-16")
    .executeTakeFirstOrThrow();
  assert.equal(bill.catchup_wh, 777);
});
