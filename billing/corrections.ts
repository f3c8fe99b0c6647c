/**
 * Corrections make a new version of a bill, never a silent change. A price correction reuses the sums that were
 * released already: a band may be renamed, repriced or joined with another, but never split, for that would need
 * sums that nobody has and that must not be asked for twice.
 */
import { bandRuns, versionSpans } from "./tariffs/band-runs.ts";
import { TariffError } from "./tariffs/faults.ts";
import { countDays, dateAt, dayStart } from "./tariffs/local-time.ts";
import { type Tariff, versionIndexAt, versionNumber } from "./tariffs/tariff.ts";
import { addEnergies, type BillTotals, type PeriodTotals, type VersionTotals } from "./totals.ts";

/**
 * A bill's released sums under another tariff, its own and those of late energy. Throws RangeError with another currency
 * or time zone, TariffError `regroup` when the new tariff needs a band split.
 */
export function correctTotals({ own, late }: BillTotals, billed: Tariff, corrected: Tariff): BillTotals {
  return {
    own: regroupTotals(own, billed, corrected),
    late: late.map((period) => regroupTotals(period, billed, corrected)),
  };
}

/** A period's sums under the versions and bands of another tariff. */
function regroupTotals(period: PeriodTotals, billed: Tariff, corrected: Tariff): PeriodTotals {
  for (const key of ["currency", "timezone"] as const) {
    if (billed[key] !== corrected[key]) {
      throw new RangeError(`${key}: expected ${billed[key]} as on the bill, got ${corrected[key]}`);
    }
  }
  const startsAt = dayStart(period.from, billed.timezone);
  const endsAt = dayStart(period.to, billed.timezone);
  const targets = bandTargets(billed, corrected, startsAt, endsAt);
  const spans = versionSpans(corrected, startsAt, endsAt);
  const parts = new Map(
    spans.map((span, index): [number, VersionTotals] => {
      const from = index === 0 ? period.from : dateAt(span.from, corrected.timezone);
      const to = index === spans.length - 1 ? period.to : dateAt(span.to, corrected.timezone);
      const bands = [...targets.values()].filter((target) => target.version === span.version);
      const bandsWh = new Map(bands.map((target) => [target.band, 0n]));
      const days = countDays(from, to, corrected.timezone);
      return [span.version, { from, to, days, bandsWh, exportWh: 0n, catchupWh: 0n, catchupExportWh: 0n }];
    }),
  );
  for (const old of period.parts) {
    const version = versionIndexAt(billed, old.from);
    for (const [band, energyWh] of old.bandsWh) {
      const target = targets.get(bandKey(version, band));
      const part = target === undefined ? undefined : parts.get(target.version);
      if (target === undefined || part === undefined) {
        throw new RangeError(`totals: the billed tariff has no band ${band} from ${old.from} to ${old.to}`);
      }
      const billedWh = old.billedBandsWh?.get(band);
      parts.set(target.version, {
        ...part,
        bandsWh: addEnergies(part.bandsWh, new Map([[target.band, energyWh]])),
        ...(billedWh === undefined
          ? {}
          : { billedBandsWh: addEnergies(part.billedBandsWh ?? new Map(), new Map([[target.band, billedWh]])) }),
      });
    }
    moveUntimed(old, version, targets, parts);
  }
  return { ...period, parts: [...parts.values()] };
}

interface Target {
  readonly version: number;
  readonly band: string;
}

function bandKey(version: number, band: string): string {
  return `${version} ${band}`;
}

/** Where the energy of each billed band goes: the one band of the new tariff that holds whenever it held. */
function bandTargets(billed: Tariff, corrected: Tariff, from: number, to: number): Map<string, Target> {
  const targets = new Map<string, Target>();
  const clashes = new Map<string, string>();
  const newRuns = bandRuns(corrected, from, to);
  let index = 0;
  for (const run of bandRuns(billed, from, to)) {
    const band = versionNumber(billed, run.version).bands[run.band]?.name ?? "";
    const key = bandKey(run.version, band);
    while ((newRuns[index]?.to ?? to) <= run.from) index += 1;
    for (let next = index; (newRuns[next]?.from ?? to) < run.to; next += 1) {
      const other = newRuns[next];
      if (other === undefined) break;
      const name = versionNumber(corrected, other.version).bands[other.band]?.name ?? "";
      const target = targets.get(key) ?? { version: other.version, band: name };
      targets.set(key, target);
      if (target.version !== other.version || target.band !== name) {
        const [a, b] = [target, { version: other.version, band: name }].map(
          (one) => `${one.band} valid from ${versionNumber(corrected, one.version).from}`,
        );
        clashes.set(key, `${band} would be split between ${a} and ${b}; those sums were never released`);
      }
    }
  }
  if (clashes.size > 0) {
    const faults = [...clashes.values()].map((message) => ({ path: "", message }));
    throw new TariffError("regroup", `tariff ${corrected.id}`, faults);
  }
  return targets;
}

/** Export and catch-up sums have no band: they go where all the bands of their part went. */
function moveUntimed(
  old: VersionTotals,
  version: number,
  targets: ReadonlyMap<string, Target>,
  parts: Map<number, VersionTotals>,
): void {
  const versions = new Set([...old.bandsWh.keys()].map((band) => targets.get(bandKey(version, band))?.version));
  const [target] = versions;
  const part = target === undefined ? undefined : parts.get(target);
  if (target === undefined || part === undefined || versions.size > 1) {
    const message = `export and catch-up energy from ${old.from} to ${old.to} would be split between versions`;
    throw new TariffError("regroup", "corrected tariff", [{ path: "versions", message }]);
  }
  parts.set(target, {
    ...part,
    exportWh: part.exportWh + old.exportWh,
    catchupWh: part.catchupWh + old.catchupWh,
    catchupExportWh: part.catchupExportWh + old.catchupExportWh,
  });
}
