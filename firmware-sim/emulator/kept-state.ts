/**
 * What a device would come back with after a power cut, read from its EEPROM from outside
 * (hardware/firmware/PROTOCOL.md, "EEPROM"). A simulation may look; no frame of the device tells it.
 */
import { crc16 } from "../../hardware/link/crc16.ts";

const MAGIC = 0x5756;
const AGGREGATORS_AT = 5;
const SETTINGS_BYTES = 80;
const KEYS_BYTES = 64;
const STARTS_BYTES = 60;
const CHECKPOINTS = 16;
const CHECKPOINT_BYTES = 6;
const BOUNDARY_BYTES = 15;
const OPEN = 0x3c;
const SETTLED = 0x00;

export interface KeptBoundary {
  /** The slot that ended there. */
  readonly slot: number;
  /** 0 for the base, which is no reading, else a kind of reading. */
  readonly kind: number;
  readonly energyWh: number;
  readonly pulses: number;
  /** Every aggregator has answered for it. */
  readonly isSettled: boolean;
}

export interface KeptState {
  /** The highest total of the checkpoints and boundaries. */
  readonly pulses: number;
  /** Complete records by rising slot. */
  readonly boundaries: readonly KeptBoundary[];
}

/** Undefined for a device that is not provisioned. */
export function keptState(image: Uint8Array): KeptState | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length);
  if (bytes.readUInt16BE(0) !== MAGIC) return undefined;
  const starts = SETTINGS_BYTES + KEYS_BYTES * bytes[AGGREGATORS_AT]!;
  const checkpoints = starts + STARTS_BYTES;
  const first = checkpoints + CHECKPOINTS * CHECKPOINT_BYTES;
  let pulses = 0;
  for (let at = checkpoints; at < first; at += CHECKPOINT_BYTES) {
    if (crc16(bytes.subarray(at, at + 4)) === bytes.readUInt16BE(at + 4)) {
      pulses = Math.max(pulses, bytes.readUInt32BE(at));
    }
  }
  const boundaries: KeptBoundary[] = [];
  for (let at = first; at + BOUNDARY_BYTES <= bytes.length; at += BOUNDARY_BYTES) {
    const state = bytes[at + 14]!;
    if (state !== OPEN && state !== SETTLED) continue;
    if (crc16(bytes.subarray(at, at + 12)) !== bytes.readUInt16BE(at + 12)) continue;
    const reading = bytes.readUInt32BE(at + 8);
    const boundary = {
      slot: bytes.readUInt32BE(at),
      kind: reading >>> 30,
      energyWh: reading & 0x3fff_ffff,
      pulses: bytes.readUInt32BE(at + 4),
      isSettled: state === SETTLED || reading >>> 30 === 0,
    };
    boundaries.push(boundary);
    pulses = Math.max(pulses, boundary.pulses);
  }
  return { pulses, boundaries: boundaries.sort((a, b) => a.slot - b.slot) };
}
