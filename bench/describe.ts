/** The tables of those benchmarks whose result is one set of figures. */
import { renderTable } from "../config/runtime/terminal.ts";
import type { BillBenchResult } from "./aggregator-bill.ts";
import type { IntakeBenchResult } from "./aggregator-intake.ts";
import type { BillingResult, FleetBenchResult, LiarsResult, RangeResult } from "./results.ts";
import { duration, figure, listed, type Row } from "./words.ts";

export function describeFleetBench(result: FleetBenchResult): string {
  const { meters, connectSeconds, connectionsPerSecond } = result;
  return table("two thousand meters and their servers", [
    ["meters", `${figure(meters)}, each with a TLS connection of its own`],
    ["enrolled in", duration(result.enrolSeconds)],
    ["connected in", `${duration(connectSeconds)}, ${figure(connectionsPerSecond)} connections per second`],
    ["fed", `${result.slots} slots in ${duration(result.feedSeconds)}, ${figure(result.settled)} readings settled`],
    ["memory of all processes", `${figure(result.peakTogetherMiB)} MiB at the highest moment`],
    [
      "target",
      `at most ${figure(result.targetMiB)} MiB: ${result.peakTogetherMiB <= result.targetMiB ? "met" : "missed"}`,
    ],
    ["highest of each (MiB)", listed(result.peakMiB)],
  ]);
}

export function describeBilling(result: BillingResult): string {
  const { billSeconds, targetSeconds, loadSeconds } = result;
  const loads = result.loadsBefore
    ? `released before${loadSeconds === undefined ? "" : `, in ${duration(loadSeconds)}`}`
    : "due in the same moment as the bills";
  return table("billing a month", [
    ["meters", `${figure(result.meters)} on ${figure(result.feeders)} feeders`],
    ["slots of each", figure(result.slots)],
    ["feeder loads", loads],
    ["servers", result.freshProcesses ? "started anew before billing" : "those that released the loads"],
    ["bills final after", duration(billSeconds)],
    ["target", `at most ${duration(targetSeconds)}: ${billSeconds <= targetSeconds ? "met" : "missed"}`],
    ["processor time", `${duration(result.billCpuSecondsInAll)} in all: ${listed(result.billCpuSeconds, duration)}`],
    ...Object.entries(result.phaseSeconds).map(
      ([phase, { from, to, roundSeconds }]): Row => [
        phase,
        `from ${duration(from)} to ${duration(to)}; ${duration(roundSeconds)} in all rounds together`,
      ],
    ),
  ]);
}

export function describeLiars({ meters, slots, rounds, plain, lied, ...ratios }: LiarsResult): string {
  const { ratio, cpuRatio, targetRatio } = ratios;
  const cost = ({ wallSeconds, cpuSeconds }: LiarsResult["plain"]): string =>
    `${duration(wallSeconds)}, ${duration(cpuSeconds)} of the utility's processor time`;
  return table("one liar of five aggregators", [
    ["round", `bills of ${figure(meters)} meters over ${figure(slots)} slots, loads released before`],
    ["measured", `medians of ${figure(rounds)} rounds, every second one with a liar`],
    ["all honest", cost(plain)],
    ["one lies in all its sums", cost(lied)],
    ["ratio", `${figure(ratio, 2)}; of processor time ${figure(cpuRatio, 2)}`],
    ["target", `below ${figure(targetRatio)}: ${ratio < targetRatio ? "met" : "missed"}`],
  ]);
}

export function describeRange(result: RangeResult): string {
  const { totalSeconds, targetSeconds } = result;
  return table("range proofs in one aggregator, processor time", [
    ["readings", `${figure(result.readings)} of ${figure(result.bits)} bits`],
    ["their shares from those of bits", duration(result.readingSeconds)],
    ["check of bits and degree", duration(result.sumSeconds)],
    ["masks and answers", duration(result.maskSeconds)],
    ["openings until one meter is found", duration(result.bisectSeconds)],
    [
      "in all",
      `${duration(totalSeconds)}; target ${duration(targetSeconds)}: ${totalSeconds < targetSeconds ? "met" : "missed"}`,
    ],
    ["splitting at the meters", `${figure((1e6 * result.splitSeconds) / result.readings)} µs per reading`],
  ]);
}

export function describeIntake(result: IntakeBenchResult): string {
  return table("intake of one aggregator", [
    ["messages", `${figure(result.messages)} with ${figure(result.slots)} slots, ${figure(result.acks)} acks`],
    ["time", duration(result.wallSeconds)],
    ["rate", `${figure(result.messagesPerSecond)} messages per second`],
    ["processor time", `${figure(result.cpuMicrosecondsPerMessage, 1)} µs per message`],
    ["at 15,000 messages per second", `${figure(100 * result.coreShareAt15000)} % of a core`],
  ]);
}

export function describeAggregatorBill(result: BillBenchResult): string {
  return table("a month of bills in one aggregator", [
    ["meters", `${figure(result.meters)}, ${figure(result.slots)} slots of each`],
    ["manifest", duration(result.manifestSeconds)],
    ["release rules and endorsement", duration(result.endorseSeconds)],
    ["sums", duration(result.sumsSeconds)],
    ["in all", `${duration(result.totalSeconds)}, ${duration(result.cpuSeconds)} of processor time`],
  ]);
}

function table(title: string, rows: readonly Row[]): string {
  return renderTable([title, "result"], rows);
}
