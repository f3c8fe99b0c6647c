/** New versions of bills: what they keep, what they refuse, and that released sums suffice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasMember } from "../protocol/bitmap.ts";
import { billColumns } from "./tariffs/band-masks.ts";
import { localDate } from "./tariffs/local-time.ts";
import { type Period, periodOf } from "./tariffs/periods.ts";
import { parseTariff, type Tariff } from "./tariffs/tariff.ts";
import { correctTotals } from "./corrections.ts";
import { invoice } from "./invoice.ts";
import { type BillTotals, collectTotals, type PeriodTotals } from "./totals.ts";

const SLOT = 900;
const DAY = { from: "06:00", to: "22:00" };
const NIGHT = { from: "22:00", to: "06:00" };

function tariffOf(...versions: readonly Record<string, unknown>[]): Tariff {
  return parseTariff({ id: "t", currency: "EUR", timezone: "Europe/Berlin", versions });
}

function bands(...list: readonly [string, number, object][]): { bands: object[] } {
  return { bands: list.map(([name, priceMicroPerKwh, when]) => ({ name, priceMicroPerKwh, when: [when] })) };
}

const TIMED = tariffOf({ from: "2024-01-01", import: bands(["day", 300, DAY], ["night", 200, NIGHT]) });
const FLAT = tariffOf({ from: "2024-01-01", import: { flat: { priceMicroPerKwh: 250 } } });

const APRIL = periodOf(localDate("2025-04-01"), localDate("2025-05-01"), {
  timezone: "Europe/Berlin",
  slotSeconds: SLOT,
});

/** What would be released for a meter that uses `slot % 7 + 1` Wh per slot and feeds in 1. */
function released(tariff: Tariff, period: Period): PeriodTotals {
  const columns = billColumns(tariff, period.slots, SLOT);
  const values = columns.map((column) => {
    let total = 0n;
    for (let slot = period.slots.from; slot < period.slots.to; slot += 1) {
      if (!hasMember(column.mask, slot - period.slots.from)) continue;
      if (column.kind === "import") total += BigInt((slot % 7) + 1);
      if (column.kind === "export") total += 1n;
    }
    return total;
  });
  return collectTotals(tariff, period, columns, values);
}

function billed(tariff: Tariff, period = APRIL): BillTotals {
  return { own: released(tariff, period), late: [] };
}

test("a corrected price changes amounts and no energy", () => {
  const dearer = tariffOf({ from: "2024-01-01", import: bands(["day", 400, DAY], ["night", 200, NIGHT]) });
  const before = billed(TIMED);
  const after = correctTotals(before, TIMED, dearer);
  assert.deepEqual(after, before);
  assert.ok(invoice(dearer, after).amountMicro > invoice(TIMED, before).amountMicro);
});

test("a correction equals the bill that the right tariff would have made at once", () => {
  const renamed = tariffOf({ from: "2024-01-01", import: bands(["low", 100, NIGHT], ["high", 500, DAY]) });
  const raised = tariffOf(
    { from: "2024-01-01", import: bands(["day", 300, DAY], ["night", 200, NIGHT]) },
    { from: "2025-04-01", import: bands(["day", 310, DAY], ["night", 220, NIGHT]) },
  );
  for (const right of [FLAT, renamed, raised]) {
    const corrected = correctTotals(billed(TIMED), TIMED, right);
    assert.deepEqual(corrected, billed(right));
    assert.deepEqual(invoice(right, corrected), invoice(right, billed(right)));
  }
});

test("versions that were billed apart can be joined again, with whole thresholds", () => {
  const apart = tariffOf(
    { from: "2024-01-01", to: "2025-04-11", import: { flat: { priceMicroPerKwh: 1 } } },
    { from: "2025-04-11", import: { flat: { priceMicroPerKwh: 2 } } },
  );
  const tiers = [{ uptoWh: 2_000, priceMicroPerKwh: 1 }, { priceMicroPerKwh: 3 }];
  const joined = tariffOf({ from: "2024-01-01", import: { flat: { tiers } } });
  const corrected = correctTotals(billed(apart), apart, joined);
  assert.equal(billed(apart).own.parts.length, 2);
  assert.deepEqual(invoice(joined, corrected), invoice(joined, billed(joined)));
});

