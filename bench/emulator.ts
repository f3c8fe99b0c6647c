/**
 * Real binaries of the firmware for a simulated hour: chips, serial lines, pulses of simulated households, and three
 * aggregators in process that acknowledge. One thread; brokers, gateways and databases are not in it.
 */
import { createProgress } from "../config/runtime/terminal.ts";
import { loadFirmware } from "../firmware-sim/emulator/firmware.ts";
import { START, type VirtualBed, virtualBed } from "../firmware-sim/emulator/virtual-bed.ts";
import { LoadGenerator } from "../firmware-sim/loads/index.ts";
import { duration, figure, figuresTable } from "./words.ts";

const SLOT_SECONDS = 900;
const SLOTS = 4;
const AGGREGATORS = 3;
const SEED = 1;
/** Pulses keep so far away from the boundaries of a slot. */
const MARGIN_SECONDS = 20;
const TARGET_SECONDS = 15;

/** Throws when an aggregator lacks a reading or has seen a fault: then it was no hour of work. */
export function run({ json, quick }: { json: boolean; quick: boolean }): Promise<Record<string, unknown>> {
  const devices = quick ? 100 : 500;
  const firstSlot = START / SLOT_SECONDS;
  const meters = Array.from({ length: devices }, (_, i) => ({ id: `m-${i}`, feeder: "f-1" }));
  const range = { from: firstSlot, to: firstSlot + SLOTS };
  const source = new LoadGenerator({ seed: SEED, meters, range, slotSeconds: SLOT_SECONDS });
  const program = loadFirmware();
  const progress = createProgress({ label: "devices", total: devices, silent: json });
  const preparedFrom = cpuSeconds();
  const beds = meters.map((_, i) => {
    progress.update(i + 1);
    return prepared(program, i);
  });
  progress.stop();
  const preparing = cpuSeconds() - preparedFrom;
  const busyBefore = sumOf(beds, ({ device }) => device.machine.busyCycles);
  const [wallFrom, cpuFrom] = [performance.now(), cpuSeconds()];
  let pulses = 0;
  for (let slot = firstSlot; slot < firstSlot + SLOTS; slot++) {
    for (const [i, bed] of beds.entries()) pulses += runSlot(bed, source.read(i, slot)!.importWh);
  }
  const seconds = cpuSeconds() - cpuFrom;
  const wallSeconds = (performance.now() - wallFrom) / 1_000;
  const readings = sumOf(beds, check);
  const busyCycles = sumOf(beds, ({ device }) => device.machine.busyCycles) - busyBefore;
  const results = {
    ...{ devices, readings, pulses, shares: AGGREGATORS * readings, busyCycles },
    cpuSeconds: rounded(seconds),
    wallSeconds: rounded(wallSeconds),
    timesRealTime: Math.round((devices * SLOTS * SLOT_SECONDS) / seconds),
    computedMegahertz: rounded(busyCycles / seconds / 1e6),
    provisioningMillisecondsEach: rounded((1_000 * preparing) / devices),
    memoryMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
    targetSeconds: TARGET_SECONDS,
  };
  if (!json) print(results);
  return Promise.resolve(results);
}

const rounded = (value: number): number => Math.round(value * 100) / 100;

/** Of this process: other programs on the machine do not count. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

function sumOf(beds: readonly VirtualBed[], figureOf: (bed: VirtualBed, number: number) => number): number {
  return beds.reduce((sum, bed, number) => sum + figureOf(bed, number), 0);
}

/** Provisioned, greeted, and at the beginning of the hour. */
function prepared(program: Uint16Array, number: number): VirtualBed {
  const bed = virtualBed({ program, seed: number + 1, aggregators: AGGREGATORS, slotSeconds: SLOT_SECONDS });
  bed.host.linkUp();
  bed.device.run(START - bed.now() + 2);
  return bed;
}

function runSlot({ device }: VirtualBed, pulses: number): number {
  device.planPulses(pulses, MARGIN_SECONDS, SLOT_SECONDS - 2 * MARGIN_SECONDS);
  device.run(SLOT_SECONDS);
  return pulses;
}

function check({ aggregators, device }: VirtualBed, number: number): number {
  // The last slot closed two seconds ago; its acks are there after a moment.
  device.run(1);
  for (const { cells, faults, index } of aggregators) {
    if (faults.length > 0) throw new Error(`device ${number}: ${faults.join("; ")}`);
    if (cells.size !== SLOTS) throw new Error(`device ${number}: aggregator ${index} has ${cells.size} readings`);
  }
  return SLOTS;
}

function print(results: Readonly<Record<string, number>>): void {
  const of = (name: string): number => results[name]!;
  const rows: (readonly [string, string])[] = [
    ["devices, for a simulated hour", figure(of("devices"))],
    ["processor time, one thread", duration(of("cpuSeconds"))],
    ["  on this machine just now", duration(of("wallSeconds"))],
    ["times real time", figure(of("timesRealTime"))],
    ["readings / sealed shares", `${figure(of("readings"))} / ${figure(of("shares"))}`],
    ["pulses counted", figure(of("pulses"))],
    ["cycles computed, the rest slept", figure(of("busyCycles"))],
    ["  millions per second", figure(of("computedMegahertz"))],
    ["provisioning a device", duration(of("provisioningMillisecondsEach") / 1_000)],
    ["memory (MiB)", figure(of("memoryMiB"))],
  ];
  process.stdout.write(`${figuresTable(["firmware in the emulator", "result"], rows)}\n`);
}
