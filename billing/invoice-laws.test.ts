/** The laws of every bill, and every amount against a reference that rounds by its own rule. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Invoice, invoice } from "./invoice.ts";
import { ALWAYS, june, TIERS, tariffOf, twoBands } from "./testing/bills.ts";

/** num/den to the nearest integer by comparing both neighbours; a tie goes to the even one. */
function nearest(num: bigint, den: bigint): bigint {
  const near = num / den;
  const candidates = [near - 1n, near, near + 1n];
  const distance = (n: bigint) => (num - n * den < 0n ? n * den - num : num - n * den);
  return candidates.reduce((best, n) => {
    if (distance(n) !== distance(best)) return distance(n) < distance(best) ? n : best;
    return n % 2n === 0n ? n : best;
  });
}

const energy = fc.bigInt(0n, 10n ** 7n);
const price = fc.bigInt(0n, 10n ** 7n);
const case_ = fc.record({
  day: energy,
  night: energy,
  exportWh: energy,
  catchupWh: energy,
  catchupExportWh: energy,
  dayPrice: price,
  nightPrice: price,
  credit: price,
  standing: price,
  ratePpm: fc.bigInt(0n, 10n ** 6n),
  net: fc.boolean(),
});

function billOf(c: typeof case_ extends fc.Arbitrary<infer T> ? T : never): Invoice {
  const tariff = twoBands(c.dayPrice, c.nightPrice, {
    standingMicroPerDay: c.standing,
    export: { priceMicroPerKwh: c.credit },
    tax: {
      rate: `${c.ratePpm / 10n ** 6n}.${String(c.ratePpm % 10n ** 6n).padStart(6, "0")}`,
      exportCredit: c.net ? "net" : "untaxed",
    },
  });
  const { exportWh, catchupWh, catchupExportWh } = c;
  return invoice(tariff, june({ day: c.day, night: c.night }, { exportWh, catchupWh, catchupExportWh }));
}

test("rows always sum to the bill, import rows to its energy, and row names are unique", () => {
  fc.assert(
    fc.property(case_, (c) => {
      const bill = billOf(c);
      assert.equal(
        bill.rows.reduce((total, row) => total + row.amountMicro, 0n),
        bill.amountMicro,
      );
      const imports = bill.rows.filter((row) => row.kind === "import");
      assert.equal(
        imports.reduce((total, row) => total + row.energyWh, 0n),
        bill.energyWh,
      );
      assert.equal(new Set(bill.rows.map((row) => row.band)).size, bill.rows.length);
    }),
  );
});

test("every row and the bill are the reference's exact amount rounded half-even once", () => {
  fc.assert(
    fc.property(case_, (c) => {
      // All in 10^-9 micro-units: 1000 for Wh per kWh, 10^6 for the tax rate.
      const scale = 10n ** 9n;
      const low = c.dayPrice < c.nightPrice ? c.dayPrice : c.nightPrice;
      const wanted = new Map([
        ["day", c.day * c.dayPrice * 10n ** 6n],
        ["night", c.night * c.nightPrice * 10n ** 6n],
        ["catchup", c.catchupWh * low * 10n ** 6n],
        ["standing", 30n * c.standing * scale],
        ["export", -c.exportWh * c.credit * 10n ** 6n],
        ["catchup-export", -c.catchupExportWh * c.credit * 10n ** 6n],
      ]);
      const sumOf = (names: readonly string[]) => names.reduce((total, name) => total + (wanted.get(name) ?? 0n), 0n);
      const base = ["day", "night", "catchup", "standing", ...(c.net ? ["export", "catchup-export"] : [])];
      wanted.set("tax", (sumOf(base) * c.ratePpm) / 10n ** 6n);
      assert.equal((sumOf(base) * c.ratePpm) % 10n ** 6n, 0n);
      const bill = billOf(c);
      const total = sumOf([...wanted.keys()]);
      assert.equal(bill.amountMicro, nearest(total, scale));
      let rounded = 0n;
      for (const [name, exact] of wanted) {
        const row = bill.rows.find((one) => one.band === name);
        assert.equal(row?.amountMicro ?? 0n, nearest(exact, scale), name);
        rounded += nearest(exact, scale);
      }
      assert.equal(bill.rows.find((row) => row.band === "rounding")?.amountMicro ?? 0n, bill.amountMicro - rounded);
    }),
  );
});

test("without tiers the exact amount is linear in the energies", () => {
  fc.assert(
    fc.property(case_, case_, (a, b) => {
      const prices = { ...a, standing: 0n };
      const other = { ...prices, day: b.day, night: b.night, exportWh: b.exportWh, catchupWh: b.catchupWh };
      const both = {
        ...other,
        day: a.day + b.day,
        night: a.night + b.night,
        exportWh: a.exportWh + b.exportWh,
        catchupWh: a.catchupWh + b.catchupWh,
        catchupExportWh: 2n * a.catchupExportWh,
      };
      const [x, y, z] = [billOf(prices).exactMicro, billOf(other).exactMicro, billOf(both).exactMicro];
      assert.equal((x.num * y.den + y.num * x.den) * z.den, z.num * x.den * y.den);
    }),
  );
});

test("with tiers of rising price, splitting energy over two bills never costs more", () => {
  const tariff = tariffOf({ ...ALWAYS, import: { flat: TIERS } });
  const amount = (energyWh: bigint) => invoice(tariff, june({ flat: energyWh })).amountMicro;
  fc.assert(fc.property(energy, energy, (a, b) => amount(a) + amount(b) <= amount(a + b)));
});