test("a correction that would split a band is refused, for those sums were never released", () => {
  assert.throws(() => correctTotals(billed(FLAT), FLAT, TIMED), {
    code: "regroup",
    message: /flat would be split between .*night valid from 2024-01-01.*never released/,
  });
  const midMonth = tariffOf(
    { from: "2024-01-01", import: bands(["day", 300, DAY], ["night", 200, NIGHT]) },
    { from: "2025-04-11", import: bands(["day", 310, DAY], ["night", 200, NIGHT]) },
  );
  assert.throws(
    () => correctTotals(billed(TIMED), TIMED, midMonth),
    (error: Error) => error.message.includes("day would be split") && error.message.includes("night would be split"),
  );
});

test("export that would fall into two versions is refused even where the bands would not be split", () => {
  const week = tariffOf({
    from: "2024-01-01",
    import: bands(["work", 3, { days: "mon-fri" }], ["weekend", 2, { days: "sat-sun" }]),
  });
  const atWeekend = tariffOf(
    { from: "2024-01-01", import: { flat: { priceMicroPerKwh: 1 } } },
    { from: "2025-06-07", import: { flat: { priceMicroPerKwh: 2 } } },
  );
  const settings = { timezone: "Europe/Berlin", slotSeconds: SLOT };
  const period = periodOf(localDate("2025-06-02"), localDate("2025-06-09"), settings);
  const totals = billed(week, period);
  assert.throws(() => correctTotals(totals, week, atWeekend), /export and catch-up energy .* split between versions/);
});

test("late energy of the bill is regrouped too, with what had been billed before it", () => {
  const march = periodOf(localDate("2025-03-01"), localDate("2025-04-01"), {
    timezone: "Europe/Berlin",
    slotSeconds: SLOT,
  });
  const late = released(TIMED, march);
  const billedBandsWh = new Map([
    ["day", 10n],
    ["night", 20n],
  ]);
  const parts = late.parts.map((part) => ({ ...part, billedBandsWh }));
  const corrected = correctTotals({ ...billed(TIMED), late: [{ ...late, parts }] }, TIMED, FLAT);
  assert.deepEqual(corrected.late[0]?.parts[0]?.billedBandsWh, new Map([["flat", 30n]]));
  assert.deepEqual(
    invoice(FLAT, corrected)
      .rows.filter((row) => row.kind === "import")
      .map((row) => row.band),
    ["flat", "flat@2025-03-01"],
  );
});

test("a correction keeps currency and time zone", () => {
  const dollars = { ...FLAT, currency: "USD" };
  assert.throws(() => correctTotals(billed(FLAT), FLAT, dollars), /currency: expected EUR as on the bill, got USD/);
  const utc = { ...FLAT, timezone: "UTC" };
  assert.throws(() => correctTotals(billed(FLAT), FLAT, utc), /timezone: expected Europe\/Berlin/);
});

test("collecting refuses a missing value, a negative one and columns of another period", () => {
  const columns = billColumns(FLAT, APRIL.slots, SLOT);
  const values = columns.map(() => 1n);
  assert.throws(
    () => collectTotals(FLAT, APRIL, columns, values.slice(1)),
    /values: expected 4, one per column, got 3/,
  );
  assert.throws(
    () => collectTotals(FLAT, APRIL, columns, [-1n, 0n, 0n, 0n]),
    /values: expected at least 0 Wh for flat/,
  );
  const foreign = columns.map((column) => ({ ...column, version: 7 }));
  assert.throws(() => collectTotals(FLAT, APRIL, foreign, values), /columns: version 7 of flat/);
});
