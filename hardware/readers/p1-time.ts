/**
 * Times of P1: YYMMDDhhmmss and S for summer or W for winter time of Central Europe. The letter decides, not the date:
 * Swedish meters keep W all year round.
 */

const TIME = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([SW])$/;

/** Unix seconds; undefined when `text` is no time, no day of the calendar, or lacks its letter. */
export function parseP1Time(text: string): number | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  // 70 stands for a clock that starts at the Unix epoch; the standard has no other use for years before 2000.
  const fullYear = year >= 70 ? 1900 + year : 2000 + year;
  const local = Date.UTC(fullYear, month - 1, day, hour, minute, second);
  const date = new Date(local);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  return local / 1000 - (match[7] === "S" ? 7200 : 3600);
}
