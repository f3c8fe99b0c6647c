/** What the benchmark of growth finds. */
import type { Needs, UnitCosts } from "./extrapolate.ts";
import type { IntakeFigures } from "./intake-worker.ts";

/** Broker and three aggregators with so many meters connected, at the rate of a hundred thousand. */
export interface LiveFigures {
  readonly meters: number;
  /** Whose settings say how long servers wait for more before they commit, or send. */
  readonly profile: "none" | "city";
  readonly readings: number;
  readonly readingsPerSecond: number;
  /** Processor seconds of each server for a second of the run: its share of one core. */
  readonly coreShares: Readonly<Record<string, number>>;
  /** Processor time of all servers for one reading. */
  readonly cpuMicrosecondsPerReading: number;
  readonly shareMessageBytes: number;
  /** Resident memory of the broker, and of all servers, with all connected. */
  readonly brokerBytes: number;
  readonly serverBytes: number;
}

/** A month of so many meters, billed by the whole system. */
export interface CloseFigures {
  readonly meters: number;
  readonly feeders: number;
  readonly slots: number;
  readonly billSeconds: number;
  /** Of all servers. */
  readonly billCpuSeconds: number;
  /** Of all servers, for the loads of all slots of the month. */
  readonly loadCpuSeconds: number;
  readonly storedShareBytes: number;
}

export interface ScaleResult {
  readonly intake: readonly IntakeFigures[];
  readonly live: readonly LiveFigures[];
  readonly close: readonly CloseFigures[];
  readonly costs: UnitCosts;
  /** k of "grows with the k-th power of the number of meters". */
  readonly exponents: Readonly<Record<"intakeCpu" | "liveCpu" | "closeCpu" | "closeTime" | "loadCpu", number>>;
  readonly needs: readonly Needs[];
}
