/**
 * What a reading costs on a constrained device: cycles, time, energy, memory, battery life. Modelled from the budget
 * table; a pure function of it and of how the meter is used.
 */
import type { Cipher, DeviceBudget, RadioBudget } from "./budget.ts";

/** How a meter is used. */
export interface DeviceUse {
  /** Shares per reading: the number of aggregators. */
  readonly aggregators: number;
  readonly slotSeconds: number;
  /** Slots that travel in one message to each aggregator. */
  readonly slotsPerMessage: number;
  readonly cipher: Cipher;
  readonly batteryMah: number;
  readonly batteryV: number;
  /** Part of its charge that the battery loses in a year by itself. */
  readonly selfDischargePerYear: number;
  /** Message counters reserved by one EEPROM write, and the records that share the wear. */
  readonly counterBlock: number;
  readonly counterRecords: number;
}

/** Sealed bytes of a message besides its entries, and of one entry (docs/protocol.md, share message). */
const MESSAGE_OVERHEAD_BYTES = 44;
const ENTRY_BYTES = 16;
const SEAL_BLOCK_BYTES = 64;

/** A D-size lithium thionyl chloride cell, and counters kept in blocks of 256 over 16 records. */
export const DEFAULT_USE: DeviceUse = {
  aggregators: 3,
  slotSeconds: 900,
  slotsPerMessage: 1,
  cipher: "chacha20-poly1305",
  batteryMah: 19_000,
  batteryV: 3.6,
  selfDischargePerYear: 0.01,
  counterBlock: 256,
  counterRecords: 16,
};

/** All figures are modelled. */
export interface DeviceReport {
  readonly isModelled: true;
  readonly cyclesPerReading: number;
  readonly cpuMsPerReading: number;
  /** Energy of computing and of sending one reading, its part of each message included. */
  readonly cpuMjPerReading: number;
  readonly radioMjPerReading: number;
  readonly mjPerReading: number;
  /** Mean power over a day, sleeping included. */
  readonly meanPowerUw: number;
  readonly batteryYears: number;
  /** Until the cells that hold the message counters are worn out. */
  readonly eepromYears: number;
  readonly flashFreeBytes: number;
  readonly ramFreeBytes: number;
  /** False when the firmware does not fit or a reading takes longer than its slot. */
  readonly fits: boolean;
}

const DAYS_PER_YEAR = 365.25;

/** Works out the figures; throws RangeError naming what is out of range. */
export function modelDevice(budget: DeviceBudget, radio: RadioBudget, use: DeviceUse = DEFAULT_USE): DeviceReport {
  checkUse(use);
  // One seal per message and aggregator, over all entries of the message.
  const seals = use.aggregators / use.slotsPerMessage;
  const furtherBlocks = Math.ceil((use.slotsPerMessage * ENTRY_BYTES) / SEAL_BLOCK_BYTES) - 1;
  const cyclesPerMessage = budget.cyclesPerSeal[use.cipher] + furtherBlocks * budget.cyclesPerFurtherBlock[use.cipher];
  const cyclesPerReading = use.aggregators * budget.cyclesPerShare + seals * cyclesPerMessage;
  const cpuSeconds = cyclesPerReading / budget.cpuHz;
  const activeMw = budget.activeMa * budget.supplyV;
  const cpuMjPerReading = cpuSeconds * activeMw;
  const bytesPerReading = seals * MESSAGE_OVERHEAD_BYTES + use.aggregators * ENTRY_BYTES;
  const radioMjPerReading = seals * radio.mjPerMessage + bytesPerReading * radio.mjPerByte;
  const mjPerReading = cpuMjPerReading + radioMjPerReading;
  const sleepUw = budget.sleepUa * budget.supplyV;
  const asleep = Math.max(0, 1 - cpuSeconds / use.slotSeconds);
  const meanPowerUw = sleepUw * asleep + (mjPerReading / use.slotSeconds) * 1000;
  const flashFreeBytes = budget.flashBytes - budget.firmwareFlashBytes;
  // The measured RAM holds a message of one slot; a batch is put together in RAM, for one aggregator after the other.
  const batchBytes = (use.slotsPerMessage - 1) * ENTRY_BYTES;
  const ramFreeBytes = budget.ramBytes - budget.firmwareStaticRamBytes - budget.firmwareStackBytes - batchBytes;
  const messagesPerDay = (86_400 / use.slotSeconds) * seals;
  return {
    isModelled: true,
    cyclesPerReading,
    cpuMsPerReading: cpuSeconds * 1000,
    cpuMjPerReading,
    radioMjPerReading,
    mjPerReading,
    meanPowerUw,
    batteryYears: batteryYears(meanPowerUw, use),
    eepromYears: (budget.eepromWrites * use.counterRecords * use.counterBlock) / messagesPerDay / DAYS_PER_YEAR,
    flashFreeBytes,
    ramFreeBytes,
    fits: flashFreeBytes >= 0 && ramFreeBytes >= 0 && cpuSeconds < use.slotSeconds,
  };
}

/** Energy E of the battery falls by load P and self-discharge r: E' = -P - rE, so it lasts ln(1 + rE/P) / r. */
function batteryYears(meanPowerUw: number, use: DeviceUse): number {
  const energyJ = use.batteryMah * 3.6 * use.batteryV;
  const joulesPerYear = meanPowerUw * 1e-6 * DAYS_PER_YEAR * 86_400;
  const rate = use.selfDischargePerYear;
  return rate === 0 ? energyJ / joulesPerYear : Math.log(1 + (rate * energyJ) / joulesPerYear) / rate;
}

function checkUse(use: DeviceUse): void {
  const integers = ["aggregators", "slotSeconds", "slotsPerMessage", "counterBlock", "counterRecords"] as const;
  for (const name of integers) {
    if (!Number.isInteger(use[name]) || use[name] < 1) {
      throw new RangeError(`${name}: expected an integer of at least 1, got ${use[name]}`);
    }
  }
  for (const name of ["batteryMah", "batteryV"] as const) {
    if (!(use[name] > 0)) throw new RangeError(`${name}: expected more than 0, got ${use[name]}`);
  }
  if (!(use.selfDischargePerYear >= 0)) {
    throw new RangeError(`selfDischargePerYear: expected at least 0, got ${use.selfDischargePerYear}`);
  }
}
