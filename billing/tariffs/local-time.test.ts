/** Local days and offsets in zones with whole, half-hour and 45-minute offsets, skipped midnights and dates. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  countDays,
  dateAt,
  dayStart,
  isTimezone,
  localDate,
  offsetAt,
  offsetSpans,
  parseLocalDate,
} from "./local-time.ts";

function utc(text: string): number {
  return Date.parse(`${text}Z`) / 1000;
}

function hoursOfDay(from: string, to: string, timezone: string): number {
  return (dayStart(localDate(to), timezone) - dayStart(localDate(from), timezone)) / 3600;
}

test("days have 23, 24 and 25 hours in Berlin and New York", () => {
  assert.equal(hoursOfDay("2025-03-30", "2025-03-31", "Europe/Berlin"), 23);
  assert.equal(hoursOfDay("2025-03-31", "2025-04-01", "Europe/Berlin"), 24);
  assert.equal(hoursOfDay("2025-10-26", "2025-10-27", "Europe/Berlin"), 25);
  assert.equal(hoursOfDay("2025-03-09", "2025-03-10", "America/New_York"), 23);
  assert.equal(hoursOfDay("2025-11-02", "2025-11-03", "America/New_York"), 25);
});

test("Lord Howe Island shifts its clock by half an hour", () => {
  assert.equal(hoursOfDay("2025-04-06", "2025-04-07", "Australia/Lord_Howe"), 24.5);
  assert.equal(hoursOfDay("2025-10-05", "2025-10-06", "Australia/Lord_Howe"), 23.5);
});

test("Kathmandu is a quarter to six ahead of Greenwich", () => {
  assert.equal(offsetAt(utc("2025-06-01T00:00:00"), "Asia/Kathmandu"), (5 * 60 + 45) * 60);
  assert.equal(dayStart(localDate("2025-06-01"), "Asia/Kathmandu"), utc("2025-05-31T18:15:00"));
});

test("a day whose midnight the clock jumps over starts with the jump", () => {
  assert.equal(dayStart(localDate("2018-11-04"), "America/Sao_Paulo"), utc("2018-11-04T03:00:00"));
  assert.equal(hoursOfDay("2018-11-04", "2018-11-05", "America/Sao_Paulo"), 23);
});

test("a clock that goes back at midnight makes the day before longer", () => {
  assert.equal(hoursOfDay("2018-02-17", "2018-02-18", "America/Sao_Paulo"), 25);
  assert.equal(hoursOfDay("2018-02-18", "2018-02-19", "America/Sao_Paulo"), 24);
});

test("a date that Samoa skipped has no length and is not counted", () => {
  assert.equal(hoursOfDay("2011-12-30", "2011-12-31", "Pacific/Apia"), 0);
  assert.equal(countDays(localDate("2011-12-01"), localDate("2012-01-01"), "Pacific/Apia"), 30);
  assert.equal(countDays(localDate("2025-03-01"), localDate("2025-04-01"), "Europe/Berlin"), 31);
});

test("offset spans cover a range and change exactly when the clock does", () => {
  const from = utc("2025-01-01T00:00:00");
  const to = utc("2026-01-01T00:00:00");
  const spans = offsetSpans(from, to, "Europe/Berlin");
  assert.deepEqual(
    spans.map((span) => [span.from, span.to, span.offsetSeconds]),
    [
      [from, utc("2025-03-30T01:00:00"), 3600],
      [utc("2025-03-30T01:00:00"), utc("2025-10-26T01:00:00"), 7200],
      [utc("2025-10-26T01:00:00"), to, 3600],
    ],
  );
});

test("a range that ends or starts with a change of the clock has one span", () => {
  const change = utc("2025-03-30T01:00:00");
  assert.deepEqual(offsetSpans(change - 60, change, "Europe/Berlin").length, 1);
  assert.deepEqual(offsetSpans(change, change + 60, "Europe/Berlin")[0]?.offsetSeconds, 7200);
  assert.deepEqual(offsetSpans(change, change, "Europe/Berlin"), []);
});

test("dates are real calendar dates", () => {
  assert.equal(parseLocalDate("2024-02-29"), "2024-02-29");
  for (const text of ["2025-02-29", "2025-13-01", "2025-1-1", "1969-12-31", "20250101", "2025-01-01T00:00"]) {
    assert.equal(parseLocalDate(text), undefined, text);
  }
  assert.throws(() => localDate("2025-02-30"), /date: expected .* got 2025-02-30/);
});

test("zones are those of the IANA database", () => {
  for (const name of ["Europe/Berlin", "UTC", "Asia/Kathmandu"]) assert.equal(isTimezone(name), true, name);
  for (const name of ["Mars/Base", "", "+02:00"]) assert.equal(isTimezone(name), false, name);
  assert.throws(() => offsetAt(0, "Mars/Base"), /timezone: expected an IANA time zone, got Mars\/Base/);
});

test("a date follows the local clock, not Greenwich", () => {
  assert.equal(dateAt(utc("2025-06-30T22:00:00"), "Europe/Berlin"), "2025-07-01");
  assert.equal(dateAt(utc("2025-07-01T03:59:59"), "America/New_York"), "2025-06-30");
});
