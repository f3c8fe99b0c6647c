/** Measures the firmware on the simulated chip: cycles, RAM and bytes of one reading, for several numbers of aggregators. */
import { join } from "node:path";
import { Bench } from "../simavr/bench.ts";
import { CPU_HZ, type Mark, Simulator } from "../simavr/simulator.ts";
import { type ImageParts, imageParts } from "./image.ts";
import { COMMITTED_HEX, make } from "./toolchain.ts";

/** Values of GPIOR0, as in avr/board.h. */
const WORK = 1;
const EEPROM = 3;
const SLOT_SECONDS = 900;
const PULSES = 200;
/** Longest wait for a share: a boundary is taken a second late at most. */
const SHARE_MS = 3_000;

export interface Measured {
  readonly n: number;
  readonly t: number;
  /** From the slot's boundary to the last share handed to the line: everything that the chip computes. */
  readonly cyclesPerReading: number;
  readonly cyclesPerAck: number;
  readonly cyclesPerPulse: number;
  /** Of keeping time, awake every four seconds. */
  readonly cyclesPerIdleSecond: number;
  /** From power to the first frame. */
  readonly cyclesToStart: number;
  readonly eepromWritesPerReading: number;
  /** A share's frame on the serial line, delimiter included, and the sealed message in it. */
  readonly wireBytesPerShare: number;
  /** RAM without stack; the deepest stack while noise arrives; what is then left. */
  readonly staticRamBytes: number;
  readonly stackBytes: number;
  readonly freeRamBytes: number;
}

export interface Measurements {
  readonly image: ImageParts;
  readonly devices: readonly Measured[];
}

/** Builds the image's sources for its map, and measures the committed image. Throws ToolchainError. */
export async function measureFirmware(folder: string, numbers: readonly number[]): Promise<Measurements> {
  await make(folder, "wattveil.hex", "runner");
  const image = await imageParts(folder);
  const devices: Measured[] = [];
  for (const n of numbers) {
    const chip = new Simulator(join(folder, "runner"), COMMITTED_HEX, image.staticRamBytes);
    try {
      devices.push(await measureDevice(chip, n));
    } finally {
      await chip.stop();
    }
  }
  return { image, devices };
}

async function measureDevice(chip: Simulator, n: number): Promise<Measured> {
  const t = 2;
  const bench = new Bench(chip, n, { threshold: t });
  await bench.runMs(100);
  await bench.provision();
  await chip.power();
  await chip.marks();
  await bench.runMs(100);
  const cyclesToStart = worked(await chip.marks());
  await bench.connect();

  // The first boundary is the base; the second closes the first reading.
  const boundary = Math.ceil(bench.time / SLOT_SECONDS) * SLOT_SECONDS;
  await bench.runTo(boundary + 2);
  await chip.marks();
  await bench.pulses({ count: PULSES, lowMs: 40, highMs: 60 });
  const pulsesCycles = worked(await chip.marks());
  await bench.runMs(100_000);
  const cyclesPerIdleSecond = worked(await chip.marks()) / 100;
  await runKeepingLink(bench, boundary + SLOT_SECONDS - 1);
  const reading = await readingOf(chip, bench);
  await chip.marks();
  await bench.acknowledge(reading.shares);
  const cyclesPerAck = worked(await chip.marks()) / n;

  // Once more with noise on the line, which interrupts the chip at its deepest.
  await runKeepingLink(bench, boundary + 2 * SLOT_SECONDS - 1);
  await readingOf(chip, bench, true);
  const { staticBytes, usedBytes, freeBytes } = await chip.ram();
  return {
    ...{ n, t, cyclesToStart, cyclesPerAck, cyclesPerIdleSecond },
    cyclesPerPulse: pulsesCycles / PULSES,
    cyclesPerReading: reading.cycles,
    eepromWritesPerReading: reading.writes,
    wireBytesPerShare: Math.max(...reading.shares.map(({ wireBytes }) => wireBytes)),
    ...{ staticRamBytes: staticBytes, stackBytes: usedBytes, freeRamBytes: freeBytes },
  };
}

/** Across a boundary that is less than a second ahead, to the last share of its reading. */
async function readingOf(chip: Simulator, bench: Bench, withNoise = false) {
  const { n, shares } = bench;
  const before = shares.length;
  await chip.marks();
  for (const end = bench.time + SHARE_MS / 1000; shares.length < before + n && bench.time < end; ) {
    // Bytes that end no frame: nothing but interrupts come of them.
    if (withNoise) await chip.send(Buffer.alloc(64, 0x55));
    await bench.runMs(5);
  }
  const marks = await chip.marks();
  const found = shares.slice(before);
  if (found.length !== n) throw new Error(`expected ${n} shares of a reading, got ${found.length}`);
  return { shares: found, cycles: worked(marks), writes: marks.get(EEPROM)?.times ?? 0 };
}

/** A gateway repeats its link every minute. */
async function runKeepingLink(bench: Bench, until: number): Promise<void> {
  for (;;) {
    await bench.keepLink();
    if (until - bench.time < 60) break;
    await bench.runMs(60_000);
  }
  await bench.runTo(until);
}

function worked(marks: ReadonlyMap<number, Mark>): number {
  return marks.get(WORK)?.cycles ?? 0;
}

export function milliseconds(cycles: number): number {
  return (cycles / CPU_HZ) * 1000;
}
