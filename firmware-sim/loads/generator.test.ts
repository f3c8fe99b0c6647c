import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { civilDate, h0Watts } from "./h0.ts";
import { type GeneratorOptions, LoadGenerator } from "./generator.ts";
import { cosZenith } from "./weather.ts";

const DAY = (iso: string): number => Date.parse(`${iso}T00:00:00Z`) / 86_400_000;

function fleet(count: number, from: string, days: number, options: Partial<GeneratorOptions> = {}): LoadGenerator {
  const slotsPerDay = Math.round(86_400 / (options.slotSeconds ?? 900));
  return new LoadGenerator({
    seed: 1,
    meters: Array.from({ length: count }, (_, i) => ({ id: `m-${i}`, feeder: `f-${i % 4}` })),
    range: { from: DAY(from) * slotsPerDay, to: (DAY(from) + days) * slotsPerDay },
    ...options,
  });
}

const HOUSEHOLD_ONLY = { heatPump: false, ev: false, pv: false };

function totals(generator: LoadGenerator, meter: number): { importWh: number; exportWh: number } {
  return generator.registersAt(meter, generator.range.to);
}

for (const [from, season] of [
  ["2025-01-13", "winter"],
  ["2025-07-14", "summer"],
] as const) {
  test(`the mean of many homes is H0: quarter hours of a ${season} week within 8 %, its total within 2 %`, () => {
    const homes = 3000;
    const generator = fleet(homes, from, 7, { parts: HOUSEHOLD_ONLY });
    let annualKwh = 0;
    for (let meter = 0; meter < homes; meter += 1) annualKwh += generator.homeOf(meter).annualKwh;
    let total = 0;
    let expectedTotal = 0;
    for (let day = 0; day < 7; day += 1) {
      const profile = h0Watts(civilDate(DAY(from) + day), false);
      for (let quarter = 0; quarter < 96; quarter += 1) {
        let sum = 0;
        const slot = generator.range.from + day * 96 + quarter;
        for (let meter = 0; meter < homes; meter += 1) sum += generator.read(meter, slot)?.importWh ?? 0;
        const expected = ((profile[quarter] ?? 0) / 4) * (annualKwh / 1000);
        assert.ok(Math.abs(sum / expected - 1) < 0.08, `day ${day}, quarter ${quarter}: ${sum / expected}`);
        total += sum;
        expectedTotal += expected;
      }
    }
    assert.ok(Math.abs(total / expectedTotal - 1) < 0.02, `total ${total / expectedTotal}`);
  });
}

test("a reading does not depend on what was read before, nor on the other meters of the fleet", () => {
  const all = fleet(20, "2025-03-28", 5, { timezone: "Europe/Berlin" });
  const inOrder: string[] = [];
  for (let slot = all.range.from; slot < all.range.to; slot += 1) inOrder.push(JSON.stringify(all.read(13, slot)));
  const alone = fleet(0, "2025-03-28", 5, { timezone: "Europe/Berlin", meters: [{ id: "m-13", feeder: "elsewhere" }] });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: inOrder.length - 1 }), (offset) => {
      assert.equal(JSON.stringify(alone.read(0, alone.range.from + offset)), inOrder[offset]);
    }),
  );
});

test("a cache too small for the fleet changes no reading", () => {
  const roomy = fleet(10, "2025-03-01", 2);
  const tight = fleet(10, "2025-03-01", 2, { cacheBytes: 1 });
  for (let slot = roomy.range.from; slot < roomy.range.to; slot += 1) {
    for (let meter = 0; meter < 10; meter += 1) assert.deepEqual(tight.read(meter, slot), roomy.read(meter, slot));
  }
});

test("another seed, another meter and another day give other loads", () => {
  const day = (generator: LoadGenerator, meter: number, offset = 0): string =>
    JSON.stringify(Array.from({ length: 96 }, (_, i) => generator.read(meter, generator.range.from + offset + i)));
  const generator = fleet(2, "2025-03-03", 2);
  const seen = [
    day(generator, 0),
    day(generator, 1),
    day(generator, 0, 96),
    day(fleet(1, "2025-03-03", 1, { seed: 2 }), 0),
  ];
  assert.equal(new Set(seen).size, 4);
});

test("readings are non-negative integers, for any slot length", () => {
  for (const slotSeconds of [1, 60, 400, 900, 1200, 3600, 86_400]) {
    const generator = fleet(8, "2025-06-20", 1, { slotSeconds, model: { pvShare: 1, evShare: 1, heatPumpShare: 1 } });
    for (let slot = generator.range.from; slot < generator.range.to; slot += 1) {
      const { importWh, exportWh } = generator.read(slot % 8, slot) ?? assert.fail();
      assert.ok(Number.isInteger(importWh) && importWh >= 0 && Number.isInteger(exportWh) && exportWh >= 0);
      assert.ok(importWh === 0 || exportWh === 0);
    }
  }
});

