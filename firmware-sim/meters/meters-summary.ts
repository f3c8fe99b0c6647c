/** What a run of `npm run meters` prints at its end: figures in words, and why it did not go well. */
import { renderTable } from "../../config/runtime/terminal.ts";

/** As `--json` prints it: `readings` and `carried` together are `settled`, what is in `lost`, and `waiting`. */
export interface MetersSummary {
  readonly meters: number;
  readonly slots: number;
  readonly seconds: number;
  /** Taken in this run. Import and export of one slot are two readings. */
  readonly readings: number;
  readonly exports: number;
  /** Readings of earlier runs that no note says are settled: they are sent again. */
  readonly carried: number;
  /** Stored by every aggregator. */
  readonly settled: number;
  /** Readings that are in no total, by reason. */
  readonly lost: Readonly<Record<string, number>>;
  /** Not settled yet; the next run sends them. */
  readonly waiting: number;
  /** All readings lost, and slots for which there never was one. */
  readonly gaps: number;
  /** Slots for which there never was a reading, by reason. */
  readonly missing: Readonly<Record<string, number>>;
  readonly shares: number;
  readonly messages: number;
  readonly readingsPerSecond: number;
  readonly bytesPerReading: number;
  /** Answers of aggregators. */
  readonly refused: number;
  readonly absentAggregators: readonly number[];
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
}

interface Fate {
  readonly readings: number;
  readonly carried: number;
  /** Readings that are no longer on their way, refused or not. */
  readonly ended: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly missing: Readonly<Record<string, number>>;
}

/** Divides the readings into settled, lost and waiting, so that none is in two of them. */
export function fatesOf({ readings, carried, ended, lost, missing }: Fate) {
  const all = readings + carried;
  const gone = total(lost);
  // A host that was restarted ends some readings twice.
  const waiting = Math.max(0, all - Math.max(ended, gone));
  return { carried, settled: all - gone - waiting, lost, waiting, gaps: gone + total(missing), missing };
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

const REASONS: Readonly<Record<string, string>> = {
  "not-yet-enrolled": "refused by aggregators, as their meter was not enrolled yet at that time",
  closed: "refused by aggregators, which take no readings of that meter and time (any more)",
  conflict: "refused by aggregators, which hold another reading of that slot",
  "outbox-full": "given up, because the outbox was full",
  gap: "missing, because the register was not read",
  reset: "missing, because the register was set back",
  implausible: "missing, because the register leapt",
};

export function describeMeters(summary: MetersSummary, slotSeconds: number): string {
  const { meters, slots, seconds, readings, exports, carried, waiting } = summary;
  const { messages, shares, readingsPerSecond, bytesPerReading } = summary;
  const earlier = carried === 0 ? "" : `; ${whole(carried)} of earlier runs sent again`;
  const rows: [string, string][] = [
    ["meters", whole(meters)],
    ["slots", `${whole(slots)} of ${slotSeconds} s, read in ${seconds.toFixed(1)} s`],
    ["readings", `${whole(readings)}: ${whole(readings - exports)} of import, ${whole(exports)} of export${earlier}`],
    [
      "settled",
      `${whole(summary.settled)} of ${whole(readings + carried)}, ${readingsPerSecond.toFixed(1)} per second`,
    ],
    ...(waiting === 0 ? [] : [["waiting", `${whole(waiting)}, for the next run`] satisfies [string, string]]),
    ["share messages", `${whole(messages)} with ${whole(shares)} shares, ${bytesPerReading} bytes per reading`],
    ["gaps", gapsText(summary)],
    ["answers refused by meters", summary.refused === 0 ? "none" : whole(summary.refused)],
    ["aggregators", absentText(summary.absentAggregators) ?? "all answered"],
    ["peak memory (MiB)", listing(summary.peakMemoryMiB)],
  ];
  return renderTable(["what", "result"], rows);
}

/** One line for the end of a run that did not go well, or undefined. */
export function whatWentWrong(summary: MetersSummary): string | undefined {
  const absent = absentText(summary.absentAggregators);
  const parts = [
    ...(summary.gaps > 0 ? [`there were gaps: ${gapsText(summary)}`] : []),
    ...(absent === undefined ? [] : [`${absent}: start what is missing; the meters send what waits in the next run`]),
  ];
  return parts.length === 0 ? undefined : parts.join("; ");
}

function gapsText({ gaps, lost, missing }: MetersSummary): string {
  if (gaps === 0) return "none";
  const reasons = Object.entries({ ...lost, ...missing }).map(
    ([code, count]) => `${whole(count)} ${count === 1 ? "reading" : "readings"} ${REASONS[code] ?? code}`,
  );
  return reasons.join("; ");
}

function absentText(absent: readonly number[]): string | undefined {
  if (absent.length === 0) return undefined;
  return `aggregator${absent.length === 1 ? "" : "s"} ${absent.join(", ")} did not answer`;
}

function whole(value: number): string {
  return value.toLocaleString("en");
}

function listing(values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}
