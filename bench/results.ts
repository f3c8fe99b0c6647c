/** What the benchmarks of whole systems find; their tables are made in describe.ts. */
import type { PhaseWatch } from "./system/phase-watch.ts";

export interface BillingResult {
  readonly meters: number;
  readonly slots: number;
  readonly feeders: number;
  /** The loads of the month were released before it was billed. */
  readonly loadsBefore: boolean;
  /** The servers were started after the stores were filled. */
  readonly freshProcesses: boolean;
  readonly loadSeconds?: number | undefined;
  /** Of all servers, for all loads. */
  readonly loadCpuSeconds?: number | undefined;
  /** One aggregator's database with the month's shares and nothing else. */
  readonly storedBytes?: number | undefined;
  readonly billSeconds: number;
  readonly targetSeconds: number;
  readonly billCpuSeconds: Readonly<Record<string, number>>;
  readonly billCpuSecondsInAll: number;
  readonly phaseSeconds: ReturnType<PhaseWatch["close"]>;
}

export interface FleetBenchResult {
  readonly meters: number;
  readonly slots: number;
  readonly enrolSeconds: number;
  readonly connectSeconds: number;
  readonly connectionsPerSecond: number;
  readonly feedSeconds: number;
  readonly settled: number;
  readonly peakTogetherMiB: number;
  readonly targetMiB: number;
  readonly peakMiB: Readonly<Record<string, number>>;
}

/** Medians over rounds of the bills of one day. */
interface RoundCost {
  /** From due to final. */
  readonly wallSeconds: number;
  /** Processor time of the utility. */
  readonly cpuSeconds: number;
}

export interface LiarsResult {
  readonly meters: number;
  readonly slots: number;
  /** Measured, half of them with a liar. */
  readonly rounds: number;
  readonly plain: RoundCost;
  readonly lied: RoundCost;
  readonly ratio: number;
  readonly cpuRatio: number;
  readonly targetRatio: number;
}

/** Processor time of one aggregator, but for the meters' part. */
export interface RangeResult {
  readonly readings: number;
  readonly bits: number;
  /** Of all meters together. */
  readonly splitSeconds: number;
  readonly readingSeconds: number;
  readonly sumSeconds: number;
  readonly maskSeconds: number;
  readonly bisectSeconds: number;
  readonly totalSeconds: number;
  readonly targetSeconds: number;
}
