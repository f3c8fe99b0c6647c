/**
 * The checksum of SML files and messages, as the number that its two bytes are when the first is the high one.
 * By the standard it is X-25, low byte first. Some meters (Holley DTZ541, Itron) compute Kermit, high byte first.
 */
import { crcKermit, crcX25 } from "./crc16.ts";

export const SML_CRCS = ["x25", "kermit"] as const;
export type SmlCrc = (typeof SML_CRCS)[number];

export function smlCrc(name: SmlCrc, bytes: Uint8Array): number {
  if (name === "kermit") return crcKermit(bytes);
  const sum = crcX25(bytes);
  return ((sum & 0xff) << 8) | (sum >>> 8);
}
