/** The tables of the benchmark of growth. */
import { duration, figure, figuresTable, listed } from "../words.ts";
import type { Needs } from "./extrapolate.ts";
import type { ScaleResult } from "./results.ts";

const MIB = 2 ** 20;
const KIB = 1_024;
const GIGA = 1e9;
const MINUTE = 60;

export function describeScale({ intake, live, close, exponents, needs }: ScaleResult): string {
  const intakeTable = figuresTable(
    ["intake of one aggregator, no MQTT", "readings", "µs a reading", "memory MiB", "more than empty"],
    intake.map((one) => [
      `${figure(one.meters)} meters`,
      figure(one.readings),
      figure(one.cpuMicrosecondsPerReading, 1),
      figure(one.residentBytes / MIB),
      `${figure((one.residentBytes - one.emptyBytes) / KIB / one.meters, 2)} KiB a meter`,
    ]),
  );
  const liveTable = figuresTable(
    ["processes, TLS", "readings/s", "of one core", "µs a reading", "broker MiB", "servers MiB"],
    live.map((one) => [
      `${figure(one.meters)} connections${one.profile === "city" ? ", profile city" : ""}`,
      figure(one.readingsPerSecond, 1),
      `${figure(100 * Object.values(one.coreShares).reduce((sum, share) => sum + share, 0), 1)} %`,
      figure(one.cpuMicrosecondsPerReading),
      figure(one.brokerBytes / MIB),
      figure(one.serverBytes / MIB),
    ]),
  );
  const closeTable = figuresTable(
    ["a month, whole system", "bills final", "processor", "a bill ms", "loads processor", "a load ms", "bytes a share"],
    close.map((one) => [
      `${figure(one.meters)} meters`,
      duration(one.billSeconds),
      duration(one.billCpuSeconds),
      figure((1_000 * one.billCpuSeconds) / one.meters, 2),
      duration(one.loadCpuSeconds),
      figure((1_000 * one.loadCpuSeconds) / (one.feeders * one.slots), 2),
      figure(one.storedShareBytes, 1),
    ]),
  );
  const growth = listed(exponents, (value) => figure(value, 2));
  return [
    intakeTable,
    liveTable,
    closeTable,
    `Growth exponents (1: proportional to meters; 0: does not depend on them): ${growth}.`,
    "",
    figuresTable(["multiplied, not measured", ...needs.map(({ meters }) => `${figure(meters)} meters`)], rows(needs)),
  ].join("\n");
}

function rows(needs: readonly Needs[]): string[][] {
  const row = (name: string, of: (one: Needs) => string): string[] => [name, ...needs.map(of)];
  return [
    row("readings a second", (one) => figure(one.readingsPerSecond)),
    row("messages a second", (one) => figure(one.messagesPerSecond)),
    row("shares MB/s", (one) => figure(one.shareBytesPerSecond / 1e6, 2)),
    row("cores, taking in", (one) => figure(one.intakeCores, 3)),
    row("cores, loads", (one) => figure(one.loadCores, 3)),
    row("memory GB", (one) => figure(one.memoryBytes / GIGA, 1)),
    row("GB a year, each aggregator", (one) => figure(one.storageBytesPerYear / GIGA)),
    row("close, processor minutes", (one) => figure(one.closeCpuSeconds / MINUTE, 1)),
    row("close on two cores, minutes", (one) => figure(one.closeSecondsOnTwoCores / MINUTE, 1)),
    row("nodes by connections", (one) => figure(one.brokerNodes)),
  ];
}
