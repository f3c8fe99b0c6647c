/**
 * What all homes share about one UTC day: which local day each slot belongs to, and the standard profile per slot with
 * the expected load of owned appliances taken off. Random substreams of loads follow local days, energy follows slots.
 */
import { IANAZone } from "luxon";
import type { ApplianceModel } from "./appliances.ts";
import { civilDate, h0Watts, QUARTERS_PER_DAY } from "./h0.ts";

export const DAY_SECONDS = 86_400;
const QUARTER_SECONDS = 900;

/** A local day that can have load in this UTC day. */
export interface LocalDay {
  /** Days since 1970-01-01, local calendar. */
  readonly number: number;
  /** Unix seconds of local midnight, by the offset at noon: on the day of a clock change evenings stay evenings. */
  readonly midnight: number;
  /** Energy of the standard profile on this day in Wh for 1000 kWh a year. */
  readonly profileWh: number;
}

/** Spreads power per quarter hour of a UTC day over its slots; the result is energy per slot (W to Wh). */
export function energyPerSlot(quarterPower: Float64Array, slotSeconds: number): Float64Array {
  const energy = new Float64Array(DAY_SECONDS / slotSeconds);
  for (let slot = 0; slot < energy.length; slot += 1) {
    const end = (slot + 1) * slotSeconds;
    let wattSeconds = 0;
    for (let at = slot * slotSeconds; at < end; ) {
      const quarter = Math.floor(at / QUARTER_SECONDS);
      const next = Math.min(end, (quarter + 1) * QUARTER_SECONDS);
      wattSeconds += (quarterPower[quarter] ?? 0) * (next - at);
      at = next;
    }
    energy[slot] = wattSeconds / 3600;
  }
  return energy;
}

/** Throws RangeError unless a slot length is a divisor of a day. */
export function assertSlotSeconds(slotSeconds: number): void {
  if (!Number.isInteger(slotSeconds) || slotSeconds < 1 || DAY_SECONDS % slotSeconds !== 0) {
    throw new RangeError(`slotSeconds: expected a divisor of ${DAY_SECONDS}, got ${slotSeconds}`);
  }
}

/** The calendar of a place; makes the shared part of any UTC day. */
export class Calendar {
  readonly slotSeconds: number;
  private readonly zone: IANAZone;
  private readonly holidays: ReadonlySet<string>;
  private readonly models: readonly ApplianceModel[];
  private readonly profiles = new Map<number, Float64Array>();

  /** `holidays` are local dates (YYYY-MM-DD) that count as Sundays. Throws RangeError on an unknown time zone. */
  constructor(slotSeconds: number, timezone: string, holidays: Iterable<string>, models: readonly ApplianceModel[]) {
    assertSlotSeconds(slotSeconds);
    if (!IANAZone.isValidZone(timezone)) {
      throw new RangeError(`timezone: expected an IANA name such as Europe/Berlin, got ${timezone}`);
    }
    this.slotSeconds = slotSeconds;
    this.zone = IANAZone.create(timezone);
    this.holidays = new Set(holidays);
    for (const holiday of this.holidays) {
      if (!/^\d{4}-\d{2}-\d{2}$/.test(holiday)) throw new RangeError(`holidays: expected YYYY-MM-DD, got ${holiday}`);
    }
    this.models = models;
  }

  /** Seconds east of UTC at a time. */
  offsetSeconds(time: number): number {
    return this.zone.offset(time * 1000) * 60;
  }

  /** The shared part of a UTC day (days since 1970-01-01). `runOver` is how long a load may last past its local day. */
  day(day: number, runOver: number): CivilDay {
    return new CivilDay(day, this.slotSeconds, this, runOver, this.models);
  }

  /** H0 in W per local quarter hour of a local day. */
  profile(localDay: number): Float64Array {
    let profile = this.profiles.get(localDay);
    if (profile === undefined) {
      const date = civilDate(localDay);
      const iso = new Date(localDay * 86_400_000).toISOString().slice(0, 10);
      profile = h0Watts(date, this.holidays.has(iso));
      if (this.profiles.size > 1000) this.profiles.clear();
      this.profiles.set(localDay, profile);
    }
    return profile;
  }
}

