/** Bills against amounts worked out by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Invoice, invoice } from "./invoice.ts";
import { ALWAYS, flat, june, part, periodTotals, TIERS, tariffOf, twoBands } from "./testing/bills.ts";
import { withLateEnergy } from "./totals.ts";

function rowsOf(bill: Invoice): Record<string, [bigint, bigint]> {
  return Object.fromEntries(bill.rows.map((row) => [row.band, [row.energyWh, row.amountMicro]]));
}

test("a bill has a row per band, then catch-up, standing charge, credits, tax and rounding", () => {
  const tariff = twoBands(300_000n, 200_001n, {
    standingMicroPerDay: 100_000n,
    export: { priceMicroPerKwh: 80_000n },
    tax: { rate: "0.19" },
  });
  const totals = june({ day: 1_001n, night: 2_500n }, { exportWh: 1_234n, catchupWh: 777n, catchupExportWh: 3n });
  const bill = invoice(tariff, totals);
  // By hand: day 300.3 kWh-milli -> 300300; night 500002.5 -> 500002 (even); catch-up 155400.777; standing 3000000;
  // tax 0.19 * 3955703.277 = 751583.62263; credits 98720 and 240.
  assert.deepEqual(
    bill.rows.map((row) => [row.band, row.energyWh, row.amountMicro]),
    [
      ["day", 1_001n, 300_300n],
      ["night", 2_500n, 500_002n],
      ["catchup", 777n, 155_401n],
      ["standing", 0n, 3_000_000n],
      ["export", 1_234n, -98_720n],
      ["catchup-export", 3n, -240n],
      ["tax", 0n, 751_584n],
    ],
  );
  // Exactly 4608326.89963: the rows happen to sum to 4608327 as well, so there is no rounding row.
  assert.equal(bill.amountMicro, 4_608_327n);
  assert.equal(bill.energyWh, 3_501n);
  assert.deepEqual([bill.catchupWh, bill.exportWh, bill.catchupExportWh], [777n, 1_234n, 3n]);
});

test("a rounding row reconciles when the rows do not sum to the rounded bill", () => {
  const bill = invoice(twoBands(500n, 500n), june({ day: 1n, night: 1n }));
  assert.deepEqual(rowsOf(bill), { day: [1n, 0n], night: [1n, 0n], rounding: [0n, 1n] });
  assert.equal(bill.amountMicro, 1n);
});

test("bands without energy have a row, other rows without energy or amount have none", () => {
  const bill = invoice(
    twoBands(1n, 1n, { tax: { rate: "0.2" }, export: { priceMicroPerKwh: 5n } }),
    june({ day: 0n, night: 0n }),
  );
  assert.deepEqual(rowsOf(bill), { day: [0n, 0n], night: [0n, 0n] });
  assert.equal(bill.amountMicro, 0n);
});

test("energy fed in without a credit price still has its row", () => {
  const bill = invoice(flat(1_000n), june({ flat: 0n }, { exportWh: 5_000n }));
  assert.deepEqual(rowsOf(bill), { flat: [0n, 0n], export: [5_000n, 0n] });
});

test("the credit lowers the tax only where the tariff says net, and may then turn it negative", () => {
  const rest = (exportCredit: string) => ({ export: { priceMicroPerKwh: 1_000n }, tax: { rate: "0.1", exportCredit } });
  const totals = june({ flat: 10_000n }, { exportWh: 30_000n });
  const untaxed = invoice(flat(1_000n, rest("untaxed")), totals);
  assert.deepEqual(rowsOf(untaxed), { flat: [10_000n, 10_000n], export: [30_000n, -30_000n], tax: [0n, 1_000n] });
  const net = invoice(flat(1_000n, rest("net")), totals);
  assert.deepEqual(rowsOf(net), { flat: [10_000n, 10_000n], export: [30_000n, -30_000n], tax: [0n, -2_000n] });
  assert.equal(net.amountMicro, -22_000n);
});

test("tiers price each block of the period's energy by its own price, thresholds included below", () => {
  const tariff = tariffOf({ ...ALWAYS, import: { flat: TIERS } });
  const cases: [bigint, bigint][] = [
    [0n, 0n],
    [1n, 100n],
    [1_000n, 100_000n],
    [1_001n, 100_200n],
    [3_000n, 500_000n],
    [5_000n, 1_300_000n],
  ];
  for (const [energyWh, amount] of cases) assert.equal(invoice(tariff, june({ flat: energyWh })).amountMicro, amount);
});

test("each band counts its own energy against its own tiers", () => {
  const bands = [
    { name: "day", ...TIERS, when: [{ from: "06:00", to: "22:00" }] },
    { name: "night", priceMicroPerKwh: 50_000n, when: [{ from: "22:00", to: "06:00" }] },
  ];
  const bill = invoice(tariffOf({ ...ALWAYS, import: { bands } }), june({ day: 1_000n, night: 9_000n }));
  assert.deepEqual(rowsOf(bill), { day: [1_000n, 100_000n], night: [9_000n, 450_000n] });
});

test("a version that starts inside the period has its own rows, days and share of the thresholds", () => {
  const tariff = tariffOf(
    { from: "2024-01-01", import: { flat: TIERS }, standingMicroPerDay: 10n },
    { from: "2025-06-11", import: { flat: { priceMicroPerKwh: 300_000n } }, standingMicroPerDay: 100n },
  );
  const first = part("2025-06-01", "2025-06-11", 10, { flat: 1_000n });
  const second = { ...part("2025-06-11", "2025-07-01", 20, { flat: 100n }), catchupWh: 10n };
  const bill = invoice(tariff, { own: periodTotals(first, second), late: [] });
  // A third of 1000 Wh at 0.1, a third of 2000 Wh at 0.2: 100000/3 + 400000/3.
  assert.deepEqual(rowsOf(bill), {
    flat: [1_000n, 166_667n],
    "flat@2025-06-11": [100n, 30_000n],
    catchup: [10n, 3_000n],
    standing: [0n, 2_100n],
  });
  assert.equal(bill.amountMicro, 166_667n + 30_000n + 3_000n + 2_100n);
  assert.equal(bill.energyWh, 1_100n);
});

test("late energy enters a later bill at its own period's price, without a second standing charge", () => {
  const tariff = tariffOf(
    {
      from: "2024-01-01",
      import: { flat: { priceMicroPerKwh: 100_000n } },
      standingMicroPerDay: 7n,
      tax: { rate: "0.5" },
    },
    { from: "2025-06-01", import: { flat: { priceMicroPerKwh: 900_000n } }, standingMicroPerDay: 9n },
  );
  const late = periodTotals({ ...part("2025-05-01", "2025-06-01", 31, { flat: 10n }), exportWh: 4n });
  const bill = invoice(tariff, withLateEnergy(june({ flat: 1n }), late));
  assert.deepEqual(rowsOf(bill), {
    flat: [1n, 900n],
    "flat@2025-05-01": [10n, 1_000n],
    standing: [0n, 270n],
    export: [4n, 0n],
    tax: [0n, 500n],
  });
  assert.equal(bill.energyWh, 11n);
});

test("late energy goes on in the tiers where its own period's bill stopped", () => {
  const tariff = tariffOf({ ...ALWAYS, import: { flat: TIERS } });
  const billed = new Map([["flat", 900n]]);
  const late = periodTotals({ ...part("2025-05-01", "2025-06-01", 31, { flat: 200n }), billedBandsWh: billed });
  const bill = invoice(tariff, withLateEnergy(june({ flat: 0n }), late));
  assert.deepEqual(rowsOf(bill)["flat@2025-05-01"], [200n, 10_000n + 20_000n]);
});

test("two late releases of one period add up, a period that is not earlier is refused", () => {
  const late = (energyWh: bigint) => periodTotals(part("2025-05-01", "2025-06-01", 31, { flat: energyWh }));
  const twice = withLateEnergy(withLateEnergy(june({ flat: 0n }), late(5n)), late(6n));
  assert.equal(twice.late.length, 1);
  assert.equal(twice.late[0]?.parts[0]?.bandsWh.get("flat"), 11n);
  const own = periodTotals(part("2025-06-01", "2025-07-01", 30, { flat: 1n }));
  assert.throws(() => withLateEnergy(june({ flat: 0n }), own), /late: expected a period that ended by 2025-06-01/);
  const overlapping = periodTotals(part("2025-05-31", "2025-06-01", 1, { flat: 1n }));
  assert.throws(() => withLateEnergy(twice, overlapping), /late: 2025-05-31 to 2025-06-01 overlaps/);
});

test("refuses bands the tariff does not have, negative energy and amounts beyond 64 bits", () => {
  const tariff = flat(10n ** 12n);
  assert.throws(() => invoice(tariff, june({ peak: 1n })), /no band peak/);
  assert.throws(() => invoice(tariff, june({ flat: -1n })), /flat: expected at least 0 Wh, got -1/);
  assert.throws(() => invoice(tariff, june({ flat: 0n }, { exportWh: -1n })), /exportWh/);
  assert.throws(() => invoice(tariff, june({ flat: 10n ** 10n })), /flat: expected an amount within 64 bits/);
  const before = { own: periodTotals(part("1999-06-01", "1999-07-01", 30, { flat: 1n })), late: [] };
  assert.throws(() => invoice(tariff, before), /no version is valid on 1999-06-01/);
});

test("a band may bear the name of an object's own method", () => {
  const bands = [{ name: "constructor", priceMicroPerKwh: 1_000n, when: [{}] }];
  assert.equal(invoice(tariffOf({ ...ALWAYS, import: { bands } }), june({ constructor: 5n })).amountMicro, 5n);
});
