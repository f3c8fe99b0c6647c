/**
 * Billing periods: half-open local dates turned into half-open slot ranges. A period whose local midnights do not
 * fall on slot boundaries is refused, for a slot cannot be split between two bills.
 */
import type { SlotRange } from "../../protocol/slots.ts";
import type { UnixSeconds } from "../../protocol/units.ts";
import { TariffError } from "./faults.ts";
import { addToDate, countDays, DAY_SECONDS, dateAt, dayStart, type LocalDate, localText } from "./local-time.ts";

export const PERIOD_KINDS = ["day", "month", "whole"] as const;

/** `whole` is one period over everything asked for, as for a replayed file. */
export type PeriodKind = (typeof PERIOD_KINDS)[number];

/** A billing period: local dates [from, to), the UTC seconds and the slots they cover, and how many days these are. */
export interface Period {
  readonly from: LocalDate;
  readonly to: LocalDate;
  readonly startsAt: UnixSeconds;
  readonly endsAt: UnixSeconds;
  readonly slots: SlotRange;
  /** Local days, whatever their length: 1 for a day of 23 hours. */
  readonly days: number;
}

/** Where periods are cut: the zone whose midnights count, and the length of a slot. */
export interface PeriodSettings {
  readonly timezone: string;
  readonly slotSeconds: number;
}

/** The period of local dates [from, to). Throws RangeError when empty, TariffError `off-slot` when not on slots. */
export function periodOf(from: LocalDate, to: LocalDate, settings: PeriodSettings): Period {
  const key = `${settings.timezone} ${settings.slotSeconds} ${from} ${to}`;
  let period = known.get(key);
  if (period === undefined) {
    period = workOut(from, to, settings);
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(key, period);
  }
  return period;
}

/** Every feeder asks for the same few periods again and again. */
const known = new Map<string, Period>();
const MAX_KNOWN = 256;

function workOut(from: LocalDate, to: LocalDate, settings: PeriodSettings): Period {
  const { timezone, slotSeconds } = settings;
  if (!Number.isInteger(slotSeconds) || slotSeconds < 1) {
    throw new RangeError(`slotSeconds: expected an integer of at least 1, got ${slotSeconds}`);
  }
  const startsAt = dayStart(from, timezone);
  const endsAt = dayStart(to, timezone);
  if (endsAt <= startsAt) throw new RangeError(`period: expected some time from ${from} until before ${to}, got none`);
  const faults = [startsAt, endsAt]
    .filter((time) => time % slotSeconds !== 0)
    .map((time) => ({
      path: "",
      message: `${localText(time, timezone)} (${timezone}) falls inside a slot of ${slotSeconds} s`,
    }));
  if (faults.length > 0) throw new TariffError("off-slot", "billing period", faults);
  const slots = { from: startsAt / slotSeconds, to: endsAt / slotSeconds };
  return { from, to, startsAt, endsAt, slots, days: countDays(from, to, timezone) };
}

/** The period of a kind that holds a local date; `whole` is that single day. */
export function periodHolding(kind: PeriodKind, date: LocalDate, settings: PeriodSettings): Period {
  const from = kind === "month" ? firstOfMonth(date) : date;
  return periodOf(from, nextPeriodDate(kind, from), settings);
}

/**
 * All periods of a kind that share time with the Unix seconds [from, to), in order; none for an empty range.
 * `whole` gives one period from the first to the last local day touched.
 */
export function periodsCovering(
  kind: PeriodKind,
  from: UnixSeconds,
  to: UnixSeconds,
  settings: PeriodSettings,
): Period[] {
  if (to <= from) return [];
  const { timezone } = settings;
  const first = startDate(from, timezone);
  if (kind === "whole") {
    let last = addToDate(first, { days: 1 });
    // Jumping near the end first keeps a replay of many years from walking day by day.
    const near = addToDate(dateAt(to - 2 * DAY_SECONDS, timezone), { days: -1 });
    if (near > last) last = near;
    while (dayStart(last, timezone) < to) last = addToDate(last, { days: 1 });
    return [periodOf(first, last, settings)];
  }
  const periods: Period[] = [];
  let date = kind === "month" ? firstOfMonth(first) : first;
  while (dayStart(date, timezone) < to) {
    const next = nextPeriodDate(kind, date);
    // A date that the zone skipped has no time to bill.
    if (dayStart(next, timezone) > dayStart(date, timezone)) periods.push(periodOf(date, next, settings));
    date = next;
  }
  return periods;
}

/** The local date whose day holds a time. Differs from the clock's date only where a clock went back over midnight. */
function startDate(time: UnixSeconds, timezone: string): LocalDate {
  const date = dateAt(time, timezone);
  const next = addToDate(date, { days: 1 });
  return dayStart(next, timezone) <= time ? next : date;
}

function firstOfMonth(date: LocalDate): LocalDate {
  return `${date.slice(0, 7)}-01` as LocalDate;
}

function nextPeriodDate(kind: PeriodKind, date: LocalDate): LocalDate {
  return addToDate(date, kind === "month" ? { months: 1 } : { days: 1 });
}
