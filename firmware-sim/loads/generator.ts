/**
 * Simulated households as a source of readings. Any (meter, slot) can be asked at any time and in any order; days are
 * cached per meter, so asking slot by slot for the whole fleet costs one rendering per meter and day.
 */
import type { SlotRange } from "../../protocol/slots.ts";
import { assertSlot } from "../../protocol/slots.ts";
import { APPLIANCES, modelAppliance } from "./appliances.ts";
import { assertSlotSeconds, Calendar, type CivilDay, DAY_SECONDS, energyPerSlot } from "./civil-day.ts";
import { drawHome, type Home } from "./home.ts";
import { ALL_PARTS, HouseholdModel, type LoadParts, RUN_OVER_SECONDS } from "./household.ts";
import { type LoadModelOptions, loadModel } from "./model-options.ts";
import { type Name, nameOf } from "./random.ts";
import type { MeterPlace, ReadingsSource, SlotEnergy } from "./readings-source.ts";
import { RegionWeather, type WeatherDay } from "./weather.ts";

export interface GeneratorOptions {
  /** Any text or number; the whole fleet follows from it. */
  readonly seed: string | number;
  readonly meters: readonly MeterPlace[];
  readonly range: SlotRange;
  /** A divisor of 86400; 900 by default. */
  readonly slotSeconds?: number;
  /** IANA name for the local time of day; UTC by default. */
  readonly timezone?: string;
  /** Local dates (YYYY-MM-DD) that count as Sundays. */
  readonly holidays?: Iterable<string>;
  readonly model?: Partial<LoadModelOptions>;
  readonly parts?: Partial<LoadParts>;
  /** Bound on the cached days in bytes; 256 MiB by default. */
  readonly cacheBytes?: number;
}

/** Cumulative registers of a meter in Wh, zero at the start of the range. */
export interface Registers {
  readonly importWh: number;
  readonly exportWh: number;
}

interface RenderedDay {
  day: number;
  readonly importWh: Int32Array;
  readonly exportWh: Int32Array | undefined;
}

interface SharedDay {
  readonly civil: CivilDay;
  readonly weather: (WeatherDay & { readonly generationWhPerKw: Float64Array })[];
}

/** The simulated fleet. Throws RangeError from the constructor on options out of range. */
export class LoadGenerator implements ReadingsSource {
  readonly meters: readonly MeterPlace[];
  readonly range: SlotRange;
  readonly slotSeconds: number;
  private readonly slotsPerDay: number;
  private readonly seed: Name;
  private readonly model: LoadModelOptions;
  private readonly parts: LoadParts;
  private readonly models = APPLIANCES.map(modelAppliance);
  private readonly calendar: Calendar;
  private readonly household: HouseholdModel;
  private readonly weather: readonly RegionWeather[];
  private readonly homes: (Home | undefined)[] = [];
  private readonly rendered = new Map<number, RenderedDay>();
  private readonly maxRendered: number;
  private readonly shared = new Map<number, SharedDay>();
  private readonly maxShared: number;
  /** Per meter: register totals at the start of each day of the range, grown as asked. */
  private readonly dayTotals: { importWh: number; exportWh: number }[][] = [];

  constructor(options: GeneratorOptions) {
    this.meters = options.meters;
    this.range = options.range;
    this.slotSeconds = options.slotSeconds ?? 900;
    assertSlotSeconds(this.slotSeconds);
    assertSlot(this.range.from);
    assertSlot(this.range.to);
    this.model = loadModel(options.model);
    this.parts = { ...ALL_PARTS, ...options.parts };
    this.calendar = new Calendar(this.slotSeconds, options.timezone ?? "UTC", options.holidays ?? [], this.models);
    this.slotsPerDay = DAY_SECONDS / this.slotSeconds;
    this.seed = nameOf(String(options.seed));
    this.household = new HouseholdModel(this.seed, this.model, this.models, this.slotSeconds);
    this.weather = Array.from({ length: this.model.regions }, (_, i) => new RegionWeather(this.seed, i, this.model));
    const cacheBytes = options.cacheBytes ?? 256 * 2 ** 20;
    this.maxRendered = Math.max(1, Math.floor(cacheBytes / (this.slotsPerDay * 8)));
    this.maxShared = Math.max(4, Math.floor(cacheBytes / 4 / (this.slotsPerDay * 8 * (this.models.length + 8))));
  }

  read(meterIndex: number, slot: number): SlotEnergy | undefined {
    const inRange = slot >= this.range.from && slot < this.range.to && Number.isInteger(slot);
    if (!inRange) {
      this.placeOf(meterIndex);
      return undefined;
    }
    const day = Math.floor(slot / this.slotsPerDay);
    const rendered = this.renderedDay(meterIndex, day);
    const index = slot - day * this.slotsPerDay;
    return { importWh: rendered.importWh[index] ?? 0, exportWh: rendered.exportWh?.[index] ?? 0 };
  }

