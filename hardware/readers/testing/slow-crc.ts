/** Reflected CRC-16, one bit after the other: what the tables of the readers are checked against. */
function slowCrc(bytes: Uint8Array, polynomial: number, start: number, xorOut: number): number {
  let crc = start;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const differs = ((crc ^ (byte >>> bit)) & 1) === 1;
      crc = differs ? (crc >>> 1) ^ polynomial : crc >>> 1;
    }
  }
  return crc ^ xorOut;
}

export const slowArc = (bytes: Uint8Array): number => slowCrc(bytes, 0xa001, 0, 0);
export const slowX25 = (bytes: Uint8Array): number => slowCrc(bytes, 0x8408, 0xffff, 0xffff);
export const slowKermit = (bytes: Uint8Array): number => slowCrc(bytes, 0x8408, 0, 0);
