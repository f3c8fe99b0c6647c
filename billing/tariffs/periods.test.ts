/** Billing periods as local dates and as slots, through changes of the clock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { slotCount } from "../../protocol/slots.ts";
import { dateAt, localDate } from "./local-time.ts";
import { PERIOD_KINDS, periodHolding, periodOf, periodsCovering } from "./periods.ts";

const BERLIN = { timezone: "Europe/Berlin", slotSeconds: 900 };

function utc(text: string): number {
  return Date.parse(`${text}Z`) / 1000;
}

test("a month with a change of the clock has four slots more or fewer", () => {
  const march = periodHolding("month", localDate("2025-03-17"), BERLIN);
  assert.deepEqual([march.from, march.to, march.days], ["2025-03-01", "2025-04-01", 31]);
  assert.equal(slotCount(march.slots), 31 * 96 - 4);
  assert.equal(march.startsAt, utc("2025-02-28T23:00:00"));
  assert.equal(march.endsAt, utc("2025-03-31T22:00:00"));
  assert.equal(slotCount(periodHolding("month", localDate("2025-10-01"), BERLIN).slots), 31 * 96 + 4);
});

test("a day of 23 or 25 hours is one day", () => {
  const short = periodHolding("day", localDate("2025-03-30"), BERLIN);
  assert.deepEqual([slotCount(short.slots), short.days], [92, 1]);
  const long = periodHolding("day", localDate("2025-10-26"), BERLIN);
  assert.deepEqual([slotCount(long.slots), long.days], [100, 1]);
});

test("lists every period that shares time with a range, and none for an empty one", () => {
  const from = utc("2025-01-31T22:59:59");
  const dates = (kind: "day" | "month" | "whole", to: number) =>
    periodsCovering(kind, from, to, BERLIN).map((period) => `${period.from}/${period.to}`);
  assert.deepEqual(dates("day", from + 1), ["2025-01-31/2025-02-01"]);
  assert.deepEqual(dates("day", from + 2), ["2025-01-31/2025-02-01", "2025-02-01/2025-02-02"]);
  assert.deepEqual(dates("month", from + 2), ["2025-01-01/2025-02-01", "2025-02-01/2025-03-01"]);
  assert.deepEqual(dates("whole", from + 2), ["2025-01-31/2025-02-02"]);
  assert.deepEqual(dates("whole", utc("2027-01-01T00:00:00")), ["2025-01-31/2027-01-02"]);
  assert.deepEqual(dates("day", from), []);
  assert.deepEqual(periodsCovering("whole", from, from, BERLIN), []);
});

test("periods meet without gap or overlap and cover the range, wherever it starts", () => {
  const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];
  fc.assert(
    fc.property(
      fc.constantFrom(...PERIOD_KINDS),
      fc.constantFrom(...zones),
      fc.integer({ min: utc("2011-11-01T00:00:00"), max: utc("2025-12-01T00:00:00") }),
      fc.integer({ min: 1, max: 40 * 86_400 }),
      (kind, timezone, from, length) => {
        const periods = periodsCovering(kind, from, from + length, { timezone, slotSeconds: 900 });
        const first = periods[0];
        const last = periods.at(-1);
        assert.ok(first !== undefined && first.startsAt <= from && first.endsAt > from);
        assert.ok(last !== undefined && last.endsAt >= from + length && last.startsAt < from + length);
        periods.slice(1).forEach((next, index) => assert.equal(next.startsAt, periods[index]?.endsAt));
        if (kind === "whole") assert.equal(dateAt(last.endsAt - 1, timezone), dateAt(from + length - 1, timezone));
      },
    ),
    { numRuns: 60 },
  );
});

test("a skipped date is not a period, and its month has a day less", () => {
  const apia = { timezone: "Pacific/Apia", slotSeconds: 900 };
  const days = periodsCovering("day", utc("2011-12-29T20:00:00"), utc("2011-12-31T05:00:00"), apia);
  assert.deepEqual(
    days.map((day) => day.from),
    ["2011-12-29", "2011-12-31"],
  );
  assert.equal(periodHolding("month", localDate("2011-12-05"), apia).days, 30);
});

test("a midnight inside a slot is refused with its local time", () => {
  const kathmandu = { timezone: "Asia/Kathmandu", slotSeconds: 1800 };
  assert.throws(() => periodHolding("day", localDate("2025-06-01"), kathmandu), {
    code: "off-slot",
    message: /2025-06-01 00:00 \+05:45 \(Asia\/Kathmandu\) falls inside a slot of 1800 s/,
  });
  assert.equal(slotCount(periodHolding("day", localDate("2025-06-01"), { ...kathmandu, slotSeconds: 900 }).slots), 96);
});

test("a period without time and a slot without length are refused", () => {
  const date = localDate("2025-06-01");
  assert.throws(() => periodOf(date, date, BERLIN), RangeError);
  assert.throws(() => periodOf(localDate("2025-06-02"), date, BERLIN), RangeError);
  assert.throws(() => periodHolding("day", date, { ...BERLIN, slotSeconds: 0 }), /slotSeconds/);
});