test("the energy of a day is the same within 2 Wh whatever the slot length, so rounding has no bias", () => {
  const dayTotals = [60, 900, 3600].map((slotSeconds) => {
    const generator = fleet(40, "2025-02-03", 3, {
      slotSeconds,
      parts: { pv: false },
      model: { quarterNoiseSigma: 0 },
    });
    return Array.from({ length: 40 }, (_, meter) => totals(generator, meter).importWh);
  });
  const differences = [1, 2].flatMap((i) => (dayTotals[i] ?? []).map((wh, meter) => wh - (dayTotals[0]?.[meter] ?? 0)));
  for (const difference of differences) assert.ok(Math.abs(difference) <= 6, `${difference} Wh in three days`);
  assert.ok(Math.abs(differences.reduce((sum, d) => sum + d, 0) / differences.length) < 1);
});

test("photovoltaics export by day in summer and never while the sun is down", () => {
  const generator = fleet(30, "2025-06-10", 10, { model: { pvShare: 1 }, timezone: "Europe/Berlin" });
  let exported = 0;
  for (let slot = generator.range.from; slot < generator.range.to; slot += 1) {
    const isNight = [0, 300, 600, 900].every((second) => cosZenith(slot * 900 + second, 51.5, 9.9) < 0);
    for (let meter = 0; meter < 30; meter += 1) {
      const exportWh = generator.read(meter, slot)?.exportWh ?? 0;
      if (isNight) assert.equal(exportWh, 0, `meter ${meter}, slot ${slot}`);
      exported += exportWh;
    }
  }
  assert.ok(exported / 300 > 10_000, `${exported / 300} Wh per home and day`);
});

test("a home without photovoltaics never exports", () => {
  const generator = fleet(20, "2025-06-10", 5, { model: { pvShare: 0 } });
  for (let meter = 0; meter < 20; meter += 1) {
    assert.equal(generator.hasExport(meter), false);
    assert.equal(totals(generator, meter).exportWh, 0);
  }
});

test("a kilowatt peak yields what central Europe sees in a year: 700 to 1150 kWh", () => {
  const generator = fleet(20, "2025-01-01", 365, {
    parts: { household: false, fridge: false, ev: false, heatPump: false },
    model: { pvShare: 1 },
  });
  for (let meter = 0; meter < 20; meter += 1) {
    const { importWh, exportWh } = totals(generator, meter);
    const perKw = exportWh / 1000 / (generator.homeOf(meter).pv?.peakKw ?? 0);
    assert.ok(perKw > 700 && perKw < 1150, `${perKw} kWh per kW`);
    // Nothing is taken from the grid but what the first remainder rounds to.
    assert.ok(importWh <= 365);
  }
});

test("fridges take 150 to 400 kWh a year and stand still for a part of the time", () => {
  const parts = { household: false, ev: false, heatPump: false, pv: false };
  const generator = fleet(40, "2025-01-01", 365, { parts });
  for (let meter = 0; meter < 40; meter += 1) {
    const kwh = totals(generator, meter).importWh / 1000;
    const home = generator.homeOf(meter);
    assert.ok(Math.abs(kwh / (home.fridgeMeanW * 8.76) - 1) < 0.03, `${kwh} kWh, expected ${home.fridgeMeanW * 8.76}`);
    assert.ok(kwh < 412 && kwh > 0.1 * Math.min(1500, home.annualKwh), `${kwh} kWh`);
  }
  const minutes = fleet(1, "2025-01-01", 1, { parts, slotSeconds: 60 });
  let idle = 0;
  for (let slot = minutes.range.from; slot < minutes.range.to; slot += 1)
    idle += minutes.read(0, slot)?.importWh === 0 ? 1 : 0;
  assert.ok(idle > 300 && idle < 1300, `${idle} idle minutes`);
});

test("cars charge about 2000 kWh a year, never above their charger", () => {
  const parts = { household: false, fridge: false, heatPump: false, pv: false };
  const generator = fleet(60, "2025-01-01", 365, { parts, model: { evShare: 1 } });
  let sum = 0;
  for (let meter = 0; meter < 60; meter += 1) {
    sum += totals(generator, meter).importWh / 1000;
    const most = (generator.homeOf(meter).ev?.chargerW ?? 0) / 4 + 1;
    for (let slot = generator.range.from; slot < generator.range.from + 96 * 14; slot += 1) {
      assert.ok((generator.read(meter, slot)?.importWh ?? 0) <= most);
    }
  }
  const expected = 365 * 0.45 * 13 * 0.95;
  assert.ok(Math.abs(sum / 60 / expected - 1) < 0.06, `${sum / 60} kWh, expected ${expected}`);
});

