/**
 * Local days as forecasts see them. A day has a fixed number of positions on the clock's face (96 quarter hours), and
 * 92 to 100 slots: on the day of a clock change a position is missing or there twice, and every slot keeps the position
 * that its clock shows, so that evenings are compared with evenings.
 */
import { DateTime, IANAZone } from "luxon";

const DAY_SECONDS = 86_400;

export interface LocalDay {
  /** YYYY-MM-DD. */
  readonly date: string;
  /** 1 is Monday, 7 is Sunday. */
  readonly weekday: number;
  readonly firstSlot: number;
  /** Per slot of the day, in order: the position on the clock's face. */
  readonly positions: Uint16Array;
}

export interface CalendarOptions {
  /** A divisor of 86400. */
  readonly slotSeconds: number;
  /** IANA name. */
  readonly timezone: string;
}

/** Positions of a day. Throws RangeError unless the slot is a divisor of a day that is at least a minute. */
export function positionsPerDay(slotSeconds: number): number {
  if (!(Number.isInteger(slotSeconds) && slotSeconds >= 60 && DAY_SECONDS % slotSeconds === 0)) {
    throw new RangeError(`slotSeconds: expected a divisor of 86400 from 60, got ${slotSeconds}`);
  }
  return DAY_SECONDS / slotSeconds;
}

/**
 * Every local day that has a slot from `fromSlot` to before `toSlot`, whole.
 * Throws RangeError on an unknown zone, or where days do not begin on slot boundaries.
 */
export function localDays(fromSlot: number, toSlot: number, { slotSeconds, timezone }: CalendarOptions): LocalDay[] {
  const perDay = positionsPerDay(slotSeconds);
  if (!IANAZone.isValidZone(timezone)) {
    throw new RangeError(`timezone: expected an IANA name such as Europe/Berlin, got ${timezone}`);
  }
  const zone = IANAZone.create(timezone);
  const days: LocalDay[] = [];
  let start = DateTime.fromSeconds(fromSlot * slotSeconds, { zone }).startOf("day");
  for (; start.toSeconds() < toSlot * slotSeconds; ) {
    const date = start.toFormat("yyyy-MM-dd");
    const next = start.plus({ days: 1 }).startOf("day");
    const firstSlot = start.toSeconds() / slotSeconds;
    const count = (next.toSeconds() - start.toSeconds()) / slotSeconds;
    if (!Number.isInteger(firstSlot) || !Number.isInteger(count)) {
      throw new RangeError(`slotSeconds: ${date} in ${timezone} begins or ends inside a slot of ${slotSeconds} s`);
    }
    const positions = Uint16Array.from({ length: count }, (_, i) => i);
    if (count !== perDay) {
      for (let i = 0; i < count; i += 1) {
        const time = (firstSlot + i) * slotSeconds;
        const local = time + zone.offset(time * 1000) * 60;
        positions[i] = Math.floor((local % DAY_SECONDS) / slotSeconds);
      }
    }
    days.push({ date, weekday: start.weekday, firstSlot, positions });
    start = next;
  }
  return days;
}

/** The day after one. */
export function dayAfter(day: LocalDay, options: CalendarOptions): LocalDay {
  const from = day.firstSlot + day.positions.length;
  return localDays(from, from + 1, options)[0]!;
}
