/** The committed binary of the meter's firmware, as it is flashed. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseIntelHex } from "./avr/intel-hex.ts";

const FIRMWARE_FILE = resolve(import.meta.dirname, "../../hardware/firmware/wattveil.hex");

/** Words of flash. Throws HexError, naming the file, for one that is damaged, and what the file system throws. */
export function loadFirmware(file: string = FIRMWARE_FILE): Uint16Array {
  return parseIntelHex(readFileSync(file, "utf8"));
}