/** One UTC day as all homes of the fleet see it. */
export class CivilDay {
  readonly start: number;
  readonly localDays: readonly LocalDay[];
  /** Index into `localDays` per slot. */
  readonly localDayOfSlot: Uint8Array;
  /** Cosine that peaks at 20:00 local time, per slot. */
  readonly evening: Float64Array;
  /** Standard profile per slot in Wh for 1000 kWh a year. */
  readonly profileWh: Float64Array;
  private readonly expected: readonly Float64Array[];
  private readonly remainders = new Map<number, Float64Array>();

  constructor(
    day: number,
    slotSeconds: number,
    calendar: Calendar,
    runOver: number,
    models: readonly ApplianceModel[],
  ) {
    this.start = day * DAY_SECONDS;
    this.localDays = localDaysOf(this.start, calendar, runOver);
    const watts = new Float64Array(QUARTERS_PER_DAY);
    const expected = models.map(() => new Float64Array(QUARTERS_PER_DAY));
    const localSecond = new Float64Array(QUARTERS_PER_DAY);
    const localDay = new Uint8Array(QUARTERS_PER_DAY);
    for (let quarter = 0; quarter < QUARTERS_PER_DAY; quarter += 1) {
      const utc = this.start + quarter * QUARTER_SECONDS;
      // Offsets of today's time zones are multiples of 15 minutes, so a UTC quarter hour is a local one.
      const local = utc + calendar.offsetSeconds(utc);
      const number = Math.floor(local / DAY_SECONDS);
      const second = local - number * DAY_SECONDS;
      const localQuarter = Math.floor(second / QUARTER_SECONDS);
      const profile = calendar.profile(number);
      watts[quarter] = profile[localQuarter] ?? 0;
      localSecond[quarter] = second;
      const index = this.localDays.findIndex((candidate) => candidate.number === number);
      localDay[quarter] = index;
      const profileWh = this.localDays[index]?.profileWh ?? 0;
      for (const [i, model] of models.entries()) {
        // Energy in a quarter hour times four is its mean power.
        const power = model.appliance.share * profileWh * (model.kernel[localQuarter] ?? 0) * 4;
        (expected[i] as Float64Array)[quarter] = power;
      }
    }
    this.profileWh = energyPerSlot(watts, slotSeconds);
    this.expected = expected.map((power) => energyPerSlot(power, slotSeconds));
    this.evening = new Float64Array(this.profileWh.length);
    this.localDayOfSlot = new Uint8Array(this.profileWh.length);
    for (let slot = 0; slot < this.profileWh.length; slot += 1) {
      const middle = (slot + 0.5) * slotSeconds;
      const quarter = Math.floor(middle / QUARTER_SECONDS);
      const second = (localSecond[quarter] ?? 0) + (middle % QUARTER_SECONDS);
      this.evening[slot] = Math.cos((2 * Math.PI * (second / 3600 - 20)) / 24);
      this.localDayOfSlot[slot] = localDay[quarter] ?? 0;
    }
  }

  /** The profile less the expected load of the owned appliances (bit i: appliance i), Wh per slot for 1000 kWh. */
  remainder(owned: number): Float64Array {
    let rest = this.remainders.get(owned);
    if (rest === undefined) {
      rest = this.profileWh.slice();
      for (const [i, expected] of this.expected.entries()) {
        if ((owned & (1 << i)) === 0) continue;
        for (let slot = 0; slot < rest.length; slot += 1) rest[slot] = (rest[slot] ?? 0) - (expected[slot] ?? 0);
      }
      this.remainders.set(owned, rest);
    }
    return rest;
  }
}

function localDaysOf(start: number, calendar: Calendar, runOver: number): LocalDay[] {
  const found: LocalDay[] = [];
  const day = start / DAY_SECONDS;
  for (let number = day - 2; number <= day + 1; number += 1) {
    const noon = number * DAY_SECONDS + DAY_SECONDS / 2;
    const midnight = number * DAY_SECONDS - calendar.offsetSeconds(noon - calendar.offsetSeconds(noon));
    // An hour of slack on both sides covers the clock changes.
    if (midnight - 3600 >= start + DAY_SECONDS || midnight + DAY_SECONDS + runOver + 3600 <= start) continue;
    const profileWh = calendar.profile(number).reduce((sum, watts) => sum + watts / 4, 0);
    found.push({ number, midnight, profileWh });
  }
  return found;
}
