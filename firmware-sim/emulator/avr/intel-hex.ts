/** Reads Intel HEX, as linkers for AVR write it, into words of flash. Nothing but a whole, undamaged file is accepted. */

/** Flash of the ATmega328P. */
const FLASH_BYTES = 32_768;

const TYPES = { data: 0, end: 1, segment: 2, start: 3, linear: 4, startLinear: 5 } as const;

/** A program that cannot be loaded. The message names the line and what is wrong with it. */
export class HexError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HexError";
  }
}

/** Words of flash, unwritten ones 0xffff. Throws HexError. */
export function parseIntelHex(text: string): Uint16Array<ArrayBuffer> {
  const flash = new Uint8Array(FLASH_BYTES).fill(0xff);
  let base = 0;
  let ended = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === "") continue;
    const where = `line ${index + 1}`;
    if (ended) throw new HexError(`${where}: something follows the end record`);
    const { address, type, data } = parseRecord(line, where);
    if (type === TYPES.data) {
      const from = base + address;
      if (from + data.length > FLASH_BYTES) {
        throw new HexError(`${where}: bytes from ${from} on do not fit into ${FLASH_BYTES} bytes of flash`);
      }
      flash.set(data, from);
    } else if (type === TYPES.end) ended = true;
    else if (type === TYPES.segment) base = wordOf(data, where) * 16;
    else if (type === TYPES.linear) base = wordOf(data, where) * 65_536;
    else if (type !== TYPES.start && type !== TYPES.startLinear) {
      throw new HexError(`${where}: unknown record type ${type}`);
    }
  }
  if (!ended) throw new HexError("the end record is missing: the file is cut off");
  return new Uint16Array(flash.buffer);
}

function parseRecord(line: string, where: string): { address: number; type: number; data: Uint8Array } {
  if (!/^:([0-9A-Fa-f]{2}){5,}$/.test(line)) throw new HexError(`${where}: not a record of Intel HEX`);
  const bytes = Buffer.from(line.slice(1), "hex");
  if (bytes.length !== bytes[0]! + 5) throw new HexError(`${where}: its length is not what it says`);
  if (bytes.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) throw new HexError(`${where}: wrong checksum`);
  return { address: bytes.readUInt16BE(1), type: bytes[3]!, data: bytes.subarray(4, -1) };
}

function wordOf(data: Uint8Array, where: string): number {
  if (data.length !== 2) throw new HexError(`${where}: expected an address of two bytes, got ${data.length}`);
  return data[0]! * 256 + data[1]!;
}
