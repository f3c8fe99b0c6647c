/** Late energy in tiers: it goes on where the bill of its own period, and later ones, had stopped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, Harness, valueOf } from "../testing/harness.ts";
import { listBills } from "./list.ts";

/** 1 kWh at 100 per kWh, then 1000 per kWh. */
const TIERED = `id: tiered
currency: EUR
timezone: Europe/Berlin
versions:
  - from: 2025-01-01
    import:
      flat:
        tiers:
          - { uptoWh: 1000, priceMicroPerKwh: 100000 }
          - { priceMicroPerKwh: 1000000 }
`;

function price(energyWh: number): number {
  return Math.min(energyWh, 1000) * 100 + Math.max(energyWh - 1000, 0) * 1000;
}

function sum(meter: number, from: number, to: number): number {
  return Array.from({ length: to - from }, (_, i) => valueOf(meter, from + i)).reduce((a, b) => a + b, 0);
}

test("tiers of late energy go on from what earlier bills of its period charged, twice", async (t) => {
  const harness = await Harness.make(t, { loadEverySlots: 96, tariff: TIERED });
  const late = (meter: string): boolean => meter === "m-001" || meter === "m-002";
  // The first bill holds 20 slots of the late meters; two later bills bring more, in two parts.
  const held = [20, 42, 72];
  const fillUpTo = (count: number): void => harness.fillDay(DAY, (meter, slot) => late(meter) && slot >= DAY + count);
  for (const [day, count] of held.entries()) {
    fillUpTo(count);
    if (day > 0) harness.fillDay(DAY + 96 * day);
    harness.setSlot(DAY + 96 * day + 98);
    await harness.run(3);
  }
  const bills = await listBills(harness.utility.db, { meter: "m-001", allVersions: false });
  assert.equal(bills.length, 3);
  const amounts = bills.map(({ rows }) => rows.filter(({ band }) => band.endsWith("@2025-01-15") || band === "flat"));
  const edges = [0, ...held].map((slots) => sum(0, DAY, DAY + slots));
  assert.deepEqual(
    amounts.map((rows) => rows.find(({ band }) => band !== "flat")?.energyWh),
    [undefined, (edges[2] ?? 0) - (edges[1] ?? 0), (edges[3] ?? 0) - (edges[2] ?? 0)],
  );
  assert.equal(amounts[0]?.[0]?.amountMicro, price(edges[1] ?? 0));
  for (const [day, at] of [
    [1, 2],
    [2, 3],
  ] as const) {
    const row = amounts[day]?.find(({ band }) => band !== "flat");
    assert.equal(row?.amountMicro, price(edges[at] ?? 0) - price(edges[at - 1] ?? 0), `late energy on day ${day + 1}`);
  }
});
