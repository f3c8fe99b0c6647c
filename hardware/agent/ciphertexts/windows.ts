/**
 * Windows of ciphertexts: so many whole local days, counted from 1 January 1970, so that every party finds the same
 * boundaries without being told. A day on which the clocks change is a shorter or longer window.
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

  /** Throws RangeError for an unknown time zone. */
  constructor(options: CalendarOptions) {
    if (!DateTime.utc().setZone(options.timezone).isValid) {
      throw new RangeError(`timezone: expected an IANA time zone, got ${options.timezone}`);
    }
    this.#options = options;
  }

  /** The window that holds a slot; a slot belongs to the day in which it begins. */
  holding(slot: number): Window {
    const { firstSlot, slots } = this.#last;
    if (slot < firstSlot || slot >= firstSlot + slots) this.#last = this.#find(slot);
    return this.#last;
  }

  /** The windows that hold slots [from, to), in order. */
  *between(from: number, to: number): Generator<Window> {
    for (let slot = from; slot < to; ) {
      const window = this.holding(slot);
      yield window;
      slot = window.firstSlot + window.slots;
    }
  }

  #find(slot: number): Window {
    const { slotSeconds, timezone, windowDays } = this.#options;
    const date = DateTime.fromSeconds(slot * slotSeconds, { zone: timezone }).toISODate() ?? "";
    const day = Math.round(DateTime.fromISO(date, { zone: "utc" }).toSeconds() / DAY_SECONDS);
    const first = day - (((day % windowDays) + windowDays) % windowDays);
    const firstSlot = this.#firstSlot(first);
    return { firstSlot, slots: this.#firstSlot(first + windowDays) - firstSlot };
  }

  #firstSlot(day: number): number {
    const { slotSeconds, timezone } = this.#options;
    const date = DateTime.fromSeconds(day * DAY_SECONDS, { zone: "utc" }).toISODate() ?? "";
    return Math.ceil(DateTime.fromISO(date, { zone: timezone }).startOf("day").toSeconds() / slotSeconds);
  }
}
