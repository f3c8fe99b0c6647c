/** Local days and clock times by the system's own calendar; shares no code with the product. */

const DAY_MILLISECONDS = 86_400_000;

export interface LocalTime {
  /** 0 is Monday. */
  readonly weekday: number;
  readonly minute: number;
  /** `YYYY-MM-DD` */
  readonly date: string;
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export class Calendar {
  readonly #format: Intl.DateTimeFormat;

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat("en-GB", {
      timeZone,
      weekday: "short",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  }

  /** What clock and calendar on the wall say at a time in Unix seconds. */
  at(seconds: number): LocalTime {
    const parts = new Map(this.#format.formatToParts(seconds * 1_000).map(({ type, value }) => [type, value]));
    const number = (part: Intl.DateTimeFormatPartTypes): number => Number(parts.get(part));
    return {
      weekday: WEEKDAYS.indexOf(parts.get("weekday") ?? ""),
      minute: number("hour") * 60 + number("minute"),
      date: `${parts.get("year") ?? ""}-${parts.get("month") ?? ""}-${parts.get("day") ?? ""}`,
    };
  }

  /** Unix seconds at which a local day begins: the first minute that the wall's calendar shows that date. */
  startOf(date: string): number {
    const noon = Date.parse(`${date}T12:00:00Z`) / 1_000;
    for (let seconds = noon - 36 * 3_600; seconds < noon + 36 * 3_600; seconds += 900) {
      if (this.at(seconds).date === date) return seconds;
    }
    throw new RangeError(`date: ${date} does not exist in this time zone`);
  }
}

/** The dates from one to the one before another. */
export function datesBetween(from: string, to: string): string[] {
  const days = Math.round((Date.parse(to) - Date.parse(from)) / DAY_MILLISECONDS);
  return Array.from({ length: Math.max(0, days) }, (_, i) => dateAfter(from, i));
}

export function dateAfter(date: string, days: number): string {
  return new Date(Date.parse(date) + days * DAY_MILLISECONDS).toISOString().slice(0, 10);
}
