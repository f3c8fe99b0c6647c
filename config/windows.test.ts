import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WindowCalendar } from "./windows.ts";

const berlin = new WindowCalendar({ slotSeconds: 900, timezone: "Europe/Berlin", windowDays: 1 });

const slotAt = (iso: string): number => Date.parse(iso) / 900_000;

test("a window is a local day: 96 slots, 92 when the clocks go forward, 100 when they go back", () => {
  assert.deepEqual(berlin.holding(slotAt("2025-01-15T12:00Z")), { firstSlot: slotAt("2025-01-14T23:00Z"), slots: 96 });
  assert.deepEqual(berlin.holding(slotAt("2025-03-30T12:00Z")), { firstSlot: slotAt("2025-03-29T23:00Z"), slots: 92 });
  assert.deepEqual(berlin.holding(slotAt("2025-10-26T12:00Z")), { firstSlot: slotAt("2025-10-25T22:00Z"), slots: 100 });
});

test("windows follow each other without gap or overlap, whatever zone, slot and length", () => {
  const zones = fc.constantFrom("Europe/Berlin", "UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia");
  fc.assert(
    fc.property(
      zones,
      fc.constantFrom(300, 900, 1_800, 3_600),
      fc.integer({ min: 1, max: 31 }),
      fc.integer({ min: 1_200_000_000, max: 1_900_000_000 }),
      (timezone, slotSeconds, windowDays, time) => {
        const calendar = new WindowCalendar({ slotSeconds, timezone, windowDays });
        const slot = Math.floor(time / slotSeconds);
        const { firstSlot, slots } = calendar.holding(slot);
        assert.ok(firstSlot <= slot && slot < firstSlot + slots);
        assert.deepEqual(calendar.holding(firstSlot), { firstSlot, slots });
        assert.deepEqual(calendar.holding(firstSlot + slots - 1), { firstSlot, slots });
        assert.equal(calendar.holding(firstSlot + slots).firstSlot, firstSlot + slots);
      },
    ),
    { numRuns: 200 },
  );
});

test("windows of several days begin on the same day for everyone", () => {
  const weekly = new WindowCalendar({ slotSeconds: 900, timezone: "Europe/Berlin", windowDays: 7 });
  const { firstSlot, slots } = weekly.holding(slotAt("2025-03-30T12:00Z"));
  // 1 January 1970 was a Thursday.
  assert.equal(firstSlot, slotAt("2025-03-26T23:00Z"));
  assert.equal(slots, 7 * 96 - 4);
});

test("lists the windows of a range", () => {
  const from = slotAt("2025-03-29T12:00Z");
  assert.deepEqual(
    [...berlin.over(from, from + 192)].map(({ slots }) => slots),
    [96, 92, 96],
  );
});

test("a time, a slot, a date and a first slot name the same window", () => {
  for (const iso of ["2025-01-15T12:00Z", "2025-03-30T00:30Z", "2025-10-26T00:59Z"]) {
    const slot = Math.floor(slotAt(iso));
    const window = berlin.holding(slot);
    assert.deepEqual(berlin.at(slot * 900 + 899), window);
    assert.deepEqual(berlin.startingAt(window.firstSlot), window);
    assert.equal(berlin.startingAt(window.firstSlot + 1), undefined);
    const date = berlin.dateOf(window.firstSlot);
    assert.deepEqual(berlin.between(date, berlin.addDays(date, 1)), [window]);
  }
});

test("refuses a time zone that does not exist", () => {
  assert.throws(() => new WindowCalendar({ slotSeconds: 900, timezone: "Mars/Base", windowDays: 1 }), /Mars\/Base/);
  assert.throws(() => new WindowCalendar({ slotSeconds: 900, timezone: "UTC", windowDays: 0 }), /windowDays/);
});
