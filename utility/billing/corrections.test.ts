/** New versions of bills: what they keep, what they refuse, and that released sums suffice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasMember } from "../../protocol/bitmap.ts";
import { billColumns } from "../tariffs/band-masks.ts";
import { localDate } from "../tariffs/local-time.ts";
import { type Period, periodOf } from "../tariffs/periods.ts";
import { parseTariff, type Tariff } from "../tariffs/tariff.ts";
import { type BillVersion, currentVersion, priceCorrection, regroupTotals, supersede } from "./corrections.ts";
import { invoice } from "./invoice.ts";
import { collectTotals, type PeriodTotals } from "./totals.ts";

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

function firstBill(tariff: Tariff, period = APRIL): BillVersion {
  const totals = { own: released(tariff, period), late: [] };
  return { version: 1, status: "final", totals, invoice: invoice(tariff, totals) };
}

test("a corrected price makes version 2, leaves version 1 superseded and unchanged, and states the difference", () => {
  const before = firstBill(TIMED);
  const dearer = tariffOf({ from: "2024-01-01", import: bands(["day", 400, DAY], ["night", 200, NIGHT]) });
  const { history, differenceMicro } = priceCorrection([before], TIMED, dearer);
  assert.deepEqual(
    history.map((bill) => [bill.version, bill.status]),
    [
      [1, "superseded"],
      [2, "final"],
    ],
  );
  assert.equal(before.status, "final");
  assert.deepEqual(history[0]?.invoice, before.invoice);
  const corrected = currentVersion(history);
  assert.equal(corrected?.invoice.energyWh, before.invoice.energyWh);
  assert.equal(differenceMicro, corrected.invoice.amountMicro - before.invoice.amountMicro);
  assert.ok(differenceMicro > 0n);
});

test("a correction equals the bill that the right tariff would have made at once", () => {
  const renamed = tariffOf({ from: "2024-01-01", import: bands(["low", 100, NIGHT], ["high", 500, DAY]) });
  const raised = tariffOf(
    { from: "2024-01-01", import: bands(["day", 300, DAY], ["night", 200, NIGHT]) },
    { from: "2025-04-01", import: bands(["day", 310, DAY], ["night", 220, NIGHT]) },
  );
  for (const right of [FLAT, renamed, raised]) {
    const { history } = priceCorrection([firstBill(TIMED)], TIMED, right);
    const expected = firstBill(right);
    assert.deepEqual(currentVersion(history)?.totals, expected.totals);
    assert.deepEqual(currentVersion(history)?.invoice, expected.invoice);
  }
});

test("versions that were billed apart can be joined again, with whole thresholds", () => {
  const apart = tariffOf(
    { from: "2024-01-01", to: "2025-04-11", import: { flat: { priceMicroPerKwh: 1 } } },
    { from: "2025-04-11", import: { flat: { priceMicroPerKwh: 2 } } },
  );
  const tiers = [{ uptoWh: 2_000, priceMicroPerKwh: 1 }, { priceMicroPerKwh: 3 }];
  const joined = tariffOf({ from: "2024-01-01", import: { flat: { tiers } } });
  const { history } = priceCorrection([firstBill(apart)], apart, joined);
  assert.equal(firstBill(apart).totals.own.parts.length, 2);
  assert.deepEqual(currentVersion(history)?.invoice, firstBill(joined).invoice);
});

test("a correction that would split a band is refused, for those sums were never released", () => {
  assert.throws(() => priceCorrection([firstBill(FLAT)], FLAT, TIMED), {
    code: "regroup",
    message: /flat would be split between .*night valid from 2024-01-01.*never released/,
  });
  const midMonth = tariffOf(
    { from: "2024-01-01", import: bands(["day", 300, DAY], ["night", 200, NIGHT]) },
    { from: "2025-04-11", import: bands(["day", 310, DAY], ["night", 200, NIGHT]) },
  );
  assert.throws(
    () => priceCorrection([firstBill(TIMED)], TIMED, midMonth),
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
  const bill = firstBill(week, period);
  assert.throws(() => priceCorrection([bill], week, atWeekend), /export and catch-up energy .* split between versions/);
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
  const regrouped = regroupTotals({ ...late, parts }, TIMED, FLAT);
  assert.deepEqual(regrouped.parts[0]?.billedBandsWh, new Map([["flat", 30n]]));
  const before = firstBill(TIMED);
  const withLate = { ...before, totals: { ...before.totals, late: [{ ...late, parts }] } };
  const { history } = priceCorrection([withLate], TIMED, FLAT);
  assert.deepEqual(
    currentVersion(history)
      ?.invoice.rows.filter((row) => row.kind === "import")
      .map((row) => row.band),
    ["flat", "flat@2025-03-01"],
  );
});

test("a correction keeps currency and time zone, and needs a bill", () => {
  const dollars = { ...FLAT, currency: "USD" };
  assert.throws(
    () => priceCorrection([firstBill(FLAT)], FLAT, dollars),
    /currency: expected EUR as on the bill, got USD/,
  );
  const utc = { ...FLAT, timezone: "UTC" };
  assert.throws(() => priceCorrection([firstBill(FLAT)], FLAT, utc), /timezone: expected Europe\/Berlin/);
  assert.throws(() => priceCorrection([], FLAT, FLAT), /history: expected a bill/);
});

test("only the last version is valid, however many there are", () => {
  const one = supersede([], (version) => ({ version, status: "final" }));
  const three = supersede(
    supersede(one, (version) => ({ version, status: "waiting" })),
    (version) => ({ version, status: "final" }),
  );
  assert.deepEqual(three, [
    { version: 1, status: "superseded" },
    { version: 2, status: "superseded" },
    { version: 3, status: "final" },
  ]);
  assert.deepEqual(one, [{ version: 1, status: "final" }]);
});

test("a history with a hole, two valid versions or none is refused", () => {
  const broken = [
    [{ version: 2, status: "final" }],
    [{ version: 1, status: "superseded" }],
    [
      { version: 1, status: "final" },
      { version: 2, status: "final" },
    ],
  ];
  for (const history of broken) {
    assert.throws(() => {
      currentVersion(history);
    }, /history: expected/);
  }
  assert.throws(() => supersede([], () => ({ version: 5, status: "final" })), /history: expected version 1/);
  assert.equal(currentVersion<BillVersion>([]), undefined);
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
