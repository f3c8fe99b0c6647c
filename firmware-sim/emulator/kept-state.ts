/** Reads the pulse total that a device would come back with from its EEPROM (hardware/firmware/PROTOCOL.md, "EEPROM"). */
import { crc16 } from "../../../hardware/link/crc16.ts";

const STARTS_BYTES = 60;
const CHECKPOINTS = 16;
const CHECKPOINT_BYTES = 6;
const BOUNDARY_BYTES = 15;
/** A boundary counts once it is open or settled. */
const COMPLETE = [0x3c, 0x00];

/** The highest of the checkpoints and of the last boundary, 0 where there is none. */
export function keptPulses(image: Uint8Array): number {
  const bytes = Buffer.from(image);
  const rings = 80 + 64 * bytes[5]!;
  let kept = 0;
  for (let i = 0; i < CHECKPOINTS; i++) {
    const record = bytes.subarray(rings + STARTS_BYTES + i * CHECKPOINT_BYTES).subarray(0, CHECKPOINT_BYTES);
    if (crc16(record.subarray(0, 4)) === record.readUInt16BE(4)) kept = Math.max(kept, record.readUInt32BE(0));
  }
  const first = rings + STARTS_BYTES + CHECKPOINTS * CHECKPOINT_BYTES;
  for (let at = first; at + BOUNDARY_BYTES <= bytes.length; at += BOUNDARY_BYTES) {
    const record = bytes.subarray(at, at + BOUNDARY_BYTES);
    const isComplete = COMPLETE.includes(record[14]!) && crc16(record.subarray(0, 12)) === record.readUInt16BE(12);
    if (isComplete) kept = Math.max(kept, record.readUInt32BE(4));
  }
  return kept;
}
