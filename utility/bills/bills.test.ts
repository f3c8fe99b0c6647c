/** The database as people query it, price corrections, and what `npm run bills` prints. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { DAY, Harness, TARIFF, valueOf, SLOT_SECONDS } from "../testing/harness.ts";
import { parseTariffYaml } from "../../billing/tariffs/index.ts";
import { correctBills } from "./correct.ts";
import { customerBill as customerBillSchema } from "../../protocol/messages/bill.ts";
import { customerBills } from "./customer-bill.ts";
import { billsTable, kilowattHours, money } from "./bills-table.ts";
import { billsCsv, listBills, parsePeriod, whyNone } from "./list.ts";

async function billedDay(t: Parameters<typeof Harness.make>[0]): Promise<Harness> {
  const harness = await Harness.make(t, { loadEverySlots: 96 });
  harness.fillDay(DAY, (meter, slot) => meter === "m-003" && slot === DAY + 7);
  harness.setSlot(DAY + 98);
  await harness.run(3);
  return harness;
}

test("the tables hold the contract: rows add up to the bill, and views hide what was superseded", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  const wrong = await sql<{ n: number }>`
    SELECT count(*) AS n FROM current_bills b WHERE amount_micro <>
      (SELECT sum(amount_micro) FROM current_bill_totals r WHERE r.meter_id = b.meter_id AND r.period_start = b.period_start)
    OR energy_wh <> (SELECT sum(energy_wh) FROM current_bill_totals r
      WHERE r.meter_id = b.meter_id AND r.period_start = b.period_start AND r.kind = 'import')`.execute(db);
  assert.equal(wrong.rows[0]?.n, 0);
  const rows = await db
    .selectFrom("current_bill_totals")
    .selectAll()
    .where("meter_id", "=", "m-001")
    .orderBy("position")
    .execute();
  assert.deepEqual(rows.map(({ band }) => band).slice(0, 4), ["peak", "off-peak", "standing", "tax"]);
  const peak = Array.from({ length: 48 }, (_, i) => valueOf(0, DAY + 32 + i)).reduce((sum, value) => sum + value, 0);
  assert.equal(rows[0]?.energy_wh, peak);
  assert.equal(rows[0].amount_micro, (peak * 400_000) / 1000);
});

test("a price correction makes a second version of every bill from the same totals", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  const yaml = TARIFF.replace("400000", "300000");
  const tariff = {
    id: createHash("sha256").update(yaml).digest("hex"),
    file: "new.yaml",
    yaml,
    tariff: parseTariffYaml(yaml),
  };
  const before = await listBills(db, { allVersions: false });
  const corrected = await correctBills(harness.utility, { tariff, period: "2025-01-15", now: 0 });
  assert.equal(corrected.length, 6);
  const after = await listBills(db, { allVersions: false });
  assert.deepEqual(
    after.map(({ energyWh, version, gapSlots }) => [energyWh, version, gapSlots]),
    before.map(({ energyWh, gapSlots }) => [energyWh, 2, gapSlots]),
  );
  assert.ok(after.every((bill, i) => (bill.amountMicro ?? 0) < (before[i]?.amountMicro ?? 0)));
  const all = await listBills(db, { allVersions: true, meter: "m-001" });
  assert.deepEqual(
    all.map(({ version, status }) => [version, status]),
    [
      [1, "superseded"],
      [2, "final"],
    ],
  );
});

test("a correction that joined bands is taken back by another: both start from what was released", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  const flat = `        - name: flat
          priceMicroPerKwh: 250000
          when: [{ from: "00:00", to: "24:00" }]
    export`;
  const correct = (yaml: string) => {
    const id = createHash("sha256").update(yaml).digest("hex").slice(0, 32);
    const tariff = { id, file: "new.yaml", yaml, tariff: parseTariffYaml(yaml) };
    return correctBills(harness.utility, { tariff, period: "2025-01-15", now: 0 });
  };
  const before = await listBills(db, { allVersions: false });
  await correct(TARIFF.replace(/ {8}- name: peak[^]*\n {4}export/, flat));
  await correct(TARIFF);
  const after = await listBills(db, { allVersions: false });
  assert.deepEqual(
    after.map(({ meter, version, amountMicro }) => [meter, version, amountMicro]),
    before.map(({ meter, amountMicro }) => [meter, 3, amountMicro]),
  );
  assert.deepEqual(await harness.findings(), []);
});

test("a correction that would split a band is refused, and no bill changes", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  const yaml = TARIFF.replaceAll("08:00", "09:00");
  const tariff = { id: "other", file: "other.yaml", yaml, tariff: parseTariffYaml(yaml) };
  await assert.rejects(correctBills(harness.utility, { tariff, period: "2025-01-15", now: 0 }), { code: "regroup" });
  assert.ok(
    (await listBills(db, { allVersions: true })).every(({ version, status }) => version === 1 && status === "final"),
  );
  await assert.rejects(correctBills(harness.utility, { tariff, period: "2025-02-15", now: 0 }), RangeError);
});

test("bills print as a table, as CSV, and one by one with their gaps", async (t) => {
  const harness = await billedDay(t);
  const bills = await listBills(harness.utility.db, { allVersions: false });
  assert.match(billsTable(bills, "Europe/Berlin"), /m-006/);
  const lines = billsCsv(bills).trim().split("\n");
  assert.match(lines[0] ?? "", /^meter,period_start,period_end,version,status,band,energy_wh,amount_micro/);
  assert.equal(lines.filter((line) => line.includes(",total,")).length, 6);
  const [one] = bills.filter(({ meter }) => meter === "m-003");
  assert.ok(one !== undefined);
  assert.match(billsTable([one], "Europe/Berlin"), /gap \(import\): 2025-01-15 01:45 to 2025-01-15 02:00, missing/);
});

test("the customer's bill fits its schema and lists its gaps", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  const row = await db.selectFrom("bills").selectAll().where("meter_id", "=", "m-003").executeTakeFirstOrThrow();
  const bill = customerBillSchema.parse((await customerBills(db, [row], SLOT_SECONDS))[0]);
  assert.equal(bill.gaps.length, 1);
  assert.equal(
    bill.rows.reduce((sum, { amountMicro }) => sum + amountMicro, 0),
    bill.amountMicro,
  );
});

test("a table of all bills has amounts of one width, a total of the final ones, and says what its columns mean", async (t) => {
  const harness = await billedDay(t);
  const bills = await listBills(harness.utility.db, { allVersions: false });
  const [first, second, ...rest] = bills;
  assert.ok(first !== undefined && second !== undefined);
  const odd = [
    { ...first, amountMicro: 1_234_567, energyWh: 1 },
    { ...second, amountMicro: 2_500_000, energyWh: 2_000 },
    { ...second, amountMicro: 9_000_000, energyWh: 9_000, status: "superseded" },
    ...rest.map((bill) => ({ ...bill, amountMicro: 0, energyWh: 0 })),
  ];
  const text = billsTable(odd, "Europe/Berlin");
  assert.match(text, / 1\.234567 EUR /);
  assert.match(text, / 2\.500000 EUR /);
  assert.match(text, /total +│ 6 final bills +│ +2\.001 │ +3\.734567 EUR/);
  assert.match(text, /end of a period is exclusive/);
  assert.match(text, /spare: answers of aggregators beyond/);
  assert.match(billsTable([first], "Europe/Berlin"), /end of a period is exclusive/);
});

test("a filter that selects nothing is explained by what there is", async (t) => {
  const harness = await billedDay(t);
  const { db } = harness.utility;
  assert.equal(
    await whyNone(db, { meter: "m-999", allVersions: false }),
    "--meter m-999: there is no bill of this meter; there are bills of m-001 to m-006 (6)",
  );
  assert.equal(
    await whyNone(db, { meter: "m-001", period: "2030-01-01", allVersions: false }),
    "--period 2030-01-01: there is no bill of m-001 of this period; there are bills of 2025-01-15..2025-01-16",
  );
  await db.deleteFrom("bills").execute();
  assert.equal(await whyNone(db, { meter: "m-999", allVersions: false }), undefined);
});

test("amounts are printed digit by digit", () => {
  assert.equal(kilowattHours(1), "0.001");
  assert.equal(kilowattHours(123_456), "123.456");
  assert.equal(money(-1_500_000, "EUR"), "-1.50 EUR");
  assert.equal(money(1_234_567, "EUR"), "1.234567 EUR");
});

test("a period that is no date is refused", () => {
  assert.deepEqual(parsePeriod("2025-01-01..2025-02-01"), { from: "2025-01-01", to: "2025-02-01" });
  assert.throws(() => parsePeriod("January"), RangeError);
});
