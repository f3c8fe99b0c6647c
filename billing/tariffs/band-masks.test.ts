/** Band masks against a slow reference that asks the calendar about every minute, in zones with awkward clocks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { countMembers, emptyBitmap, fullBitmap, hasMember, intersection, union } from "../../protocol/bitmap.ts";
import { slotCount } from "../../protocol/slots.ts";
import { bandMasks, billColumns } from "./band-masks.ts";
import { loadTariff, parseTariffYaml } from "./load.ts";
import { localDate } from "./local-time.ts";
import { type Period, periodOf } from "./periods.ts";
import type { Tariff } from "./tariff.ts";

const SLOT = 900;

function threeBands(timezone: string, morning = "06:00"): Tariff {
  return parseTariffYaml(`
id: t
currency: EUR
timezone: ${timezone}
versions:
  - from: 2000-01-01
    import:
      bands:
        - { name: night, priceMicroPerKwh: 1, when: [{ from: "22:00", to: "${morning}" }] }
        - name: day
          priceMicroPerKwh: 2
          when:
            - { days: mon-fri, from: "${morning}", to: "17:00" }
            - { days: mon-fri, from: "21:00", to: "22:00" }
            - { days: sat-sun, from: "${morning}", to: "22:00" }
        - { name: peak, priceMicroPerKwh: 3, when: [{ days: mon-fri, from: "17:00", to: "21:00" }] }
`);
}

function period(from: string, to: string, timezone: string, slotSeconds = SLOT): Period {
  return periodOf(localDate(from), localDate(to), { timezone, slotSeconds });
}

function counts(tariff: Tariff, from: string, to: string): Record<string, number> {
  const masks = bandMasks(tariff, period(from, to, tariff.timezone).slots, SLOT);
  for (const mask of masks) assert.equal(mask.slots, countMembers(mask.mask));
  return Object.fromEntries(masks.map((mask) => [mask.row, mask.slots]));
}

/** The band by the calendar of the platform, from weekday, hour and minute; knows nothing of offsets. */
function bandByCalendar(format: Intl.DateTimeFormat, seconds: number): string {
  const parts = Object.fromEntries(format.formatToParts(seconds * 1000).map((part) => [part.type, part.value]));
  const hour = Number(parts["hour"]);
  if (hour >= 22 || hour < 6) return "night";
  const weekend = parts["weekday"] === "Sat" || parts["weekday"] === "Sun";
  return !weekend && hour >= 17 && hour < 21 ? "peak" : "day";
}

const AWKWARD: readonly [string, string, string][] = [
  ["Europe/Berlin", "2025-03-28", "2025-04-01"],
  ["Europe/Berlin", "2025-10-25", "2025-10-28"],
  ["America/New_York", "2025-03-08", "2025-03-11"],
  ["America/New_York", "2025-11-01", "2025-11-04"],
  ["Australia/Lord_Howe", "2025-04-05", "2025-04-08"],
  ["Australia/Lord_Howe", "2025-10-04", "2025-10-07"],
  ["Asia/Kathmandu", "2025-05-30", "2025-06-03"],
  ["America/Sao_Paulo", "2018-11-03", "2018-11-06"],
  ["Pacific/Apia", "2011-12-28", "2012-01-02"],
];

test("every slot is in the band that the local calendar says, through every change of the clock", () => {
  for (const [timezone, from, to] of AWKWARD) {
    const { slots } = period(from, to, timezone);
    const masks = bandMasks(threeBands(timezone), slots, SLOT);
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: timezone,
      weekday: "short",
      hour: "numeric",
      hourCycle: "h23",
    });
    for (let index = 0; index < slotCount(slots); index += 1) {
      const held = masks.filter((mask) => hasMember(mask.mask, index)).map((mask) => mask.row);
      const start = (slots.from + index) * SLOT;
      assert.deepEqual(held, [bandByCalendar(format, start)], `${timezone} ${new Date(start * 1000).toISOString()}`);
      assert.deepEqual(held, [bandByCalendar(format, start + SLOT - 1)]);
    }
  }
});

