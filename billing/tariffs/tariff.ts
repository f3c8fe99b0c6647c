/**
 * A tariff: what energy costs, from when to when. A parsed file comes in as `unknown`, a checked tariff goes out.
 * Prices are integer micro-units per kWh, dates are local dates of the tariff's time zone.
 */
import type { z } from "zod";
import { pathText, TariffError, type TariffFault } from "./faults.ts";
import type { LocalDate } from "./local-time.ts";
import { type Rational, ZERO } from "./rational.ts";
import { FLAT_BAND, type TariffFile, tariffSchema } from "./schema.ts";
import { planWeek, uniformWeek, type WeekPlan } from "./week.ts";

/** A block of a billing period's energy and its price; the last tier of a band has no `uptoWh`. */
export interface Tier {
  /** Up to and including this cumulative energy of the band in the billing period. */
  readonly uptoWh?: bigint;
  readonly priceMicroPerKwh: bigint;
}

/** A named share of the week with its price: one tier, or several that each band counts for itself. */
export interface Band {
  readonly name: string;
  readonly tiers: readonly Tier[];
}

/** Prices that hold from local date `from` until before `to` (open-ended without). */
export interface TariffVersion {
  readonly from: LocalDate;
  readonly to: LocalDate | undefined;
  readonly bands: readonly Band[];
  readonly week: WeekPlan;
  readonly standingMicroPerDay: bigint;
  /** What the customer is credited for a kWh fed in; 0 without an `export` key. */
  readonly exportMicroPerKwh: bigint;
  /** The price of energy whose time is unknown: the version's lowest import price unless the file sets it. */
  readonly catchupMicroPerKwh: bigint;
  readonly tax: { readonly rate: Rational; readonly exportCredit: "untaxed" | "net" };
}

export interface Tariff {
  readonly id: string;
  readonly currency: string;
  readonly timezone: string;
  /** In order of time, without overlap or inner gap. */
  readonly versions: readonly TariffVersion[];
}

/** Checks a tariff read from a file; throws TariffError `invalid` that holds every fault with its path. */
export function parseTariff(input: unknown, subject = "tariff"): Tariff {
  const result = tariffSchema.safeParse(input);
  const spans = result.success ? result.data.versions.map(spanOf) : spansAsFarAsReadable(input);
  const faults = [...(result.success ? [] : faultsOf(result.error)), ...validityFaults(spans)];
  if (!result.success || faults.length > 0) throw new TariffError("invalid", subject, faults);
  return tariffOf(result.data);
}

/** The index of the version valid on a local date; throws TariffError `not-valid` when there is none. */
export function versionIndexAt(tariff: Tariff, date: LocalDate): number {
  const index = tariff.versions.findIndex((v) => v.from <= date && (v.to === undefined || date < v.to));
  if (index < 0) {
    const message = `no version is valid on ${date}`;
    throw new TariffError("not-valid", `tariff ${tariff.id}`, [{ path: "versions", message }]);
  }
  return index;
}

/** The version valid on a local date; throws TariffError `not-valid` when there is none. */
export function versionAt(tariff: Tariff, date: LocalDate): TariffVersion {
  return versionNumber(tariff, versionIndexAt(tariff, date));
}

/** The version with an index; throws RangeError when the tariff has no such version. */
export function versionNumber(tariff: Tariff, index: number): TariffVersion {
  const version = tariff.versions[index];
  if (version === undefined) {
    throw new RangeError(`version: expected 0 to ${tariff.versions.length - 1}, got ${index}`);
  }
  return version;
}

interface Span {
  readonly index: number;
  readonly from: string;
  readonly to: string | undefined;
}

function spanOf(version: { from: string; to?: string | undefined }, index: number): Span {
  return { index, from: version.from, to: version.to };
}

/** The validity dates of a faulty file, so that faults between versions are reported along with the others. */
function spansAsFarAsReadable(input: unknown): Span[] {
  const dates = tariffSchema.shape.versions.element.pick({ from: true, to: true }).strip();
  if (typeof input !== "object" || input === null || !("versions" in input) || !Array.isArray(input.versions))
    return [];
  const parsed = input.versions.map((version: unknown) => dates.safeParse(version));
  return parsed.every((one) => one.success) ? parsed.map((one, index) => spanOf(one.data, index)) : [];
}

function validityFaults(spans: readonly Span[]): TariffFault[] {
  const faults: TariffFault[] = [];
  const inOrder = [...spans].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : a.index - b.index));
  inOrder.forEach((span, position) => {
    const path = `versions[${span.index}]`;
    const next = inOrder[position + 1];
    if (span.to !== undefined && span.to <= span.from) {
      faults.push({ path: `${path}.to`, message: `expected a date after ${span.from}, got ${span.to}` });
    } else if (next?.from === span.from) {
      faults.push({ path: `versions[${next.index}].from`, message: `${path} starts on ${span.from} too` });
    } else if (next !== undefined && span.to !== undefined && span.to !== next.from) {
      const what = span.to < next.from ? `leaves ${span.to} to ${next.from} without a price` : "overlaps";
      const message = `${what}: versions[${next.index}] starts on ${next.from}, got ${span.to}`;
      faults.push({ path: `${path}.to`, message });
    }
  });
  return faults;
}

function tariffOf(file: TariffFile): Tariff {
  const inOrder = [...file.versions].sort((a, b) => (a.from < b.from ? -1 : 1));
  const versions = inOrder.map((version, index) => versionOf(version, version.to ?? inOrder[index + 1]?.from));
  return { id: file.id, currency: file.currency, timezone: file.timezone, versions };
}

type VersionFile = TariffFile["versions"][number];

function versionOf(file: VersionFile, to: LocalDate | undefined): TariffVersion {
  const timed = file.import.bands;
  const flat = file.import.flat;
  const bands = timed?.map((band) => bandOf(band.name, band)) ?? (flat === undefined ? [] : [bandOf(FLAT_BAND, flat)]);
  return {
    from: file.from,
    to,
    bands,
    week: timed === undefined ? uniformWeek() : planWeek(timed).plan,
    standingMicroPerDay: file.standingMicroPerDay,
    exportMicroPerKwh: file.export?.priceMicroPerKwh ?? 0n,
    // Nobody knows when catch-up energy flowed, and the customer must not pay for that: the cheapest price it has.
    catchupMicroPerKwh: file.catchup?.priceMicroPerKwh ?? lowestPrice(bands),
    tax: file.tax ?? { rate: ZERO, exportCredit: "untaxed" },
  };
}

type Pricing = NonNullable<VersionFile["import"]["flat"]>;

function bandOf(name: string, pricing: Pricing): Band {
  const single = pricing.priceMicroPerKwh;
  if (single !== undefined) return { name, tiers: [{ priceMicroPerKwh: single }] };
  const tiers = (pricing.tiers ?? []).map(({ uptoWh, priceMicroPerKwh }) =>
    uptoWh === undefined ? { priceMicroPerKwh } : { uptoWh, priceMicroPerKwh },
  );
  return { name, tiers };
}

function lowestPrice(bands: readonly Band[]): bigint {
  const prices = bands.flatMap((band) => band.tiers.map((tier) => tier.priceMicroPerKwh));
  return prices.reduce((lowest, price) => (price < lowest ? price : lowest));
}

function faultsOf(error: z.ZodError): TariffFault[] {
  return error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ path: pathText([...issue.path, key]), message: "unknown key" }))
      : [{ path: pathText(issue.path), message: issue.message }],
  );
}
