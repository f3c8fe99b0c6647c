/** What a run of `npm run meters` prints at its end: figures in words, and why it did not go well. */
import { renderTable } from "../../config/runtime/terminal.ts";

/** As `--json` prints it. */
export interface MetersSummary {
  readonly meters: number;
  readonly slots: number;
  readonly seconds: number;
  /** Import and export of one slot are two readings. */
  readonly readings: number;
  readonly exports: number;
  readonly settled: number;
  readonly shares: number;
  readonly messages: number;
  readonly readingsPerSecond: number;
  readonly bytesPerReading: number;
  /** Each aggregator that refuses a reading counts one. */
  readonly gaps: number;
  /** Readings of this run that became gaps, by reason. */
  readonly gapReasons: Readonly<Record<string, number>>;
  readonly refused: number;
  readonly absentAggregators: readonly number[];
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
}

const REASONS: Readonly<Record<string, string>> = {
  closed: "refused by aggregators, which take no readings of that meter and time (any more)",
  conflict: "refused by aggregators, which hold another reading of that slot",
  "outbox-full": "given up, because the outbox was full",
  gap: "missing, because the register was not read",
  reset: "missing, because the register was set back",
  implausible: "missing, because the register leapt",
};

export function describeMeters(summary: MetersSummary, slotSeconds: number): string {
  const { meters, slots, seconds, readings, exports, messages, shares, bytesPerReading } = summary;
  const rows: [string, string][] = [
    ["meters", whole(meters)],
    ["slots", `${whole(slots)} of ${slotSeconds} s, read in ${seconds.toFixed(1)} s`],
    ["readings", `${whole(readings)}: ${whole(readings - exports)} of import, ${whole(exports)} of export`],
    ["settled", `${whole(summary.settled)}, ${summary.readingsPerSecond.toFixed(1)} readings per second`],
    ["share messages", `${whole(messages)} with ${whole(shares)} shares, ${bytesPerReading} bytes per reading`],
    ["gaps", gapsText(summary)],
    ["messages refused by meters", summary.refused === 0 ? "none" : whole(summary.refused)],
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

function gapsText({ gaps, gapReasons }: MetersSummary): string {
  if (gaps === 0) return "none";
  const reasons = Object.entries(gapReasons).map(
    ([code, count]) => `${whole(count)} ${count === 1 ? "reading" : "readings"} ${REASONS[code] ?? code}`,
  );
  return reasons.length === 0 ? "readings of earlier runs (npm run meter -- readings shows them)" : reasons.join("; ");
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
