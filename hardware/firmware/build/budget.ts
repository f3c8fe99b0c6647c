/** The limits of the firmware, and its budget as a page: measurements in, verdicts and Markdown out. */
import { AROUND_PARTS, bytesOf, CORE_PARTS, LIBRARY, PLATFORM } from "./image.ts";
import { type Measured, type Measurements, milliseconds } from "./measure.ts";

const FLASH_BYTES = 32_768;
const BOOTLOADER_BYTES = 512;
const RAM_BYTES = 2_048;
/** Data sheet DS40002061, typical at 5 V and 8 MHz: 5.2 mA active, 1.2 mA idle; in proportion to the clock. */
const ACTIVE_MW = 5.2 * 2 * 5;
const IDLE_MW = 1.2 * 2 * 5;
/** The bit rate that 16 MHz gives for 115,200; ten bits a byte. */
const BYTES_PER_SECOND = 11_764.7;
const EEPROM_WRITE_MS = 3.4;
const SLOTS_PER_DAY = 96;

export interface Limit {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  readonly limit: number;
  readonly atLeast?: boolean;
}

/** What has to hold, with what was measured. */
export function limitsOf({ image, devices }: Measurements): Limit[] {
  const core = CORE_PARTS.flatMap(([, files]) => files);
  const usual = devices.find(({ n }) => n === 3)!;
  return [
    { name: "flash of the core", unit: "bytes", value: bytesOf(image, core), limit: 8_192 },
    { name: "flash of the image beside a boot loader", unit: "bytes", value: image.flashBytes, limit: 18_432 },
    { name: "static RAM", unit: "bytes", value: image.staticRamBytes, limit: 640 },
    ...devices.flatMap((device): Limit[] => [
      { name: `RAM left, n = ${device.n}`, unit: "bytes", value: device.freeRamBytes, limit: 1_024, atLeast: true },
      { name: `share on the line, n = ${device.n}`, unit: "bytes", value: device.wireBytesPerShare, limit: 64 },
    ]),
    { name: "computing per reading, n = 3", unit: "cycles", value: usual.cyclesPerReading, limit: 240_000 },
    ...devices
      .filter(({ n }) => n !== 3)
      .map(({ n, cyclesPerReading }) => ({
        ...{ name: `computing per reading, n = ${n}`, unit: "cycles", value: cyclesPerReading },
        limit: 240_000 * (n / 3) + 20_000,
      })),
  ];
}

export function holds({ value, limit, atLeast }: Limit): boolean {
  return atLeast === true ? value >= limit : value <= limit;
}

export function describeLimit(one: Limit): string {
  const sign = one.atLeast === true ? "at least" : "at most";
  const verdict = holds(one) ? "holds" : "FAILS";
  return `${verdict}  ${one.name}: ${count(one.value)} ${one.unit} (${sign} ${count(one.limit)})`;
}

/** Energy in millijoules for one reading: computing, sending, writing it and taking its acks. */
function readingMj({ n, cyclesPerReading, cyclesPerAck, wireBytesPerShare, eepromWritesPerReading }: Measured) {
  const computing = (milliseconds(cyclesPerReading + n * cyclesPerAck) * ACTIVE_MW) / 1000;
  const waitingMs = (n * wireBytesPerShare * 1000) / BYTES_PER_SECOND + eepromWritesPerReading * EEPROM_WRITE_MS;
  return { computing, waiting: (waitingMs * IDLE_MW) / 1000 };
}

