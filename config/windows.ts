/**
 * Windows of ciphertexts: so many whole local days, counted from 1 January 1970, so that every party finds the same
 * boundaries without being told. A day on which the clocks change is a shorter or longer window. Meters encrypt by this rule, and
 * analytics checks and computes by it.
 */
import { DateTime } from "luxon";

const DAY_SECONDS = 86_400;

export interface Window {
  readonly firstSlot: number;
  readonly slots: number;
}

export interface CalendarOptions {
  readonly slotSeconds: number;
  /** IANA name. */
  readonly timezone: string;
  /** Local days of one window. */
  readonly windowDays: number;
}

export class WindowCalendar {
  readonly #options: CalendarOptions;
  /** The window found last: all meters of a process ask for the same few. */
  #last: Window = { firstSlot: 0, slots: 0 };

  /** Throws RangeError for an unknown time zone, and for no whole number of days. */
  constructor(options: CalendarOptions) {
    if (!DateTime.utc().setZone(options.timezone).isValid) {
      throw new RangeError(`timezone: expected an IANA time zone, got ${options.timezone}`);
    }
    if (!Number.isInteger(options.windowDays) || options.windowDays < 1) {
      throw new RangeError(`windowDays: expected a whole number from 1 on, got ${options.windowDays}`);
    }
    this.#options = options;
  }

  get slotSeconds(): number {
    return this.#options.slotSeconds;
  }

  get timezone(): string {
    return this.#options.timezone;
  }

  /** The window that holds a time in Unix seconds. */
  at(time: number): Window {
    const { timezone, windowDays } = this.#options;
    const local = DateTime.fromSeconds(time, { zone: timezone });
    const day = dayNumber(local.toISODate() ?? "");
    return this.#window(day - modulo(day, windowDays));
  }

  /** The window that holds a slot; a slot belongs to the day in which it begins. */
  holding(slot: number): Window {
    const { firstSlot, slots } = this.#last;
    if (slot < firstSlot || slot >= firstSlot + slots) this.#last = this.at(slot * this.#options.slotSeconds);
    return this.#last;
  }

  /** The windows that hold slots [from, to), in order. */
  *over(from: number, to: number): Generator<Window> {
    for (let slot = from; slot < to; ) {
      const window = this.holding(slot);
      yield window;
      slot = window.firstSlot + window.slots;
    }
  }

  /** The window that begins with this slot; undefined where none does. */
  startingAt(firstSlot: number): Window | undefined {
    if (!Number.isSafeInteger(firstSlot) || firstSlot < 0 || firstSlot > 0xffff_ffff) return undefined;
    const window = this.at((firstSlot + 0.5) * this.#options.slotSeconds);
    return window.firstSlot === firstSlot ? window : undefined;
  }

  /** All windows that local days [from, to) touch; dates as `YYYY-MM-DD`. */
  between(from: string, to: string): Window[] {
    const { windowDays } = this.#options;
    const first = dayNumber(from);
    const end = dayNumber(to);
    const windows: Window[] = [];
    for (let day = first - modulo(first, windowDays); day < end; day += windowDays) windows.push(this.#window(day));
    return windows;
  }

  /** Counts windows: each is one more than the last. */
  ordinal(firstSlot: number): number {
    return Math.floor(dayNumber(this.dateOf(firstSlot)) / this.#options.windowDays);
  }

  /** The local date on which a window begins. */
  dateOf(firstSlot: number): string {
    const { slotSeconds, timezone } = this.#options;
    return DateTime.fromSeconds((firstSlot + 0.5) * slotSeconds, { zone: timezone }).toISODate() ?? "";
  }

  /** Local time of a slot's start, as people write it: `2025-01-15 17:45`. */
  timeOf(slot: number): string {
    const { slotSeconds, timezone } = this.#options;
    return DateTime.fromSeconds(slot * slotSeconds, { zone: timezone }).toFormat("yyyy-MM-dd HH:mm");
  }

  /** The date so many days after another. */
  addDays(date: string, days: number): string {
    return dateOfDay(dayNumber(date) + days);
  }

  #window(day: number): Window {
    const firstSlot = this.#firstSlot(day);
    return { firstSlot, slots: this.#firstSlot(day + this.#options.windowDays) - firstSlot };
  }

  /** A slot belongs to the day in which it begins. */
  #firstSlot(day: number): number {
    const { slotSeconds, timezone } = this.#options;
    const midnight = DateTime.fromISO(dateOfDay(day), { zone: timezone }).startOf("day").toSeconds();
    return Math.ceil(midnight / slotSeconds);
  }
}

/** Is this a calendar date `YYYY-MM-DD` from 1970 on? */
export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && DateTime.fromISO(text, { zone: "utc" }).isValid && text >= "1970-01-01";
}

function dayNumber(date: string): number {
  return Math.round(DateTime.fromISO(date, { zone: "utc" }).toSeconds() / DAY_SECONDS);
}

function dateOfDay(day: number): string {
  return DateTime.fromSeconds(day * DAY_SECONDS, { zone: "utc" }).toISODate() ?? "";
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
