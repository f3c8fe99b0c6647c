/**
 * Encrypted P1 frames (Luxembourg, Austria): a DLMS "general global cipher" around a telegram, AES-128-GCM with a tag of
 * 12 bytes. 0xdb, 8, system title (8), 0x82, length (2), 0x30, frame counter (4), ciphertext, tag (12).
 */
import { createDecipheriv } from "node:crypto";

export const ENCRYPTED_START = 0xdb;
/** Everything before the ciphertext. */
export const ENCRYPTED_HEAD = 18;
const TITLE_LENGTH = 8;
const LENGTH_AT = 11;
/** Authenticated and encrypted, with the meter's unicast key. */
const SECURITY = 0x30;
const COUNTER_LENGTH = 4;
const TAG_LENGTH = 12;
/** What the length field counts besides the ciphertext. */
const OVERHEAD = 1 + COUNTER_LENGTH + TAG_LENGTH;

/** The one of Luxembourg's specification, which real meters do not all have. */
const PUBLIC_AUTHENTICATION_KEY = "00112233445566778899aabbccddeeff";

export interface P1Keys {
  /** 16 bytes, which the grid operator gives to the household. */
  readonly decryption: Uint8Array;
  /**
   * 16 bytes; where absent, the one of the specification. `unchecked` for meters whose operator keeps it to himself: the
   * tag is then worth nothing, and the checksum inside alone tells noise from content.
   */
  readonly authentication?: Uint8Array | "unchecked" | undefined;
}

/** Throws RangeError when a key has not 16 bytes. Names no key. */
export function assertP1Keys(keys: P1Keys): void {
  for (const [name, key] of [
    ["decryption", keys.decryption],
    ["authentication", keys.authentication],
  ] as const) {
    if (key !== undefined && key !== "unchecked" && key.length !== 16) {
      throw new RangeError(`${name} key: expected 16 bytes, got ${key.length}`);
    }
  }
}

/**
 * What the byte at `index` of a frame has to be for the frame to go on; the bytes before it are known.
 * Lengths are checked with the last byte of the head.
 */
export function headByteFits(index: number, byte: number): boolean {
  if (index === 0) return byte === ENCRYPTED_START;
  if (index === 1) return byte === TITLE_LENGTH;
  if (index === LENGTH_AT - 1) return byte === 0x82;
  if (index === ENCRYPTED_HEAD - COUNTER_LENGTH - 1) return byte === SECURITY;
  return true;
}

/** How many bytes a frame with this head has in all. */
export function encryptedLength(head: { at(index: number): number | undefined }): number {
  return LENGTH_AT + 2 + ((head.at(LENGTH_AT)! << 8) | head.at(LENGTH_AT + 1)!);
}

/** The shortest frame: an empty telegram. */
export const SHORTEST_ENCRYPTED = LENGTH_AT + 2 + OVERHEAD;

export interface SealedTelegram {
  readonly systemTitle: string;
  readonly frameCounter: number;
  /** Undefined when key or content are not genuine; of `unchecked` frames, whatever came out. */
  readonly telegram: Uint8Array | undefined;
}

/** Opens a whole frame. */
export function openFrame(frame: Uint8Array, keys: P1Keys): SealedTelegram {
  const title = frame.subarray(2, 2 + TITLE_LENGTH);
  const counter = frame.subarray(ENCRYPTED_HEAD - COUNTER_LENGTH, ENCRYPTED_HEAD);
  const decipher = createDecipheriv("aes-128-gcm", keys.decryption, Buffer.concat([title, counter]), {
    authTagLength: TAG_LENGTH,
  });
  const checked = keys.authentication !== "unchecked";
  if (keys.authentication !== "unchecked") {
    const authentication = keys.authentication ?? Buffer.from(PUBLIC_AUTHENTICATION_KEY, "hex");
    decipher.setAAD(Buffer.concat([Uint8Array.of(SECURITY), authentication]));
    decipher.setAuthTag(frame.subarray(frame.length - TAG_LENGTH));
  }
  let telegram: Uint8Array | undefined = decipher.update(frame.subarray(ENCRYPTED_HEAD, frame.length - TAG_LENGTH));
  try {
    if (checked) decipher.final();
  } catch {
    telegram = undefined; // Node tells of a wrong tag by an exception without a code
  }
  return {
    systemTitle: Buffer.from(title).toString("hex"),
    frameCounter: Buffer.from(counter).readUInt32BE(),
    telegram,
  };
}