/** docs/hardware/budget.md. */
export function budgetPage(measurements: Measurements): string {
  const { image, devices } = measurements;
  const row = (name: string, of: (device: Measured) => string): string =>
    `| ${[name, ...devices.map(of)].join(" | ")} |`;
  return `${[
    "# The budget of a pulse meter",
    "",
    "Measured on simavr with the committed image, an ATmega328P at 16 MHz, `t = 2`; written by",
    "`npm run firmware -- budget`, held by `npm run firmware -- check`. Cycles are counted while the chip is awake, interrupts",
    "included. Energy is computed from them with the data sheet's typical currents (active 10.4 mA, idle 2.4 mA at 5 V).",
    "",
    "## One reading",
    "",
    `| | ${devices.map(({ n }) => `n = ${n}`).join(" | ")} |`,
    `| --- | ${devices.map(() => "---:").join(" | ")} |`,
    row("computing, slot's boundary to last share sealed: cycles", (d) => count(d.cyclesPerReading)),
    row("the same in ms", (d) => milliseconds(d.cyclesPerReading).toFixed(1)),
    row("an ack opened: cycles", (d) => count(d.cyclesPerAck)),
    row("a share on the line: bytes", (d) => count(d.wireBytesPerShare)),
    row("EEPROM cells written", (d) => count(d.eepromWritesPerReading)),
    row("energy, computing: mJ", (d) => readingMj(d).computing.toFixed(2)),
    row("energy, waiting for line and EEPROM: mJ", (d) => readingMj(d).waiting.toFixed(2)),
    row("deepest stack, with noise on the line: bytes", (d) => count(d.stackBytes)),
    row("RAM never touched: bytes", (d) => count(d.freeRamBytes)),
    row("a pulse: cycles", (d) => count(d.cyclesPerPulse)),
    row("a second without anything: cycles", (d) => count(d.cyclesPerIdleSecond)),
    row("from power to the first frame: ms of computing", (d) => milliseconds(d.cyclesToStart).toFixed(1)),
    "",
    "## A day",
    "",
    ...dayRows(devices),
    "",
    "The supply is the gateway's: a chip that hears its line sleeps in idle mode, and idle mode is what it spends.",
    "",
    "## Flash and RAM",
    "",
    "| part | bytes |",
    "| --- | ---: |",
    ...CORE_PARTS.map(([part, files]) => `| ${part} | ${count(bytesOf(image, files))} |`),
    `| **core** | **${count(sum(CORE_PARTS, measurements))}** |`,
    ...AROUND_PARTS.map(([part, files]) => `| ${part} | ${count(bytesOf(image, files))} |`),
    `| **the device around it** | **${count(sum(AROUND_PARTS, measurements))}** |`,
    `| ATmega328P: line, EEPROM, pulses, time, sleep | ${count(bytesOf(image, [PLATFORM]))} |`,
    `| compiler's library, start-up | ${count(bytesOf(image, [LIBRARY]))} |`,
    `| **image** (of ${count(FLASH_BYTES - BOOTLOADER_BYTES)} beside a boot loader) | **${count(image.flashBytes)}** |`,
    `| static RAM (of ${count(RAM_BYTES)}) | ${count(image.staticRamBytes)} |`,
    "",
    "## Limits",
    "",
    "| what | measured | limit | |",
    "| --- | ---: | ---: | --- |",
    ...limitsOf(measurements).map(
      (one) =>
        `| ${one.name}, ${one.unit} | ${count(one.value)} | ${one.atLeast === true ? ">=" : "<="} ${count(one.limit)} | ${
          holds(one) ? "holds" : "**fails**"
        } |`,
    ),
    "",
    "Readings shared by bits (`sharing.bits`) are not in this image; what they would cost is in",
    "[decision 9](../decisions/009-range-proofs.md).",
  ].join("\n")}\n`;
}

function dayRows(devices: readonly Measured[]): string[] {
  const idleJ = (IDLE_MW * 86_400) / 1000;
  return [
    "| | J a day |",
    "| --- | ---: |",
    ...devices.map((device) => {
      const { computing, waiting } = readingMj(device);
      return `| readings of ${SLOTS_PER_DAY} slots, n = ${device.n} | ${(((computing + waiting) * SLOTS_PER_DAY) / 1000).toFixed(2)} |`;
    }),
    `| asleep, hearing the line | ${idleJ.toFixed(0)} |`,
  ];
}

function sum(parts: typeof CORE_PARTS, { image }: Measurements): number {
  return parts.reduce((total, [, files]) => total + bytesOf(image, files), 0);
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