test("heat pumps take 2500 to 8000 kWh a year, most of it in winter", () => {
  const parts = { household: false, fridge: false, ev: false, pv: false };
  const generator = fleet(30, "2025-01-01", 365, { parts, model: { heatPumpShare: 1 } });
  for (let meter = 0; meter < 30; meter += 1) {
    const year = totals(generator, meter).importWh;
    const january = generator.registersAt(meter, generator.range.from + 31 * 96).importWh;
    const july =
      generator.registersAt(meter, generator.range.from + 212 * 96).importWh -
      generator.registersAt(meter, generator.range.from + 181 * 96).importWh;
    assert.ok(year > 2.0e6 && year < 8e6, `${year} Wh`);
    assert.ok(january > 4 * july, `January ${january} Wh, July ${july} Wh`);
  }
});

test("yearly consumption is drawn log-normally around its mean", () => {
  const generator = fleet(4000, "2025-01-01", 1);
  const logs = Array.from({ length: 4000 }, (_, meter) => Math.log(generator.homeOf(meter).annualKwh));
  const mean = logs.reduce((sum, value) => sum + value, 0) / logs.length;
  const sigma = Math.sqrt(logs.reduce((sum, value) => sum + (value - mean) ** 2, 0) / logs.length);
  assert.ok(Math.abs(Math.exp(mean + sigma ** 2 / 2) / 3500 - 1) < 0.03);
  assert.ok(Math.abs(sigma - 0.45) < 0.02);
});

test("the evening peak follows the local clock across the change to summer time", () => {
  const homes = 1500;
  const peakUtcHour = (iso: string): number => {
    const generator = fleet(homes, iso, 1, { timezone: "Europe/Berlin", parts: HOUSEHOLD_ONLY });
    const hours = Array.from({ length: 24 }, (_, hour) => {
      let sum = 0;
      for (let quarter = hour * 4; quarter < hour * 4 + 4; quarter += 1) {
        for (let meter = 0; meter < homes; meter += 1)
          sum += generator.read(meter, generator.range.from + quarter)?.importWh ?? 0;
      }
      return sum;
    });
    return hours.indexOf(Math.max(...hours.slice(14)));
  };
  // Two workdays of the same season on both sides of 30 March 2025.
  assert.equal(peakUtcHour("2025-03-27") - peakUtcHour("2025-04-01"), 1);
});

test("registers are the sums of the readings before a slot, asked in any order", () => {
  const generator = fleet(3, "2025-05-01", 6, { model: { pvShare: 1 } });
  const { from, to } = generator.range;
  const sums = [{ importWh: 0, exportWh: 0 }];
  for (let slot = from; slot < to; slot += 1) {
    const energy = generator.read(1, slot) ?? assert.fail();
    const last = sums[slot - from] ?? assert.fail();
    sums.push({ importWh: last.importWh + energy.importWh, exportWh: last.exportWh + energy.exportWh });
  }
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (slot) => {
      assert.deepEqual(generator.registersAt(1, slot), sums[slot - from]);
    }),
  );
});

test("there are no readings outside the range", () => {
  const generator = fleet(1, "2025-05-01", 1);
  assert.equal(generator.read(0, generator.range.from - 1), undefined);
  assert.equal(generator.read(0, generator.range.to), undefined);
  assert.equal(generator.read(0, generator.range.from + 0.5), undefined);
});

test("homes of one region share the weather, other regions have their own", () => {
  const generator = fleet(40, "2025-05-01", 1, { model: { regions: 50 } });
  const covers = Array.from({ length: 4 }, (_, meter) => generator.weatherOf(meter, DAY("2025-05-01")).cloudCover);
  assert.ok(new Set(covers).size > 1);
  assert.equal(generator.weatherOf(4, DAY("2025-05-01")).cloudCover, covers[0]);
});

test("wrong options are refused by name", () => {
  assert.throws(
    () => fleet(1, "2025-01-01", 1, { slotSeconds: 700 }),
    /slotSeconds: expected a divisor of 86400, got 700/,
  );
  assert.throws(() => fleet(1, "2025-01-01", 1, { timezone: "Europe/Nowhere" }), /timezone: .*Europe\/Nowhere/);
  assert.throws(() => fleet(1, "2025-01-01", 1, { holidays: ["1 May"] }), /holidays: .*1 May/);
  assert.throws(() => fleet(1, "2025-01-01", 1, { model: { pvShare: 2 } }), /pvShare: expected 0 to 1, got 2/);
  assert.throws(() => fleet(1, "2025-01-01", 1, { model: { evChargerW: [2000] } }), /evChargerW/);
  const generator = fleet(1, "2025-01-01", 1);
  assert.throws(() => generator.read(1, generator.range.from), /meterIndex: expected 0 to 0, got 1/);
  assert.throws(() => generator.registersAt(0, 0), /slot: expected an integer/);
});
