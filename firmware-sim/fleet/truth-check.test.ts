import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReadingsSource } from "../loads/index.ts";
import { type FedOtherwise, NOTHING_OTHERWISE } from "./fed-otherwise.ts";
import { measuredBy } from "./measured.ts";
import type { PowerSupply } from "./power-supply.ts";
import { type BillRow, checkAgainstTruth, type GapRow, type LoadRow } from "./truth-check.ts";

const HOUR = 3600;
const FROM = Date.parse("2025-01-15T00:00:00Z") / 1000 / HOUR;

/** Two meters on one feeder for a day; meter `i` uses `10 * i + hour` watt-hours. */
const SOURCE: ReadingsSource = {
  meters: [
    { id: "a", feeder: "f" },
    { id: "b", feeder: "f" },
  ],
  slotSeconds: HOUR,
  range: { from: FROM, to: FROM + 24 },
  read: (index, slot) =>
    slot >= FROM && slot < FROM + 24 ? { importWh: 10 * index + slot - FROM, exportWh: 0 } : undefined,
  feederOf: () => "f",
  hasExport: () => false,
};
const DAY_WH = 276;

function bill(meter: string, energyWh: number, more: Partial<BillRow> = {}): BillRow {
  const money = { amount_micro: 1, currency: "EUR", status: "final", catchup_wh: 0, export_wh: 0 };
  return {
    meter_id: meter,
    period_start: "2025-01-15",
    period_end: "2025-01-16",
    energy_wh: energyWh,
    ...money,
    ...more,
  };
}

function check(
  bills: BillRow[],
  more: { loads?: LoadRow[]; gaps?: GapRow[]; power?: PowerSupply; otherwise?: FedOtherwise } = {},
) {
  const { loads = [], gaps = [], power, otherwise = NOTHING_OTHERWISE } = more;
  const measured = measuredBy(SOURCE, power);
  const input = { source: SOURCE, measured, range: SOURCE.range, timezone: "UTC", bills, loads, gaps };
  return checkAgainstTruth({ ...input, otherwise });
}

test("a bill is exact to the watt-hour or it is a difference", () => {
  assert.equal(check([bill("a", DAY_WH), bill("b", DAY_WH + 240)]).billsExact, true);
  const wrong = check([bill("a", DAY_WH + 1)]);
  assert.equal(wrong.billsExact, false);
  assert.deepEqual(wrong.differences, [{ what: "bill of a from 2025-01-15", expectedWh: 276, gotWh: 277 }]);
});

test("a load is compared with the sum of its meters", () => {
  const row = { feeder_id: "f", slot_start: (FROM + 3) * HOUR, export_wh: null, meters: 2, status: "final" };
  assert.equal(check([], { loads: [{ ...row, energy_wh: 16 }] }).loadsExact, true);
  assert.equal(check([], { loads: [{ ...row, energy_wh: 3 }] }).loadsExact, false);
  const withheld = check([], { loads: [{ ...row, energy_wh: null, status: "too-few-meters" }] });
  assert.deepEqual([withheld.loadsExact, withheld.differences], [false, []]);
  assert.deepEqual(withheld.withheld, { "too-few-meters": 1 });
});

test("what a release rule holds back is withheld, what is missing without a reason is a difference", () => {
  const gap = {
    meter_id: "a",
    kind: "import",
    period_start: "2025-01-15",
    slot_start: (FROM + 5) * HOUR,
    slot_end: (FROM + 7) * HOUR,
    billed_period_start: null,
  };
  const held = check([bill("a", DAY_WH - 11)], { gaps: [{ ...gap, reason: "too-few-slots" }] });
  assert.deepEqual([held.billsExact, held.differences, held.withheld], [false, [], { "part-of-bill": 1 }]);
  assert.equal(check([bill("a", DAY_WH - 11)], { gaps: [{ ...gap, reason: "missing" }] }).differences.length, 1);
  const later = { ...gap, reason: "too-few-slots", billed_period_start: "2025-01-16" };
  assert.equal(check([bill("a", DAY_WH - 11)], { gaps: [later] }).billsExact, true);
});

test("energy across a time without power is caught up in the slot before the register is read again", () => {
  const power: PowerSupply = {
    isDown: (index, boundary) => index === 0 && (boundary === FROM + 4 || boundary === FROM + 5),
    restartsIn: () => false,
  };
  const measured = measuredBy(SOURCE, power);
  assert.equal(measured.read(0, FROM + 2)?.importWh, 2);
  for (const slot of [3, 4, 5]) assert.equal(measured.read(0, FROM + slot), undefined);
  assert.equal(measured.over(0, SOURCE.range).catchupImportWh, 3 + 4 + 5);
  assert.equal(measured.over(0, { from: FROM + 5, to: FROM + 6 }).catchupImportWh, 3 + 4 + 5);
  assert.equal(measured.over(0, { from: FROM, to: FROM + 5 }).catchupImportWh, 0);
  assert.equal(check([bill("a", DAY_WH - 12, { catchup_wh: 12 })], { power }).billsExact, true);
});

test("what was fed otherwise before is left out and counted, and what is wrong beside it still is", () => {
  const otherwise: FedOtherwise = {
    of: (meter, { from }) => meter === "c" && from === FROM,
    feedersAt: (slot) => new Set(slot === FROM + 3 ? ["f"] : []),
  };
  const row = { feeder_id: "f", export_wh: null, meters: 3, status: "final" };
  const loads = [
    { ...row, slot_start: (FROM + 3) * HOUR, energy_wh: 900 },
    { ...row, slot_start: (FROM + 4) * HOUR, energy_wh: 18 },
  ];
  const bills = [bill("a", DAY_WH), bill("c", 4_711)];
  assert.equal(check(bills, { loads }).billsDiffer, true, "a meter that the source does not know");
  const left = check(bills, { loads, otherwise });
  assert.deepEqual([left.billsExact, left.billsLeftOut, left.billsFinal], [true, 1, 2]);
  assert.deepEqual([left.loadsExact, left.loadsLeftOut, left.differences], [true, 1, []]);
  const wrong = check([bill("a", 1), bill("c", 4_711)], { otherwise });
  assert.deepEqual([wrong.billsExact, wrong.billsDiffer, wrong.differences.length], [false, true, 1]);
});
