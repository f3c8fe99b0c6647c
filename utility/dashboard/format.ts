/** Numbers as people read them: with their unit, not more digits than they are worth, times in the system's zone. */
const LOCALE = "en-GB";
const NOTHING = "–";

export interface Quantity {
  readonly value: string;
  readonly unit: string;
}

/** Three or four figures that count. */
export function figure(value: number, digits = 3): string {
  return new Intl.NumberFormat(LOCALE, { maximumFractionDigits: placesOf(value, digits) }).format(value);
}

function placesOf(value: number, digits: number): number {
  const magnitude = Math.abs(value);
  return magnitude >= 10 ** (digits - 1) ? 0 : magnitude >= 10 ** (digits - 2) ? 1 : 2;
}

export function count(value: number): string {
  return new Intl.NumberFormat(LOCALE).format(value);
}

export function fixed(value: number, places: number): string {
  return new Intl.NumberFormat(LOCALE, { minimumFractionDigits: places, maximumFractionDigits: places }).format(value);
}

/** Of a share from 0 to 1; number and sign stay on one line. */
export function percent(share: number, places = 1): string {
  return `${fixed(100 * share, places)}\u00a0%`;
}

function scaled(value: number, steps: readonly (readonly [number, string])[]): Quantity {
  const [size, unit] = steps.find(([step]) => Math.abs(value) >= step) ?? steps.at(-1)!;
  return { value: figure(value / size), unit };
}

const WATTS: readonly (readonly [number, string])[] = [
  [1e9, "GW"],
  [1e6, "MW"],
  [1e3, "kW"],
  [1, "W"],
];

/**
 * For values that stand together, in a column or beside each other: one unit and as many decimals for all, as suit the largest of them.
 * What is not a number is nothing.
 */
export function alike(values: readonly number[], digits = 3): (value: number) => string {
  const places = placesOf(largest(values), digits);
  return (value) => (Number.isFinite(value) ? fixed(value === 0 ? 0 : value, places) : NOTHING);
}

/** The same for megawatts, with their unit. */
export function powersAlike(megawatts: readonly number[]): (mw: number) => string {
  const most = largest(megawatts) * 1e6;
  const [size, unit] = WATTS.find(([step]) => most >= step) ?? [1e6, "MW"];
  const show = alike(megawatts.map((mw) => (mw * 1e6) / size));
  return (mw) => (Number.isFinite(mw) ? `${show((mw * 1e6) / size)} ${unit}` : NOTHING);
}

function largest(values: readonly number[]): number {
  return Math.max(0, ...values.filter(Number.isFinite).map(Math.abs));
}

export function bytes(size: number): Quantity {
  return scaled(size, [
    [1_048_576, "MiB"],
    [1_024, "KiB"],
    [1, "B"],
  ]);
}

export function text({ value, unit }: Quantity): string {
  return `${value} ${unit}`;
}

/** Number and unit of a text, apart. */
export function split(text: string): { value: string; unit?: string } {
  const [value = text, unit] = text.split(" ");
  return unit === undefined ? { value } : { value, unit };
}

/** Exact energy, for bills: watt-hours as kWh with three places. */
export function exactEnergy(wattHours: number): string {
  return `${fixed(wattHours / 1_000, 3)} kWh`;
}

/** A unit as people write it: `Wh2` is Wh², degC °C. */
export function unitText(unit: string): string {
  return unit === "degC" ? "°C" : unit.replace(/2$/, "²");
}

/** A value with its unit, as exactly as its limits are set: voltages differ in the third place. */
export function measured(value: number, unit: string): string {
  // What one bus takes is often thousandths of a megawatt.
  if (unit === "MW" && value !== 0) return text(scaled(value * 1e6, WATTS));
  const number = unit === "p.u." ? fixed(value, 4) : figure(value, 4);
  return unit === "1" ? number : `${number} ${unitText(unit)}`;
}

/** Money from millionths of the currency. */
export function money(micro: number, currency: string): string {
  const show = new Intl.NumberFormat(LOCALE, { style: "currency", currency, signDisplay: "negative" });
  return show.format(micro / 1e6);
}

export function orNothing<T>(value: T | null | undefined, show: (value: T) => string): string {
  return value === null || value === undefined ? NOTHING : show(value);
}

/** A moment of Unix seconds in the zone of the system's bills. */
export function moment(seconds: number, zone: string): string {
  return new Intl.DateTimeFormat(LOCALE, {
    ...{ timeZone: zone, day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" },
  }).format(seconds * 1_000);
}

export function clock(seconds: number, zone: string): string {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: zone, hour: "2-digit", minute: "2-digit" }).format(
    seconds * 1_000,
  );
}

export function day(seconds: number, zone: string): string {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: zone, weekday: "short", day: "numeric", month: "short" }).format(
    seconds * 1_000,
  );
}

/** A local date, 2025-01-15. */
export function localDate(date: string): string {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", day: "numeric", month: "short", year: "numeric" }).format(
    Date.parse(`${date}T00:00:00Z`),
  );
}

/** The last day of a half-open period. */
export function period(start: string, end: string): string {
  const last = new Date(Date.parse(`${end}T00:00:00Z`) - 86_400_000).toISOString().slice(0, 10);
  return last === start ? localDate(start) : `${localDate(start)} to ${localDate(last)}`;
}

export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5_400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
