/**
 * When each band of a tariff holds, as stretches of UTC time. Weekdays and clock times are those of the tariff's
 * zone, so a stretch is an hour shorter or longer where the clock changes.
 */
import type { SlotRange } from "../../protocol/slots.ts";
import type { UnixSeconds } from "../../protocol/units.ts";
import { TariffError } from "./faults.ts";
import { dateAt, dayStart, localText, type OffsetSpan, offsetSpans } from "./local-time.ts";
import { type Tariff, type TariffVersion, versionNumber } from "./tariff.ts";
import { secondOfWeek, WEEK_MINUTES } from "./week.ts";

/** A stretch of time [from, to) in which one band of one version holds. Indices into the tariff. */
export interface BandRun {
  readonly from: UnixSeconds;
  readonly to: UnixSeconds;
  readonly version: number;
  readonly band: number;
}

/** The runs that cover [from, to) without gap or overlap; throws TariffError `not-valid` where the tariff is silent. */
export function bandRuns(tariff: Tariff, from: UnixSeconds, to: UnixSeconds): BandRun[] {
  const runs: BandRun[] = [];
  for (const validity of versionSpans(tariff, from, to)) {
    const version = versionNumber(tariff, validity.version);
    for (const span of offsetSpans(validity.from, validity.to, tariff.timezone)) {
      for (const run of runsOfSpan(version, validity.version, span)) append(runs, run);
    }
  }
  return runs;
}

/** As bandRuns over the slots of a range; throws TariffError `off-slot` where a band changes inside a slot. */
export function slotAlignedRuns(tariff: Tariff, range: SlotRange, slotSeconds: number): BandRun[] {
  if (!Number.isInteger(slotSeconds) || slotSeconds < 1) {
    throw new RangeError(`slotSeconds: expected an integer of at least 1, got ${slotSeconds}`);
  }
  const runs = bandRuns(tariff, range.from * slotSeconds, range.to * slotSeconds);
  const seen = new Set<string>();
  const faults = [];
  for (const [index, run] of runs.entries()) {
    if (index === 0 || run.from % slotSeconds === 0) continue;
    const version = versionNumber(tariff, run.version);
    const name = version.bands[run.band]?.name ?? "";
    const when = localText(run.from, tariff.timezone);
    // The same clock time every day is one mistake in the file, not thirty.
    const key = `${run.version} ${name} ${when.slice(11)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const message = `${name} begins ${when} (${tariff.timezone}), inside a slot of ${slotSeconds} s`;
    faults.push({ path: `versions[${run.version}].import.bands`, message });
  }
  if (faults.length > 0) throw new TariffError("off-slot", `tariff ${tariff.id}`, faults);
  return runs;
}

/** A stretch of [from, to) in which one version is valid. */
export interface VersionSpan {
  readonly from: UnixSeconds;
  readonly to: UnixSeconds;
  readonly version: number;
}

/** The versions valid over [from, to), in order; throws TariffError `not-valid` unless they cover all of it. */
export function versionSpans(tariff: Tariff, from: UnixSeconds, to: UnixSeconds): VersionSpan[] {
  const spans: VersionSpan[] = [];
  let covered = from;
  tariff.versions.forEach((version, index) => {
    const start = Math.max(from, dayStart(version.from, tariff.timezone));
    const end = version.to === undefined ? to : Math.min(to, dayStart(version.to, tariff.timezone));
    if (start >= end || start > covered) return;
    spans.push({ from: start, to: end, version: index });
    covered = end;
  });
  if (covered < to) {
    const message = `no version is valid on ${dateAt(covered, tariff.timezone)}`;
    throw new TariffError("not-valid", `tariff ${tariff.id}`, [{ path: "versions", message }]);
  }
  return spans;
}

function runsOfSpan(version: TariffVersion, index: number, span: OffsetSpan): BandRun[] {
  const { bandOfMinute, changes } = version.week;
  const runs: BandRun[] = [];
  for (let time = span.from; time < span.to; ) {
    const second = secondOfWeek(time + span.offsetSeconds);
    const minute = Math.floor(second / 60);
    const nextChange = changes.find((change) => change > minute) ?? WEEK_MINUTES;
    const end = Math.min(span.to, time + nextChange * 60 - second);
    runs.push({ from: time, to: end, version: index, band: bandOfMinute[minute] ?? 0 });
    time = end;
  }
  return runs;
}

/** Adds a run, or lengthens the last one when the same band goes on over midnight or a change of offset. */
function append(runs: BandRun[], run: BandRun): void {
  const last = runs.at(-1);
  if (last?.to === run.from && last.version === run.version && last.band === run.band) {
    runs[runs.length - 1] = { ...last, to: run.to };
  } else {
    runs.push(run);
  }
}
