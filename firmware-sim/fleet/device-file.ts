/**
 * An emulated device between runs: its EEPROM, and how far the register of its home had come when it was put in. Written
 * before anything that depends on it leaves the process, so that a killed process is no more than a power cut.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { EEPROM_BYTES } from "../emulator/avr/eeprom.ts";

const OFFSET_BYTES = 8;

export class DeviceFile {
  readonly #file: number;
  /** Undefined for a device that has never been. */
  readonly image: Uint8Array | undefined;
  /** Wh on the home's register that the device has not counted. */
  readonly offsetWh: number;

  /** Throws what the file system throws, and RangeError for a file that is none. */
  constructor(path: string, offsetWh: number) {
    const known = existsSync(path) ? readFileSync(path) : undefined;
    if (known !== undefined && known.length !== EEPROM_BYTES + OFFSET_BYTES) {
      throw new RangeError(`${path}: expected ${EEPROM_BYTES + OFFSET_BYTES} bytes, got ${known.length}`);
    }
    this.image = known === undefined ? undefined : new Uint8Array(known.subarray(OFFSET_BYTES));
    this.offsetWh = known === undefined ? offsetWh : Number(known.readBigUInt64BE(0));
    this.#file = openSync(path, known === undefined ? "w+" : "r+", 0o600);
  }

  /** Keys are in it: the file is its owner's alone. */
  save(image: Uint8Array): void {
    const bytes = Buffer.alloc(OFFSET_BYTES + EEPROM_BYTES);
    bytes.writeBigUInt64BE(BigInt(this.offsetWh));
    bytes.set(image, OFFSET_BYTES);
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}
