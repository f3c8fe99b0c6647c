/**
 * Local dates and UTC offsets of an IANA time zone. Everything is derived from spans of constant offset, so that
 * 23- and 25-hour days, half-hour shifts, midnights that do not exist and skipped dates need no special case.
 */
import { DateTime, IANAZone } from "luxon";
import type { UnixSeconds } from "../../protocol/units.ts";

/** A calendar date `YYYY-MM-DD` without a time; dates of this form compare correctly as text. */
export type LocalDate = string & { readonly unit: "date" };

/** A stretch of time [from, to) with one UTC offset, in seconds east of Greenwich. */
export interface OffsetSpan {
  readonly from: UnixSeconds;
  readonly to: UnixSeconds;
  readonly offsetSeconds: number;
}

export const DAY_SECONDS = 86_400;

// No zone has changed its offset twice within six hours, so samples this far apart see every change.
const SAMPLE_SECONDS = 21_600;

// Offsets reach from -12 h to +14 h; a day and a bit to either side of UTC midnight holds every local midnight.
const MIDNIGHT_REACH_SECONDS = 100_000;

/** Reads a real calendar date from 1970 on, undefined when the text is none (such as 2025-02-29). */
export function parseLocalDate(text: string): LocalDate | undefined {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined;
  const date = DateTime.fromISO(text, { zone: "utc" });
  return date.isValid && date.year >= 1970 ? (text as LocalDate) : undefined;
}

/** As parseLocalDate, but throws RangeError. */
export function localDate(text: string): LocalDate {
  const date = parseLocalDate(text);
  if (date === undefined) throw new RangeError(`date: expected a calendar date YYYY-MM-DD from 1970 on, got ${text}`);
  return date;
}

/** The date so many days (or months) later; the calendar only, no time zone. */
export function addToDate(date: LocalDate, step: { readonly days?: number; readonly months?: number }): LocalDate {
  return DateTime.fromISO(date, { zone: "utc" }).plus(step).toFormat("yyyy-MM-dd") as LocalDate;
}

/** True for a zone of the IANA database, such as `Europe/Berlin` or `UTC`. */
export function isTimezone(name: string): boolean {
  return /^[A-Za-z]/.test(name) && IANAZone.isValidZone(name);
}

/** The UTC offset in force at a time, in seconds east of Greenwich. */
export function offsetAt(time: UnixSeconds, timezone: string): number {
  return Math.round(zoneOf(timezone).offset(time * 1000) * 60);
}

/** The local calendar date at a time. */
export function dateAt(time: UnixSeconds, timezone: string): LocalDate {
  const local = time + offsetAt(time, timezone);
  return DateTime.fromSeconds(local, { zone: "utc" }).toFormat("yyyy-MM-dd") as LocalDate;
}

/** A time as people of the zone write it, with its offset: `2025-03-30 03:00 +02:00`. */
export function localText(time: UnixSeconds, timezone: string): string {
  return DateTime.fromSeconds(time, { zone: timezone }).toFormat("yyyy-MM-dd HH:mm ZZ");
}

/** Cuts [from, to) where the zone changes its offset. Empty for an empty range. */
export function offsetSpans(from: UnixSeconds, to: UnixSeconds, timezone: string): OffsetSpan[] {
  const spans: OffsetSpan[] = [];
  let start = from;
  let offset = offsetAt(from, timezone);
  for (let seen = from; seen < to; ) {
    const next = Math.min(seen + SAMPLE_SECONDS, to);
    const nextOffset = offsetAt(next, timezone);
    if (nextOffset !== offset) {
      const change = firstWithOffset(nextOffset, seen, next, timezone);
      if (change < to) {
        spans.push({ from: start, to: change, offsetSeconds: offset });
        start = change;
        offset = nextOffset;
      }
    }
    seen = next;
  }
  if (start < to) spans.push({ from: start, to, offsetSeconds: offset });
  return spans;
}

/**
 * The first instant whose local date is `date` or later: local midnight where it exists, else the moment the clock
 * jumped over it. A date that the zone skipped starts when the next one starts and has no length.
 */
export function dayStart(date: LocalDate, timezone: string): UnixSeconds {
  const key = `${timezone} ${date}`;
  let start = dayStarts.get(key);
  if (start === undefined) {
    start = findDayStart(date, timezone);
    if (dayStarts.size >= MAX_DAY_STARTS) dayStarts.clear();
    dayStarts.set(key, start);
  }
  return start;
}

/** Every bill of a period asks for the same few dozen days, and each is some thirty questions to the zone. */
const dayStarts = new Map<string, UnixSeconds>();
const MAX_DAY_STARTS = 4_096;

function findDayStart(date: LocalDate, timezone: string): UnixSeconds {
  const midnightUtc = DateTime.fromISO(date, { zone: "utc" }).toSeconds();
  const reach = offsetSpans(midnightUtc - MIDNIGHT_REACH_SECONDS, midnightUtc + MIDNIGHT_REACH_SECONDS, timezone);
  for (const span of reach) {
    const start = Math.max(span.from, midnightUtc - span.offsetSeconds);
    if (start < span.to) return start;
  }
  throw new RangeError(`date: ${date} has no start in ${timezone}`);
}

/** How many local days [from, to) has; dates that the zone skipped do not count. */
export function countDays(from: LocalDate, to: LocalDate, timezone: string): number {
  let days = 0;
  let start = dayStart(from, timezone);
  for (let date = from; date < to; ) {
    date = addToDate(date, { days: 1 });
    const end = dayStart(date, timezone);
    if (end > start) days += 1;
    start = end;
  }
  return days;
}

/** Bisects (before, until] for the first second with a given offset. */
function firstWithOffset(offset: number, before: UnixSeconds, until: UnixSeconds, timezone: string): UnixSeconds {
  let low = before;
  let high = until;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle, timezone) === offset) high = middle;
    else low = middle;
  }
  return high;
}

const zones = new Map<string, IANAZone>();

function zoneOf(name: string): IANAZone {
  let zone = zones.get(name);
  if (zone === undefined) {
    zone = IANAZone.create(name);
    if (!zone.isValid) throw new RangeError(`timezone: expected an IANA time zone, got ${name}`);
    zones.set(name, zone);
  }
  return zone;
}
