/** The figures of a run, as `--json` prints them. */
import { readStats } from "../../config/runtime/role-report.ts";
import type { BalanceSummary } from "./balances.ts";
import type { FleetPlan } from "./fleet-plan.ts";
import type { CiphertextProgress, HostCounters } from "./host-messages.ts";
import { type CiphertextSummary, summariseOpened } from "./opened-summary.ts";
import type { Outcome } from "./outcome.ts";
import type { Difference } from "./truth-check.ts";

export interface FleetSummary {
  readonly meters: number;
  readonly slots: number;
  readonly readings: number;
  /** Of the readings, those of export: import and export of one slot are two. */
  readonly exports: number;
  readonly shares: number;
  readonly seconds: number;
  readonly readingsPerSecond: number;
  readonly billsExact: boolean;
  readonly feederLoadsExact: boolean;
  /** The first few bills and loads that are not as fed. */
  readonly differences: readonly Difference[];
  readonly bills: number;
  readonly feederLoads: number;
  readonly withheld: Readonly<Record<string, number>>;
  /** What release rules held back, and what would let it through. */
  readonly held: readonly string[];
  readonly waiting: string | null;
  /** Refusals by reason, summed over all roles. */
  readonly refused: Readonly<Record<string, number>>;
  readonly restarts: Readonly<Record<string, number>>;
  readonly bytesPerReading: number;
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
  /** Null where nothing is encrypted. */
  readonly ciphertexts: CiphertextSummary | null;
  /** Null where no feeder has a head. */
  readonly balances: BalanceSummary | null;
  readonly data: string;
  /** Ended by a signal before everything was there: the figures are of a part. */
  readonly interrupted: boolean;
}

export interface SummaryInput {
  readonly data: string;
  readonly interrupted: boolean;
  readonly plan: FleetPlan;
  readonly outcome: Outcome;
  readonly held: readonly string[];
  readonly counters: HostCounters;
  readonly encryption: CiphertextProgress | undefined;
  /** Wall-clock seconds of the run from the first slot to the last acknowledgement. */
  readonly seconds: number;
  readonly parties: readonly string[];
  readonly restarts: Readonly<Record<string, number>>;
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
}

export function summarise(input: SummaryInput): FleetSummary {
  const { data, plan, outcome, counters, encryption, seconds, parties, restarts, peakMemoryMiB } = input;
  const refused: Record<string, number> = {};
  for (const party of parties) {
    for (const [code, count] of Object.entries(readStats(data, party)?.refused ?? {})) {
      refused[code] = (refused[code] ?? 0) + count;
    }
  }
  return {
    meters: plan.source.meters.length,
    slots: plan.range.to - plan.range.from,
    readings: counters.readings,
    exports: counters.exports,
    shares: counters.shareSlots,
    seconds: Math.round(seconds * 100) / 100,
    readingsPerSecond: seconds === 0 ? 0 : Math.round(counters.readings / seconds),
    billsExact: outcome.complete && outcome.billsExact,
    feederLoadsExact: outcome.complete && outcome.loadsExact,
    differences: outcome.differences,
    bills: outcome.billsFinal,
    feederLoads: outcome.loadsFinal,
    withheld: outcome.withheld,
    held: input.held,
    waiting: outcome.waiting ?? null,
    refused,
    restarts,
    bytesPerReading: counters.readings === 0 ? 0 : Math.round(counters.shareBytes / counters.readings),
    peakMemoryMiB,
    ciphertexts: outcome.opened === undefined ? null : summariseOpened(outcome.opened, encryption),
    balances: outcome.balances ?? null,
    data,
    interrupted: input.interrupted,
  };
}
