/** The checker's bills against those of `billing/`, with which it shares no code. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Calendar, dateAfter, datesBetween } from "./calendar.ts";
import { halfEven, PlainTariff, UnknownTariffError } from "./tariff.ts";
import type { TrueReading } from "./truth.ts";

const BERLIN = new Calendar("Europe/Berlin");
const text = readFileSync("config/tariffs/time-of-use.yaml", "utf8");

function day(date: string, of: (hour: number) => { importWh: number; exportWh: number }): TrueReading[] {
  const [from, to] = [BERLIN.startOf(date), BERLIN.startOf(dateAfter(date, 1))];
  return Array.from({ length: (to - from) / 3_600 }, (_, i) => {
    const start = from + i * 3_600;
    return { meter: "m-1", feeder: "f-1", start, ...of(BERLIN.at(start).minute / 60) };
  });
}

test("a weekday by hand: eight hours of night, twelve of day, four of peak", () => {
  const { rows, importWh, amountMicro } = new PlainTariff(text).bill(
    "2025-01-15",
    day("2025-01-15", () => ({ importWh: 1_000, exportWh: 500 })),
    BERLIN,
  );
  assert.equal(importWh, 24_000);
  assert.deepEqual(rows.get("night"), { energyWh: 8_000, amountMicro: 8 * 214_300 });
  assert.deepEqual(rows.get("day"), { energyWh: 12_000, amountMicro: 12 * 298_700 });
  assert.deepEqual(rows.get("peak"), { energyWh: 4_000, amountMicro: 4 * 412_500 });
  assert.deepEqual(rows.get("standing"), { energyWh: 0, amountMicro: 351_780 });
  assert.deepEqual(rows.get("export"), { energyWh: 12_000, amountMicro: -12 * 79_400 });
  // 19 % of 7,300,580, which is 1,387,110.2; the credit is not taxed.
  assert.deepEqual(rows.get("tax"), { energyWh: 0, amountMicro: 1_387_110 });
  assert.equal(amountMicro, 7_300_580 + 1_387_110 - 952_800);
});

test("on a Saturday there is no peak, and in the night of summer time an hour less", () => {
  const plain = () => ({ importWh: 1, exportWh: 0 });
  const tariff = new PlainTariff(text);
  const saturday = tariff.bill("2025-01-18", day("2025-01-18", plain), BERLIN).rows;
  assert.deepEqual([saturday.get("day")?.energyWh, saturday.get("peak")?.energyWh], [16, 0]);
  assert.equal(tariff.bill("2025-03-30", day("2025-03-30", plain), BERLIN).rows.get("night")?.energyWh, 7);
});

test("halves go to the even neighbour, also below zero", () => {
  assert.deepEqual(
    [5n, 15n, 25n, -5n, -15n, 14n, 16n].map((value) => halfEven(value, 10n)),
    [0n, 2n, 2n, 0n, -2n, 1n, 2n],
  );
});

test("a tariff with more than it computes is refused", () => {
  const tiered = readFileSync("config/tariffs/tiered.yaml", "utf8");
  assert.throws(() => new PlainTariff(tiered), UnknownTariffError);
  assert.throws(() => new PlainTariff(text).bill("1999-12-31", [], BERLIN), /no version for 1999-12-31/);
});

test("days are those of the wall's calendar", () => {
  assert.equal(BERLIN.startOf("2025-01-15"), Date.parse("2025-01-14T23:00:00Z") / 1_000);
  assert.equal(BERLIN.startOf("2025-07-15"), Date.parse("2025-07-14T22:00:00Z") / 1_000);
  assert.equal(new Calendar("Pacific/Auckland").startOf("2025-01-15"), Date.parse("2025-01-14T11:00:00Z") / 1_000);
  assert.equal(new Calendar("America/Los_Angeles").startOf("2025-01-15"), Date.parse("2025-01-15T08:00:00Z") / 1_000);
  assert.deepEqual(datesBetween("2025-02-27", "2025-03-02"), ["2025-02-27", "2025-02-28", "2025-03-01"]);
});