test("days have 92, 96 and 100 slots, the missing or extra hour is at night", () => {
  const berlin = threeBands("Europe/Berlin");
  assert.deepEqual(counts(berlin, "2025-03-30", "2025-03-31"), { night: 28, day: 64 });
  assert.deepEqual(counts(berlin, "2025-10-26", "2025-10-27"), { night: 36, day: 64 });
  assert.deepEqual(counts(berlin, "2025-03-31", "2025-04-01"), { night: 32, day: 48, peak: 16 });
  const newYork = threeBands("America/New_York");
  assert.deepEqual(counts(newYork, "2025-03-09", "2025-03-10"), { night: 28, day: 64 });
  assert.deepEqual(counts(newYork, "2025-11-02", "2025-11-03"), { night: 36, day: 64 });
});

test("Lord Howe's half-hour shift makes days of 94 and 98 slots", () => {
  const island = threeBands("Australia/Lord_Howe");
  assert.deepEqual(counts(island, "2025-10-05", "2025-10-06"), { night: 30, day: 64 });
  assert.deepEqual(counts(island, "2025-04-06", "2025-04-07"), { night: 34, day: 64 });
});

test("masks are disjoint and cover any range in any of the zones", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 1_700_000, max: 2_000_000 }),
      fc.integer({ min: 0, max: 700 }),
      (timezone, from, length) => {
        const range = { from, to: from + length };
        let seen = emptyBitmap(length);
        for (const { mask } of bandMasks(threeBands(timezone), range, SLOT)) {
          assert.equal(countMembers(intersection(seen, mask)), 0);
          seen = union(seen, mask);
        }
        assert.deepEqual(seen, fullBitmap(length));
      },
    ),
    { numRuns: 40 },
  );
});

test("masks of a range are the masks of its pieces, side by side", () => {
  const tariff = threeBands("Europe/Berlin");
  const whole = period("2025-03-01", "2025-04-01", "Europe/Berlin").slots;
  const bandOf = (range: { from: number; to: number }, slot: number) =>
    bandMasks(tariff, range, SLOT).find((mask) => hasMember(mask.mask, slot - range.from))?.row;
  fc.assert(
    fc.property(fc.integer({ min: whole.from + 1, max: whole.to - 1 }), fc.integer({ min: 0 }), (cut, at) => {
      const slot = whole.from + (at % slotCount(whole));
      const piece = slot < cut ? { from: whole.from, to: cut } : { from: cut, to: whole.to };
      assert.equal(bandOf(piece, slot), bandOf(whole, slot));
    }),
    { numRuns: 30 },
  );
});

test("a band that begins inside a slot is refused with its local time and the length of the slot", () => {
  const { slots } = period("2025-06-02", "2025-06-09", "Europe/Berlin");
  assert.throws(() => bandMasks(threeBands("Europe/Berlin", "06:10"), slots, SLOT), {
    name: "TariffError",
    code: "off-slot",
    message:
      "tariff t: versions[0].import.bands: day begins 2025-06-02 06:10 +02:00 (Europe/Berlin), inside a slot of 900 s",
  });
  bandMasks(threeBands("Europe/Berlin", "06:10"), { from: slots.from * 3, to: slots.to * 3 }, 300);
});

test("hourly slots do not fit the clocks of half-hour zones, half-hourly ones not those of Kathmandu", () => {
  const winter = { from: 485_000, to: 485_048 };
  assert.throws(() => bandMasks(threeBands("Australia/Adelaide"), winter, 3600), { code: "off-slot" });
  assert.equal(bandMasks(threeBands("Europe/Berlin"), winter, 3600).length, 3);
  const halves = { from: 970_000, to: 970_096 };
  assert.equal(bandMasks(threeBands("Australia/Adelaide"), halves, 1800).length, 3);
  assert.throws(() => bandMasks(threeBands("Asia/Kathmandu"), halves, 1800), { code: "off-slot" });
});

