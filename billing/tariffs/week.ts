/**
 * The local week as 10,080 minutes, each in exactly one band. Windows of weekdays and clock time come in, a table
 * minute -> band goes out, or the times that no band or several bands claim.
 */

export const DAYS_OF_WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const DAY_MINUTES = 1440;
export const WEEK_MINUTES = 7 * DAY_MINUTES;

/** 1970-01-01 was a Thursday, three days into a week that starts on Monday. */
const EPOCH_WEEKDAY = 3;

/**
 * Clock time on some weekdays (0 is Monday), in minutes after midnight. A window whose end is not after its start
 * runs on into the next day; its weekdays are those on which it starts.
 */
export interface ClockWindow {
  readonly days: readonly number[];
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** The band of each minute of the week from Monday 00:00, and the minutes at which it changes, ascending. */
export interface WeekPlan {
  readonly bandOfMinute: Uint8Array;
  readonly changes: readonly number[];
}

export interface WeekResult {
  readonly plan: WeekPlan;
  /** Sentences naming the times that are in no band, or in more than one. */
  readonly faults: readonly string[];
}

/** Lays the windows of each band over the week. The plan is meaningful only when there are no faults. */
export function planWeek(
  bands: readonly { readonly name: string; readonly when: readonly ClockWindow[] }[],
): WeekResult {
  const claims = bands.map((band) => {
    const minutes = new Uint8Array(WEEK_MINUTES);
    for (const window of band.when) markWindow(minutes, window);
    return minutes;
  });
  const claimants = (minute: number) => bands.filter((_, index) => claims[index]?.[minute] === 1);
  const bandOfMinute = Uint8Array.from({ length: WEEK_MINUTES }, (_, minute) =>
    Math.max(
      0,
      claims.findIndex((claim) => claim[minute] === 1),
    ),
  );
  const changes: number[] = [];
  for (let minute = 0; minute < WEEK_MINUTES; minute += 1) {
    const before = bandOfMinute[(minute + WEEK_MINUTES - 1) % WEEK_MINUTES];
    if (bandOfMinute[minute] !== before) changes.push(minute);
  }
  const verdicts = Array.from({ length: WEEK_MINUTES }, (_, minute) => {
    const names = claimants(minute).map((band) => band.name);
    if (names.length === 1) return "";
    return names.length === 0 ? "is in no band" : `is in more than one band (${names.join(", ")})`;
  });
  return { plan: { bandOfMinute, changes }, faults: describeVerdicts(verdicts) };
}

/** The plan of a single band that always holds. */
export function uniformWeek(): WeekPlan {
  return { bandOfMinute: new Uint8Array(WEEK_MINUTES), changes: [] };
}

/** The second of the local week (0 is Monday 00:00) at a local time given as seconds since 1970-01-01 00:00 local. */
export function secondOfWeek(localSeconds: number): number {
  const week = WEEK_MINUTES * 60;
  return (((localSeconds + EPOCH_WEEKDAY * DAY_MINUTES * 60) % week) + week) % week;
}

/** `17:30` as minutes after midnight; `24:00` is the end of the day. Undefined when the text is no clock time. */
export function parseClock(text: string): number | undefined {
  const match = /^(\d{2}):(\d{2})$/.exec(text);
  if (match === null) return undefined;
  const hours = Number(match[1]);
  const minutes = Number(match[2]);
  const total = hours * 60 + minutes;
  return minutes < 60 && total <= DAY_MINUTES ? total : undefined;
}

/** `mon` or `mon-fri` (also over the weekend, `sat-mon`) as weekdays from 0; undefined when it is neither. */
export function parseDays(text: string): number[] | undefined {
  const [first = "", last = first, ...rest] = text.split("-");
  const from = DAYS_OF_WEEK.findIndex((day) => day === first);
  const to = DAYS_OF_WEEK.findIndex((day) => day === last);
  if (from < 0 || to < 0 || rest.length > 0) return undefined;
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, step) => (from + step) % 7);
}

function clockText(minuteOfDay: number): string {
  const hours = Math.floor(minuteOfDay / 60);
  return `${String(hours).padStart(2, "0")}:${String(minuteOfDay % 60).padStart(2, "0")}`;
}

function markWindow(minutes: Uint8Array, window: ClockWindow): void {
  const wraps = window.toMinute <= window.fromMinute;
  const length = window.toMinute - window.fromMinute + (wraps ? DAY_MINUTES : 0);
  for (const day of window.days) {
    const start = day * DAY_MINUTES + window.fromMinute;
    for (let step = 0; step < length; step += 1) minutes[(start + step) % WEEK_MINUTES] = 1;
  }
}

/** Joins equal verdicts into stretches within a day, and equal stretches of several days into one sentence. */
function describeVerdicts(verdicts: readonly string[]): string[] {
  const daysOfStretch = new Map<string, string[]>();
  DAYS_OF_WEEK.forEach((day, index) => {
    const today = verdicts.slice(index * DAY_MINUTES, (index + 1) * DAY_MINUTES);
    let start = 0;
    for (let minute = 1; minute <= DAY_MINUTES; minute += 1) {
      if (minute < DAY_MINUTES && today[minute] === today[start]) continue;
      const verdict = today[start] ?? "";
      if (verdict !== "") {
        const stretch = `${clockText(start)} to ${clockText(minute)} ${verdict}`;
        daysOfStretch.set(stretch, [...(daysOfStretch.get(stretch) ?? []), day]);
      }
      start = minute;
    }
  });
  return [...daysOfStretch].map(([stretch, days]) => `${days.join(", ")} ${stretch}`);
}
