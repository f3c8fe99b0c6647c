/** The 16-bit checksums of meters. All of them are reflected: the least significant bit comes first. */

/** Polynomial x^16 + x^15 + x^2 + 1, reflected. */
const ARC_TABLE = tableOf(0xa001);
/** Polynomial x^16 + x^12 + x^5 + 1, reflected. */
const CCITT_TABLE = tableOf(0x8408);

/** CRC-16/ARC (P1). `123456789` gives 0xbb3d. */
export function crcArc(bytes: Uint8Array): number {
  return remainder(ARC_TABLE, bytes, 0);
}

/** CRC-16/X-25 (SML, HDLC). `123456789` gives 0x906e. */
export function crcX25(bytes: Uint8Array): number {
  return remainder(CCITT_TABLE, bytes, 0xffff) ^ 0xffff;
}

/** CRC-16/KERMIT, which some SML meters use by mistake. `123456789` gives 0x2189. */
export function crcKermit(bytes: Uint8Array): number {
  return remainder(CCITT_TABLE, bytes, 0);
}

function remainder(table: Uint16Array, bytes: Uint8Array, start: number): number {
  let crc = start;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  return crc;
}

function tableOf(polynomial: number): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
    return crc;
  });
}