test("Lord Howe fits hourly slots in its summer (+11:00) only", () => {
  const island = threeBands("Australia/Lord_Howe");
  const hours = (date: string) => Date.parse(`${date}T00:00:00Z`) / 3_600_000;
  assert.equal(bandMasks(island, { from: hours("2025-01-06"), to: hours("2025-01-11") }, 3600).length, 3);
  assert.throws(
    () => bandMasks(island, { from: hours("2025-06-02"), to: hours("2025-06-07") }, 3600),
    /inside a slot of 3600 s/,
  );
});

const CHANGING = `
id: changing
currency: EUR
timezone: Europe/Berlin
versions:
  - from: 2024-01-01
    import:
      bands:
        - { name: day, priceMicroPerKwh: 2, when: [{ from: "06:00", to: "22:00" }] }
        - { name: night, priceMicroPerKwh: 1, when: [{ from: "22:00", to: "06:00" }] }
  - from: 2025-04-11
    to: 2025-06-01
    import:
      bands:
        - { name: day, priceMicroPerKwh: 3, when: [{ from: "07:00", to: "22:00" }] }
        - { name: night, priceMicroPerKwh: 1, when: [{ from: "22:00", to: "07:00" }] }
`;

test("bands of a version that starts inside the period have their own masks and dated names", () => {
  const tariff = parseTariffYaml(CHANGING);
  assert.deepEqual(counts(tariff, "2025-04-01", "2025-05-01"), {
    day: 10 * 64,
    night: 10 * 32,
    "day@2025-04-11": 20 * 60,
    "night@2025-04-11": 20 * 36,
  });
  assert.deepEqual(counts(tariff, "2025-04-11", "2025-04-12"), { day: 60, night: 36 });
});

test("a range that the tariff does not cover is refused with the first such date", () => {
  const tariff = parseTariffYaml(CHANGING);
  const masks = (from: string, to: string) => bandMasks(tariff, period(from, to, tariff.timezone).slots, SLOT);
  assert.throws(() => masks("2025-05-01", "2025-06-02"), /no version is valid on 2025-06-01/);
  assert.throws(() => masks("2023-12-31", "2024-01-02"), /no version is valid on 2023-12-31/);
});

test("a bill asks for export and catch-up once per version, and late rows carry their date", () => {
  const tariff = parseTariffYaml(CHANGING);
  const april = period("2025-04-01", "2025-05-01", tariff.timezone).slots;
  const columns = billColumns(tariff, april, SLOT);
  const others = columns.filter((column) => column.kind !== "import");
  assert.deepEqual(
    others.map((column) => [column.kind, column.row, column.slots]),
    [
      ["export", "export", 960],
      ["export", "export@2025-04-11", 1920],
      ["catchup", "catchup", 960],
      ["catchup", "catchup@2025-04-11", 1920],
      ["catchupExport", "catchup-export", 960],
      ["catchupExport", "catchup-export@2025-04-11", 1920],
    ],
  );
  for (const column of others) assert.equal(countMembers(column.mask), column.slots);
  const late = billColumns(tariff, april, SLOT, true).map((column) => column.row);
  assert.deepEqual(late.slice(0, 5), [
    "day@2025-04-01",
    "night@2025-04-01",
    "day@2025-04-11",
    "night@2025-04-11",
    "export@2025-04-01",
  ]);
  assert.equal(new Set(late).size, late.length);
});

test("the time-of-use example gives every band of any day at least twelve slots", async () => {
  const file = fileURLToPath(new URL("../../config/tariffs/time-of-use.yaml", import.meta.url));
  const tariff = await loadTariff(file);
  for (const day of ["2025-06-02", "2025-06-06", "2025-06-07", "2025-06-08", "2025-03-30", "2025-10-26"]) {
    const next = `${day.slice(0, 8)}${String(Number(day.slice(8)) + 1).padStart(2, "0")}`;
    for (const [band, slots] of Object.entries(counts(tariff, day, next)))
      assert.ok(slots >= 12, `${day} ${band} ${slots}`);
  }
  assert.deepEqual(counts(tariff, "2025-06-02", "2025-06-03"), { night: 32, day: 48, peak: 16 });
});