  feederOf(meterIndex: number): string {
    return this.placeOf(meterIndex).feeder;
  }

  hasExport(meterIndex: number): boolean {
    return this.parts.pv && this.homeOf(meterIndex).pv !== undefined;
  }

  /** The registers at the start of a slot: the sum of all slots of the range before it. */
  registersAt(meterIndex: number, slot: number): Registers {
    const { from, to } = this.range;
    if (!(Number.isInteger(slot) && slot >= from && slot <= to)) {
      throw new RangeError(`slot: expected an integer from ${from} to ${to}, got ${slot}`);
    }
    this.placeOf(meterIndex);
    const firstDay = Math.floor(from / this.slotsPerDay);
    const day = Math.floor(slot / this.slotsPerDay);
    this.dayTotals[meterIndex] ??= [{ importWh: 0, exportWh: 0 }];
    const totals = this.dayTotals[meterIndex];
    for (let known = totals.length - 1; known < day - firstDay; known += 1) {
      const before = totals[known] ?? { importWh: 0, exportWh: 0 };
      const start = (firstDay + known) * this.slotsPerDay;
      totals.push(this.addSlots(before, meterIndex, Math.max(from, start), start + this.slotsPerDay));
    }
    const atDay = totals[day - firstDay] ?? { importWh: 0, exportWh: 0 };
    return this.addSlots(atDay, meterIndex, Math.max(from, day * this.slotsPerDay), slot);
  }

  /** The traits of a meter's home, for reports and tests. */
  homeOf(meterIndex: number): Home {
    return (this.homes[meterIndex] ??= drawHome(this.seed, this.placeOf(meterIndex).id, this.model, this.models));
  }

  /** The weather that a meter sees on a UTC day. */
  weatherOf(meterIndex: number, day: number): WeatherDay {
    return this.sharedWeather(this.sharedDay(day), day, this.regionOf(meterIndex));
  }

  private addSlots(totals: Registers, meterIndex: number, from: number, to: number): Registers {
    let { importWh, exportWh } = totals;
    for (let slot = from; slot < to; slot += 1) {
      const energy = this.read(meterIndex, slot);
      importWh += energy?.importWh ?? 0;
      exportWh += energy?.exportWh ?? 0;
    }
    return { importWh, exportWh };
  }

  private placeOf(meterIndex: number): MeterPlace {
    const place = this.meters[meterIndex];
    if (place === undefined) {
      throw new RangeError(`meterIndex: expected 0 to ${this.meters.length - 1}, got ${meterIndex}`);
    }
    return place;
  }

  private regionOf(meterIndex: number): number {
    return this.weather.length === 1 ? 0 : nameOf(this.placeOf(meterIndex).feeder)[0] % this.weather.length;
  }

  private renderedDay(meterIndex: number, day: number): RenderedDay {
    let entry = this.rendered.get(meterIndex);
    if (entry?.day === day) return entry;
    const home = this.homeOf(meterIndex);
    if (entry === undefined) {
      for (const oldest of this.rendered.keys()) {
        if (this.rendered.size < this.maxRendered) break;
        this.rendered.delete(oldest);
      }
      entry = {
        day,
        importWh: new Int32Array(this.slotsPerDay),
        exportWh: home.pv === undefined ? undefined : new Int32Array(this.slotsPerDay),
      };
      this.rendered.set(meterIndex, entry);
    }
    entry.day = day;
    const shared = this.sharedDay(day);
    const weather = this.sharedWeather(shared, day, this.regionOf(meterIndex));
    const { generationWhPerKw } = weather;
    this.household.render(home, shared.civil, weather, generationWhPerKw, entry.importWh, entry.exportWh, this.parts);
    return entry;
  }

  private sharedDay(day: number): SharedDay {
    let shared = this.shared.get(day);
    if (shared === undefined) {
      for (const oldest of this.shared.keys()) {
        if (this.shared.size < this.maxShared) break;
        this.shared.delete(oldest);
      }
      shared = { civil: this.calendar.day(day, RUN_OVER_SECONDS), weather: [] };
      this.shared.set(day, shared);
    }
    return shared;
  }

  private sharedWeather(shared: SharedDay, day: number, region: number): SharedDay["weather"][number] {
    const known = shared.weather[region];
    if (known !== undefined) return known;
    const weather = this.weather[region]?.day(day);
    if (weather === undefined) throw new RangeError(`region: expected 0 to ${this.weather.length - 1}, got ${region}`);
    // A panel of 1 kW peak gives 1 kW at 1000 W/m2.
    const perKw = energyPerSlot(weather.irradiance, this.slotSeconds);
    return (shared.weather[region] = { ...weather, generationWhPerKw: perKw });
  }
}
