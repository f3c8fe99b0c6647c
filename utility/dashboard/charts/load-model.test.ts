import assert from "node:assert/strict";
import { test } from "node:test";
import { loadChart } from "./load-model.ts";
import { cornersOf, pointAt } from "./model.ts";

const SECONDS = 900;

/** Rows of a feeder: watts of slot after slot; null was withheld, undefined has no row at all. */
function rows(feeder: string, watts: readonly (number | null | undefined)[]) {
  return watts.flatMap((powerW, i) => {
    if (powerW === undefined) return [];
    const row = { feeder, slotStart: i * SECONDS, slotSeconds: SECONDS, energyWh: powerW === null ? null : powerW / 4 };
    return [
      { ...row, exportWh: null, powerW, meters: 10, status: "final", spareAnswers: 1, privacy: "exact" as const },
    ];
  });
}

const chart = loadChart(
  [
    { feeder: "f-1", rows: rows("f-1", [1_000, 2_000, null, 4_000, 5_000, undefined, 7_000]) },
    { feeder: "f-2", rows: rows("f-2", [1_000, 1_000, null, undefined, 1_000, undefined, 1_000]) },
  ],
  "UTC",
);
const [total, first] = chart.series;

test("a slot that was withheld, or that has no row, is a gap of the total, and never bridged", () => {
  assert.deepEqual(
    total?.points.map(({ y }) => y),
    [2, 3, null, null, 6, null, 8],
  );
  assert.deepEqual(
    first?.points.map(({ y }) => y),
    [1, 2, null, 4, 5, null, 7],
  );
  assert.match(chart.summary, /3 slots are gaps/);
});

test("the total and the feeders are drawn alike: each value holds as long as its slot", () => {
  assert.deepEqual(
    chart.series.map(({ step, holds }) => [step, holds]),
    [
      [true, SECONDS],
      [true, SECONDS],
      [true, SECONDS],
    ],
  );
  // Before a gap a value ends with its slot; a single one between two gaps has a length, too.
  assert.deepEqual(cornersOf(total!).slice(1, 7), [
    { x: SECONDS, y: 3 },
    { x: 2 * SECONDS, y: 3 },
    { x: 2 * SECONDS, y: null },
    { x: 3 * SECONDS, y: null },
    { x: 4 * SECONDS, y: 6 },
    { x: 5 * SECONDS, y: 6 },
  ]);
  assert.deepEqual(cornersOf(total!).at(-1), { x: 7 * SECONDS, y: 8 });
});

test("what is pointed at where a slot ends is the next one, or the last where none follows", () => {
  assert.equal(pointAt(total!, 2 * SECONDS)?.y, null);
  assert.equal(pointAt(total!, 7 * SECONDS)?.x, 6 * SECONDS);
  assert.equal(pointAt(total!, 0)?.y, 2);
});

test("without a released slot nothing is drawn, and that is said", () => {
  const empty = loadChart([{ feeder: "f-1", rows: [] }], "UTC");
  assert.deepEqual(empty.series[0]?.points, []);
  assert.match(empty.summary, /No slot is released/);
});
