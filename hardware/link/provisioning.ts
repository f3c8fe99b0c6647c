/**
 * What makes a blank device a meter: settings and derived keys in, the frames that carry them out, in the order in which
 * they are sent (hardware/firmware/PROTOCOL.md, "Provisioning"). Root keys never come here, and nothing is kept.
 */
import { createCipheriv } from "node:crypto";
import { meterId } from "../../protocol/names.ts";
import { FINGERPRINT_BYTES, type ProvisionFrame } from "./frames.ts";

const KEY_BYTES = 32;
const MAX_AGGREGATORS = 5;
const MAX_THRESHOLD = 3;
/** Least and most. */
export type Range = readonly [number, number];
/** The most pulses that a power cut may lose. */
export const CHECKPOINT: Range = [16, 255];
export const PULSES_PER_KWH: Range = [1, 1_000_000];
const LAYOUT_VERSION = 1;
const METER_BYTES = 32;
const SETTINGS_PART = 0;
const END_PART = 255;
const FINGERPRINT_NONCE = Buffer.from("wv1 identity");

/** The keys of one direction each between a device and an aggregator, 32 bytes (protocol/envelope, `directionKey`). */
export interface PeerKeys {
  readonly shareKey: Uint8Array;
  readonly ackKey: Uint8Array;
}

export interface Provisioning {
  readonly meter: string;
  /** Made for this device alone, 32 random bytes. */
  readonly polynomialKey: Uint8Array;
  /** Of aggregators 1 to n, in order: at most 5. */
  readonly peers: readonly PeerKeys[];
  /** 1 to 3, at most n. */
  readonly threshold: number;
  /** The most pulses that a power cut may lose, 16 to 255. Fewer wear the EEPROM more. */
  readonly checkpoint: number;
  /** 1 to 3,600. */
  readonly slotSeconds: number;
  /** 1 to 1,000,000. */
  readonly pulsesPerKwh: number;
  /** Wait for an ack before a share is sent again, 1 to 255. */
  readonly resendSeconds: number;
}

/**
 * The frames to send, and the fingerprint that the device reports once it has taken them all. Throws RangeError on a
 * value out of range; no message holds a key.
 */
export function provisioningFrames(input: Provisioning): {
  readonly frames: readonly ProvisionFrame[];
  readonly fingerprint: Uint8Array;
} {
  const { meter, polynomialKey, peers, threshold, checkpoint, slotSeconds, pulsesPerKwh, resendSeconds } = input;
  meterId.parse(meter);
  assertKey("polynomialKey", polynomialKey);
  assertRange("peers", peers.length, 1, MAX_AGGREGATORS);
  assertRange("threshold", threshold, 1, Math.min(MAX_THRESHOLD, peers.length));
  assertRange("checkpoint", checkpoint, ...CHECKPOINT);
  assertRange("slotSeconds", slotSeconds, 1, 3_600);
  assertRange("pulsesPerKwh", pulsesPerKwh, ...PULSES_PER_KWH);
  assertRange("resendSeconds", resendSeconds, 1, 255);
  const keys = peers.map(({ shareKey, ackKey }, index) => {
    assertKey(`peers[${index}].shareKey`, shareKey);
    assertKey(`peers[${index}].ackKey`, ackKey);
    return Buffer.concat([shareKey, ackKey]);
  });
  const settings = Buffer.alloc(10);
  settings.set([peers.length, threshold, checkpoint]);
  settings.writeUInt16BE(slotSeconds, 3);
  settings.writeUInt32BE(pulsesPerKwh, 5);
  settings[9] = resendSeconds;
  const name = Buffer.from(meter);
  const padded = Buffer.alloc(METER_BYTES);
  padded.set(name);
  // As the device keeps it, from byte 4 of its EEPROM on.
  const kept = Buffer.concat([
    Uint8Array.of(LAYOUT_VERSION),
    settings,
    Uint8Array.of(name.length),
    padded,
    polynomialKey,
    ...keys,
  ]);
  const fingerprint = fingerprintOf(polynomialKey, kept);
  const part = (number: number, content: Uint8Array): ProvisionFrame => ({ kind: "provision", part: number, content });
  return {
    frames: [
      part(SETTINGS_PART, Buffer.concat([settings, polynomialKey, name])),
      ...keys.map((content, index) => part(index + 1, content)),
      part(END_PART, fingerprint),
    ],
    fingerprint,
  };
}

function fingerprintOf(key: Uint8Array, kept: Uint8Array): Uint8Array {
  const cipher = createCipheriv("chacha20-poly1305", key, FINGERPRINT_NONCE, { authTagLength: FINGERPRINT_BYTES });
  cipher.setAAD(kept, { plaintextLength: 0 });
  cipher.final();
  return new Uint8Array(cipher.getAuthTag());
}

function assertKey(name: string, key: Uint8Array): void {
  if (key.length !== KEY_BYTES) throw new RangeError(`${name}: expected ${KEY_BYTES} bytes, got ${key.length}`);
}

function assertRange(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name}: expected an integer from ${least} to ${most}, got ${value}`);
  }
}
