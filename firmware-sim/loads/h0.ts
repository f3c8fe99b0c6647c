/**
 * The BDEW standard load profile H0: mean power of a household by season, kind of day and quarter hour of local time,
 * for 1000 kWh a year, and the day factor that makes it follow the year. The figures are data (h0.json).
 */
import h0 from "./h0.json" with { type: "json" };

export const QUARTERS_PER_DAY = 96;

export type Season = "winter" | "summer" | "transition";
export type DayKind = "workday" | "saturday" | "sunday";

/** A civil date in the proleptic Gregorian calendar. */
export interface CivilDate {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 1 is Monday, 7 is Sunday. */
  readonly weekday: number;
  /** From 1. */
  readonly dayOfYear: number;
}

/** The civil date with a number: days since 1970-01-01. */
export function civilDate(dayNumber: number): CivilDate {
  const date = new Date(dayNumber * 86_400_000);
  const year = date.getUTCFullYear();
  return {
    year,
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: ((((dayNumber + 3) % 7) + 7) % 7) + 1,
    dayOfYear: dayNumber - Date.UTC(year, 0, 1) / 86_400_000 + 1,
  };
}

/** Season by the BDEW's dates: winter 1 Nov to 20 Mar, summer 15 May to 14 Sep, transition between. */
export function seasonOf(date: CivilDate): Season {
  const key = date.month * 100 + date.day;
  if (key >= 1101 || key <= 320) return "winter";
  return key >= 515 && key <= 914 ? "summer" : "transition";
}

/** Holidays count as Sundays; 24 and 31 December count as Saturdays unless they are Sundays. */
export function dayKindOf(date: CivilDate, isHoliday: boolean): DayKind {
  if (isHoliday || date.weekday === 7) return "sunday";
  if (date.weekday === 6 || (date.month === 12 && (date.day === 24 || date.day === 31))) return "saturday";
  return "workday";
}

/** F(t), about 1.24 at New Year and 0.80 in July; t is the day of the year. */
export function dayFactor(dayOfYear: number): number {
  return h0.dayFactor.coefficients.reduceRight((sum, coefficient) => sum * dayOfYear + coefficient, 0);
}

/** The 96 mean powers of a day in W for a home of 1000 kWh a year, day factor included. */
export function h0Watts(date: CivilDate, isHoliday: boolean): Float64Array {
  const factor = dayFactor(date.dayOfYear);
  return Float64Array.from(h0.watts[seasonOf(date)][dayKindOf(date, isHoliday)], (watts) => watts * factor);
}
